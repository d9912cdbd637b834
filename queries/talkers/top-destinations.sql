-- Destinations ranked by the bytes that they received.
--
-- `share` is in percent of all bytes. A flow between two interfaces that are both
-- logged is in `flows` twice; `flows_once` counts it once.
-- param limit INT 20: rows to show
SELECT
    dstaddr AS destination,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(DISTINCT srcaddr) AS peers,
    max("end") AS last_seen
FROM flows
WHERE dstaddr IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, 1
LIMIT $limit
