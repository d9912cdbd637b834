-- Interfaces whose records stop well before those of the others.
--
-- An idle interface still has a NODATA record for each aggregation interval:
-- one without any record was deleted, or its flow log is gone or not delivered.
-- `silent_minutes` is counted up to the newest record of all interfaces.
-- param min_minutes INT 15: minutes without a record from which one is silent
-- param limit INT 20: rows to show
SELECT *
FROM (
    SELECT
        interface_id,
        count(*) AS records,
        count(*) FILTER (WHERE log_status = 'NODATA') AS nodata,
        min(start) AS first_seen,
        max("end") AS last_seen,
        CAST(
            (date_part('epoch', max(max("end")) OVER ()) - date_part('epoch', max("end"))) / 60
            AS BIGINT
        ) AS silent_minutes
    FROM flows
    WHERE interface_id IS NOT NULL
    GROUP BY interface_id
)
WHERE silent_minutes >= $min_minutes
ORDER BY silent_minutes DESC, interface_id
LIMIT $limit
