-- VPCs ranked by bytes, with their account and Region.
-- param limit INT 20: rows to show
-- needs vpc_id region
SELECT
    account_id,
    region,
    vpc_id,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(DISTINCT interface_id) AS interfaces,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected
FROM flows
WHERE bytes IS NOT NULL
GROUP BY 1, 2, 3
ORDER BY bytes DESC, account_id, region, vpc_id
LIMIT $limit
