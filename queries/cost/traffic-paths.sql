-- Egress traffic by the path that it takes.
-- needs traffic_path flow_direction
SELECT
    traffic_path AS path,
    traffic_path_name(traffic_path) AS name,
    count(*) AS flows,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(DISTINCT interface_id) AS interfaces
FROM flows
WHERE flow_direction = 'egress'
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, path NULLS LAST
