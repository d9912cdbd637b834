-- The part of records that was rejected, by interface and hour.
--
-- Hours are those of the record's start time, in UTC.
-- param min_flows INT 10: records of an hour from which a row is shown
-- param limit INT 20: rows to show
SELECT
    interface_id,
    date_trunc('hour', start) AS hour,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    round(100.0 * count(*) FILTER (WHERE action = 'REJECT') / count(*), 1) AS percent
FROM flows
WHERE action IS NOT NULL
GROUP BY 1, 2
HAVING count(*) >= $min_flows
ORDER BY percent DESC, flows DESC, interface_id, hour
LIMIT $limit
