-- What was rejected: source, destination and port, by the number of records.
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    dstport AS port,
    protocol_name(protocol) AS protocol,
    port_service(dstport, protocol) AS service,
    count(*) AS flows,
    sum(packets) AS packets,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE action = 'REJECT'
GROUP BY srcaddr, dstaddr, dstport, flows.protocol
ORDER BY flows DESC, source, destination, port
LIMIT $limit
