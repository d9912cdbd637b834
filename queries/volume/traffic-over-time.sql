-- Accepted and rejected traffic over time.
--
-- A record counts in the interval that it starts in, in UTC. A time after 2261, which
-- no traffic has, is in none.
-- param minutes INT 5: length of an interval
SELECT
    date_bin(
        CAST(concat($minutes, ' minutes') AS INTERVAL),
        CASE WHEN start < TIMESTAMP '2262-01-01' THEN start END
    ) AS interval_start,
    count(*) FILTER (WHERE action = 'ACCEPT') AS accepted,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    sum(packets) AS packets,
    sum(bytes) AS bytes
FROM flows
WHERE start IS NOT NULL
GROUP BY 1
ORDER BY 1
