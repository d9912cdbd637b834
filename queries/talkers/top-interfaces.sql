-- Network interfaces ranked by bytes.
-- param limit INT 20: rows to show
SELECT
    interface_id,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    max("end") AS last_seen
FROM flows
WHERE interface_id IS NOT NULL AND bytes IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC, 1
LIMIT $limit
