-- Traffic inside, in, out and between others, by whether addresses are private.
SELECT
    CASE
        WHEN is_private(srcaddr) AND is_private(dstaddr) THEN 'inside'
        WHEN is_private(srcaddr) THEN 'out'
        WHEN is_private(dstaddr) THEN 'in'
        ELSE 'outside'
    END AS way,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
FROM flows
WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, way
