-- Sources that tried one port of many targets within an hour.
--
-- Hours are those of the record's start time, in UTC. Answers from a service's
-- port are left out.
-- param min_targets INT 20: distinct destinations from which it is a sweep
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstport AS port,
    date_trunc('hour', start) AS hour,
    count(DISTINCT dstaddr) AS targets,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE protocol IN (6, 17) AND dstport = server_port(srcport, dstport)
GROUP BY 1, 2, 3
HAVING count(DISTINCT dstaddr) >= $min_targets
ORDER BY targets DESC, source, port, hour
LIMIT $limit
