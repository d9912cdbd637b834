-- Why traffic was rejected, where neither security groups nor network ACLs did it.
--
-- AWS gives a reason for block public access (BPA) and encryption controls (EC).
-- needs reject_reason
SELECT
    reject_reason AS reason,
    count(*) AS flows,
    sum(packets) AS packets,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS targets
FROM flows
WHERE action = 'REJECT'
GROUP BY 1
ORDER BY flows DESC, reason NULLS LAST
