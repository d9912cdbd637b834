-- How long after the end of a record AWS delivered it, in seconds.
--
-- Only records of a log group tell when they were delivered.
-- needs ingestion_time
SELECT
    interface_id,
    count(*) AS records,
    min(seconds) AS fastest,
    round(approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), 0) AS median,
    round(approx_percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds), 0) AS percentile_95,
    max(seconds) AS slowest
FROM (
    SELECT
        interface_id,
        date_part('epoch', ingestion_time) - date_part('epoch', "end") AS seconds
    FROM flows
    WHERE "end" IS NOT NULL AND ingestion_time IS NOT NULL
)
GROUP BY 1
ORDER BY slowest DESC, interface_id
