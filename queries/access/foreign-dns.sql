-- DNS requests to resolvers that are not approved.
--
-- Requests to AWS's own resolver are in no flow log.
-- param resolvers TEXT '10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7': networks of approved resolvers
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS resolver,
    protocol_name(protocol) AS protocol,
    dstport AS port,
    action,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE
    protocol IN (6, 17)
    AND dstport IN (53, 853)
    AND NOT cidr_contains($resolvers, dstaddr)
GROUP BY srcaddr, dstaddr, flows.protocol, dstport, action
ORDER BY flows DESC, source, resolver, port, action, protocol
LIMIT $limit
