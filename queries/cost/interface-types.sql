-- Traffic by the type of the interface and of the next hop.
-- param limit INT 20: rows to show
-- needs interface_type next_hop_interface_type flow_direction
SELECT
    interface_type,
    next_hop_interface_type,
    flow_direction,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE bytes IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY bytes DESC, interface_type NULLS LAST, next_hop_interface_type NULLS LAST, flow_direction
LIMIT $limit
