-- The peers of an address: what went each way, when, over which ports.
-- param address TEXT: the address
-- param limit INT 50: rows to show
SELECT
    CASE WHEN srcaddr = $address THEN dstaddr ELSE srcaddr END AS peer,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    sum(bytes) FILTER (WHERE srcaddr = $address) AS bytes_sent,
    sum(bytes) FILTER (WHERE dstaddr = $address) AS bytes_received,
    count(DISTINCT server_port(srcport, dstport)) AS ports,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE srcaddr = $address OR dstaddr = $address
GROUP BY 1
ORDER BY flows DESC, peer
LIMIT $limit
