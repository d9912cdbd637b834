-- Accepted traffic to ports of administration.
-- param ports TEXT '22,23,3389,5900,5985,5986': the ports, separated by commas
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
