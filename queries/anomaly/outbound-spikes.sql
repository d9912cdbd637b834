-- Hours in which a private address sent far more to public ones than it usually does.
--
-- `score` is how many standard deviations an hour is above the mean of the
-- address's hours with traffic.
-- param min_score DOUBLE 3: standard deviations from which it is a spike
-- param min_hours INT 12: hours with traffic that an address must have
-- param min_bytes INT 1000000: bytes from which an hour is shown
-- param limit INT 20: rows to show
SELECT
    source,
    hour,
    bytes,
    destinations,
    round(mean_bytes, 0) AS mean_bytes,
    round((bytes - mean_bytes) / deviation, 1) AS score
FROM (
    SELECT
        source,
        hour,
        bytes,
        destinations,
        avg(bytes) OVER (PARTITION BY source) AS mean_bytes,
        stddev_pop(bytes) OVER (PARTITION BY source) AS deviation,
        count(*) OVER (PARTITION BY source) AS hours
    FROM (
        SELECT
            srcaddr AS source,
            date_trunc('hour', start) AS hour,
            sum(bytes) AS bytes,
            count(DISTINCT dstaddr) AS destinations
        FROM flows
        WHERE action = 'ACCEPT' AND is_private(srcaddr) AND NOT is_private(dstaddr)
        GROUP BY 1, 2
    )
)
WHERE
    hours >= $min_hours
    AND deviation > 0
    AND bytes >= $min_bytes
    AND (bytes - mean_bytes) / deviation >= $min_score
ORDER BY score DESC, source, hour
LIMIT $limit
