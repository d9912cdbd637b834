-- Protocols ranked by bytes.
-- param limit INT 20: rows to show
SELECT
    protocol,
    protocol_name(protocol) AS name,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected
FROM flows
WHERE protocol IS NOT NULL
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, 1
LIMIT $limit
