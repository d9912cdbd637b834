-- What goes through NAT gateways, by source and the service that it goes to.
--
-- Records of the sources' interfaces, so that nothing counts twice. AWS charges
-- a NAT gateway by GB; gateway endpoints for S3 and DynamoDB cost nothing.
-- param dollars_per_gb DOUBLE 0.045: the rate
-- param limit INT 20: rows to show
-- needs next_hop_interface_type pkt_dst_aws_service flow_direction
SELECT
    srcaddr AS source,
    pkt_dst_aws_service AS service,
    count(*) AS flows,
    sum(bytes) AS bytes,
    round(sum(bytes) / 1000000000.0 * $dollars_per_gb, 4) AS dollars,
    count(DISTINCT dstaddr) AS destinations
FROM flows
WHERE
    action = 'ACCEPT'
    AND flow_direction = 'egress'
    AND next_hop_interface_type IN ('nat_gateway', 'regional_nat_gateway')
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, source, service NULLS LAST
LIMIT $limit
