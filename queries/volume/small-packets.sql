-- Pairs with many packets of few bytes: keep-alives, scans, tunnels over DNS.
-- param max_bytes DOUBLE 80: mean bytes of a packet
-- param min_packets INT 1000: packets from which a pair is shown
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    server_port(srcport, dstport) AS port,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(1.0 * sum(bytes) / sum(packets), 1) AS bytes_per_packet
FROM flows
WHERE packets > 0
GROUP BY 1, 2, 3
HAVING sum(packets) >= $min_packets AND 1.0 * sum(bytes) / sum(packets) <= $max_bytes
ORDER BY packets DESC, source, destination, port
LIMIT $limit
