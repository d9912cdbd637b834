-- Traffic between Availability Zones, with an estimate of what it costs.
--
-- Each direction is charged at both ends, so that a GB costs twice the rate; the
-- records of the sending interface alone count here.
-- param dollars_per_gb DOUBLE 0.01: the rate of each end
-- param limit INT 20: rows to show
-- needs az_id next_hop_az_id flow_direction
SELECT
    az_id AS from_zone,
    next_hop_az_id AS to_zone,
    srcaddr AS source,
    dstaddr AS destination,
    count(*) AS flows,
    sum(bytes) AS bytes,
    round(2 * sum(bytes) / 1000000000.0 * $dollars_per_gb, 4) AS dollars
FROM flows
WHERE action = 'ACCEPT' AND flow_direction = 'egress' AND az_id <> next_hop_az_id
GROUP BY 1, 2, 3, 4
ORDER BY bytes DESC NULLS LAST, 1, 2, 3, 4
LIMIT $limit
