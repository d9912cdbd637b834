-- The flows of an address with their Community IDs, to find them in other tools.
--
-- Zeek, Suricata, Arkime and others write the same id for the same flow.
-- param address TEXT: the address
-- param limit INT 50: rows to show
SELECT
    community_id(srcaddr, dstaddr, srcport, dstport, flows.protocol) AS community_id,
    count(*) AS records,
    min(srcaddr) AS address,
    max(srcaddr) AS peer,
    protocol_name(max(flows.protocol)) AS protocol,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE srcaddr = $address OR dstaddr = $address
GROUP BY 1
ORDER BY first_seen, community_id
LIMIT $limit
