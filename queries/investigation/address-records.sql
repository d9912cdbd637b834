-- The records of an address, on either side, from the first on.
-- param address TEXT: the address
-- param limit INT 100: rows to show
SELECT
    start,
    interface_id,
    srcaddr,
    srcport,
    dstaddr,
    dstport,
    protocol_name(protocol) AS protocol,
    packets,
    bytes,
    action
FROM flows
WHERE srcaddr = $address OR dstaddr = $address
ORDER BY start, interface_id, srcaddr, srcport, dstaddr, dstport
LIMIT $limit
