-- Interfaces and hours of which AWS skipped records.
-- param limit INT 50: rows to show
SELECT
    date_trunc('hour', start) AS hour,
    interface_id,
    count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipped_intervals,
    count(*) FILTER (WHERE log_status = 'OK') AS records
FROM flows
GROUP BY 1, 2
HAVING count(*) FILTER (WHERE log_status = 'SKIPDATA') > 0
ORDER BY hour, interface_id
LIMIT $limit
