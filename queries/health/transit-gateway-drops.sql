-- Packets that a transit gateway dropped, by attachment and cause.
-- param limit INT 20: rows to show
-- needs tgw_attachment_id packets_lost_no_route packets_lost_blackhole packets_lost_mtu_exceeded packets_lost_ttl_expired
SELECT
    tgw_attachment_id AS attachment,
    sum(packets_lost_no_route) AS no_route,
    sum(packets_lost_blackhole) AS blackhole,
    sum(packets_lost_mtu_exceeded) AS mtu_exceeded,
    sum(packets_lost_ttl_expired) AS ttl_expired,
    sum(packets) AS packets
FROM flows
GROUP BY 1
HAVING
    sum(packets_lost_no_route) + sum(packets_lost_blackhole)
    + sum(packets_lost_mtu_exceeded) + sum(packets_lost_ttl_expired) > 0
ORDER BY 1
LIMIT $limit
