-- Values of the instance tag ranked by bytes, with their percent-encoding undone.
-- param limit INT 20: rows to show
-- needs instance_tag
SELECT
    percent_decode(instance_tag) AS tag,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected
FROM flows
WHERE bytes IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC, tag NULLS LAST
LIMIT $limit
