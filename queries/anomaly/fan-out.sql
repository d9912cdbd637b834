-- Sources that reach many destinations within an hour.
-- param min_destinations INT 50: distinct destinations from which one is shown
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    date_trunc('hour', start) AS hour,
    count(DISTINCT dstaddr) AS destinations,
    count(DISTINCT dstport) AS ports,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected
FROM flows
WHERE protocol NOT IN (6, 17) OR dstport = server_port(srcport, dstport)
GROUP BY 1, 2
HAVING count(DISTINCT dstaddr) >= $min_destinations
ORDER BY destinations DESC, source, hour
LIMIT $limit
