-- What two addresses exchanged, each direction and port for itself.
-- param a TEXT: one address
-- param b TEXT: the other address
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    server_port(srcport, dstport) AS port,
    protocol_name(protocol) AS protocol,
    action,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE (srcaddr = $a AND dstaddr = $b) OR (srcaddr = $b AND dstaddr = $a)
GROUP BY srcaddr, dstaddr, server_port(srcport, dstport), flows.protocol, action
ORDER BY first_seen, source, port, action, protocol
