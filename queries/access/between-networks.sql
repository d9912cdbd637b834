-- Traffic from one network to another, by address and port.
-- param source TEXT: networks of the sources, such as 10.0.0.0/16, separated by commas
-- param destination TEXT '0.0.0.0/0,::/0': networks of the destinations
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    server_port(srcport, dstport) AS port,
    action,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE cidr_contains($source, srcaddr) AND cidr_contains($destination, dstaddr)
GROUP BY 1, 2, 3, 4
ORDER BY bytes DESC NULLS LAST, 1, 2, 3, 4
LIMIT $limit
