-- Accepted traffic of protocols other than TCP, UDP and ICMP.
-- param limit INT 20: rows to show
SELECT
    protocol,
    protocol_name(protocol) AS name,
    srcaddr AS source,
    dstaddr AS destination,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE action = 'ACCEPT' AND protocol NOT IN (1, 6, 17, 58)
GROUP BY 1, 2, 3, 4
ORDER BY bytes DESC NULLS LAST, protocol, source, destination
LIMIT $limit
