-- The newest rejected records.
-- param limit INT 20: rows to show
SELECT
    start,
    interface_id,
    srcaddr,
    srcport,
    dstaddr,
    dstport,
    protocol_name(protocol) AS protocol,
    packets,
    bytes
FROM flows
WHERE action = 'REJECT'
ORDER BY start DESC, interface_id, srcaddr, srcport, dstaddr, dstport
LIMIT $limit
