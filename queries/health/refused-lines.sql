-- Lines that are no records, by reason, with an example of each.
SELECT
    reason,
    field,
    count(*) AS lines,
    count(DISTINCT source) AS sources,
    min(line) AS example
FROM rejects
GROUP BY 1, 2
ORDER BY lines DESC, reason, field NULLS LAST
