-- Pairs ranked by bytes, by the addresses in the packets rather than the interface's.
--
-- Sees through NAT gateways and load balancers: `srcaddr` and `dstaddr` are of
-- the interface that a packet passed, `pkt_srcaddr` and `pkt_dstaddr` of the ends.
-- param limit INT 20: rows to show
-- needs pkt_srcaddr pkt_dstaddr
SELECT
    pkt_srcaddr AS source,
    pkt_dstaddr AS destination,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    count(DISTINCT interface_id) AS interfaces
FROM flows
WHERE pkt_srcaddr IS NOT NULL AND pkt_dstaddr IS NOT NULL
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, 1, 2
LIMIT $limit
