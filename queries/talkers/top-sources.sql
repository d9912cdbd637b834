-- Sources ranked by the bytes that they sent.
--
-- `share` is in percent of all bytes. A flow between two interfaces that are both
-- logged is in `flows` twice; `flows_once` counts it once.
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(DISTINCT dstaddr) AS peers,
    max("end") AS last_seen
FROM flows
WHERE srcaddr IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, 1
LIMIT $limit
