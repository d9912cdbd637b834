-- Five-tuples ranked by bytes: the records of one direction of a connection together.
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    srcport AS source_port,
    dstaddr AS destination,
    dstport AS destination_port,
    protocol_name(protocol) AS protocol,
    count(*) AS records,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL
GROUP BY srcaddr, srcport, dstaddr, dstport, flows.protocol
ORDER BY bytes DESC NULLS LAST, source, source_port, destination, destination_port, 5
LIMIT $limit
