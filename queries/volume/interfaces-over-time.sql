-- Bytes of each interface over time.
--
-- A record counts in the interval that it starts in, in UTC. A time after 2261, which
-- no traffic has, is in none.
-- param minutes INT 60: length of an interval
-- param limit INT 1000: rows to show
SELECT
    date_bin(
        CAST(concat($minutes, ' minutes') AS INTERVAL),
        CASE WHEN start < TIMESTAMP '2262-01-01' THEN start END
    ) AS interval_start,
    interface_id,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE start IS NOT NULL AND bytes IS NOT NULL
GROUP BY 1, 2
ORDER BY 1, bytes DESC, interface_id
LIMIT $limit
