-- Bytes to S3 and DynamoDB that took another way than a gateway endpoint.
--
-- Gateway endpoints for these two cost nothing.
-- param limit INT 20: rows to show
-- needs pkt_dst_aws_service traffic_path flow_direction
SELECT
    pkt_dst_aws_service AS service,
    coalesce(traffic_path_name(traffic_path), 'unknown') AS path,
    srcaddr AS source,
    count(*) AS flows,
    sum(bytes) AS bytes
FROM flows
WHERE
    action = 'ACCEPT'
    AND flow_direction = 'egress'
    AND pkt_dst_aws_service IN ('S3', 'DYNAMODB')
    AND coalesce(traffic_path, 0) <> 7
GROUP BY 1, 2, 3
ORDER BY bytes DESC NULLS LAST, service, path, source
LIMIT $limit
