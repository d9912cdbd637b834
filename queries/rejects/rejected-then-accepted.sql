-- Sources that a target rejected several times and later accepted at the same port.
--
-- What a successful brute force looks like, and a rule that was opened.
-- param min_rejects INT 5: rejected records before the first accepted one
-- param limit INT 20: rows to show
SELECT
    tries.source,
    tries.target,
    tries.port,
    tries.rejected,
    tries.first_rejected,
    min(accepted.start) AS first_accepted,
    count(*) AS accepted
FROM (
    SELECT
        srcaddr AS source,
        dstaddr AS target,
        dstport AS port,
        count(*) AS rejected,
        min(start) AS first_rejected
    FROM flows
    WHERE action = 'REJECT'
    GROUP BY 1, 2, 3
    HAVING count(*) >= $min_rejects
) AS tries
JOIN flows AS accepted
    ON accepted.srcaddr = tries.source
    AND accepted.dstaddr = tries.target
    AND accepted.dstport = tries.port
WHERE accepted.action = 'ACCEPT' AND accepted.start > tries.first_rejected
GROUP BY 1, 2, 3, 4, 5
ORDER BY tries.rejected DESC, tries.source, tries.target, tries.port
LIMIT $limit
