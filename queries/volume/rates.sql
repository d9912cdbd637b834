-- Sources by the rate of their traffic while they were seen.
--
-- The time is that from the first start to the last end, at least a second.
-- param limit INT 20: rows to show
SELECT
    source,
    flows,
    seconds,
    round(8.0 * bytes / seconds / 1000000, 3) AS megabits_per_second,
    round(1.0 * packets / seconds, 1) AS packets_per_second,
    round(1.0 * bytes / packets, 1) AS bytes_per_packet
FROM (
    SELECT
        srcaddr AS source,
        count(*) AS flows,
        sum(packets) AS packets,
        sum(bytes) AS bytes,
        greatest(date_part('epoch', max("end")) - date_part('epoch', min(start)), 1) AS seconds
    FROM flows
    WHERE packets > 0
    GROUP BY 1
)
ORDER BY megabits_per_second DESC, source
LIMIT $limit
