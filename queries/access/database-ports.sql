-- Accepted traffic to ports of databases and caches.
-- param ports TEXT '1433,1521,3306,5432,6379,9042,9200,11211,27017': the ports, separated by commas
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    dstport AS port,
    port_service(dstport, protocol) AS service,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE
    action = 'ACCEPT'
    AND protocol IN (6, 17)
    AND array_has(string_to_array($ports, ','), CAST(dstport AS TEXT))
GROUP BY srcaddr, dstaddr, dstport, protocol
ORDER BY bytes DESC NULLS LAST, source, destination, port
LIMIT $limit
