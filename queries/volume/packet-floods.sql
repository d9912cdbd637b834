-- Records of many packets in a short time, as of a flood.
-- param min_packets INT 10000: packets of a record
-- param max_seconds INT 60: seconds of a record
-- param limit INT 20: rows to show
SELECT
    start,
    interface_id,
    srcaddr AS source,
    dstaddr AS destination,
    dstport AS port,
    packets,
    bytes,
    round(1.0 * packets / greatest(date_part('epoch', "end") - date_part('epoch', start), 1), 1)
        AS packets_per_second
FROM flows
WHERE
    packets >= $min_packets
    AND date_part('epoch', "end") - date_part('epoch', start) <= $max_seconds
ORDER BY packets DESC, start, source, destination, port
LIMIT $limit
