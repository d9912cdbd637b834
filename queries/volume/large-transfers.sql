-- Accepted transfers from one address to another above a size.
--
-- The records of a pair and service port are added up, since a long transfer
-- has a record for each aggregation interval.
-- param min_bytes INT 1000000000: bytes from which a transfer is large
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    least(srcport, dstport) AS port,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE action = 'ACCEPT'
GROUP BY 1, 2, 3
HAVING sum(bytes) >= $min_bytes
ORDER BY bytes DESC, source, destination, port
LIMIT $limit
