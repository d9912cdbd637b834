-- Sources of rejected traffic, ranked by the number of rejected flows.
--
-- `targets` and `ports` tell a scan, which has many of either, from a client
-- that a rule keeps out of one service.
-- param limit INT 10: rows to show
SELECT
    srcaddr AS source,
    count(*) AS flows,
    round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    count(DISTINCT dstaddr) AS targets,
    count(DISTINCT dstport) AS ports,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE action = 'REJECT'
GROUP BY srcaddr
ORDER BY flows DESC, source
LIMIT $limit
