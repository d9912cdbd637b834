-- What the data covers: interfaces, their first and last record, records an hour.
-- param limit INT 100: rows to show
SELECT
    interface_id,
    min(start) AS first_seen,
    max("end") AS last_seen,
    count(*) AS records,
    count(DISTINCT date_trunc('hour', start)) AS hours,
    count(*) FILTER (WHERE log_status = 'NODATA') AS nodata,
    count(*) FILTER (WHERE log_status = 'SKIPDATA') AS skipdata
FROM flows
WHERE interface_id IS NOT NULL
GROUP BY 1
ORDER BY first_seen, interface_id
LIMIT $limit
