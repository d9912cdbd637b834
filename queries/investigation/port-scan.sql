-- Sources that tried many ports of one target within an hour.
--
-- Hours are those of the record's start time, in UTC. A server that answers to
-- the changing ports of its clients looks the same from its side: records from
-- a service's port to an ephemeral one are left out.
-- param min_ports INT 20: distinct destination ports from which it is a scan
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS target,
    date_trunc('hour', start) AS hour,
    count(DISTINCT dstport) AS ports,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE
    protocol IN (6, 17)
    AND NOT (srcport < 32768 AND dstport >= 32768)
    AND NOT (srcport < 1024 AND dstport >= 1024)
GROUP BY 1, 2, 3
HAVING count(DISTINCT dstport) >= $min_ports
ORDER BY ports DESC, source, target, hour
LIMIT $limit
