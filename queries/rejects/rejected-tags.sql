-- Values of the instance tag whose traffic was rejected, and which part of it.
--
-- Only tags of which something was rejected are shown, with their
-- percent-encoding undone.
-- param limit INT 20: rows to show
-- needs instance_tag
SELECT
    percent_decode(instance_tag) AS tag,
    count(*) AS flows,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    round(100.0 * count(*) FILTER (WHERE action = 'REJECT') / count(*), 1) AS percent,
    count(DISTINCT srcaddr) FILTER (WHERE action = 'REJECT') AS sources
FROM flows
WHERE action IS NOT NULL
GROUP BY 1
HAVING count(*) FILTER (WHERE action = 'REJECT') > 0
ORDER BY rejected DESC, tag NULLS LAST
LIMIT $limit
