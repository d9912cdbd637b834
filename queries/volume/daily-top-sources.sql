-- The sources that sent the most bytes of each day.
-- param top INT 10: sources of a day to show
SELECT day, rank, source, bytes, share
FROM (
    SELECT
        date_trunc('day', start) AS day,
        srcaddr AS source,
        sum(bytes) AS bytes,
        round(
            100.0 * sum(bytes) / sum(sum(bytes)) OVER (PARTITION BY date_trunc('day', start)), 1
        ) AS share,
        row_number() OVER (
            PARTITION BY date_trunc('day', start) ORDER BY sum(bytes) DESC, srcaddr
        ) AS rank
    FROM flows
    WHERE start IS NOT NULL AND bytes IS NOT NULL
    GROUP BY 1, 2
)
WHERE rank <= $top
ORDER BY day, rank
