-- What private addresses sent to public ones, with an estimate of what it costs.
--
-- AWS charges by GB of 1,000,000,000 bytes; rates differ by Region and volume.
-- Traffic that another interface passes on, such as a NAT gateway's, is in the
-- data twice.
-- param dollars_per_gb DOUBLE 0.09: the rate
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    count(*) AS flows,
    sum(bytes) AS bytes,
    round(sum(bytes) / 1000000000.0 * $dollars_per_gb, 4) AS dollars,
    count(DISTINCT dstaddr) AS destinations
FROM flows
WHERE action = 'ACCEPT' AND is_private(srcaddr) AND NOT is_private(dstaddr)
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, source
LIMIT $limit
