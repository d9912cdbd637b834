-- The sources that send at least a share of all bytes.
-- param percent DOUBLE 5: percent of all bytes from which a source is listed
SELECT *
FROM (
    SELECT
        srcaddr AS source,
        count(*) AS flows,
        sum(bytes) AS bytes,
        round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
    FROM flows
    WHERE srcaddr IS NOT NULL
    GROUP BY 1
)
WHERE share >= $percent
ORDER BY bytes DESC, source
