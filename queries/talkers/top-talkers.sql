-- Pairs of addresses that exchanged the most bytes.
--
-- Both directions of a pair count together. A flow between two interfaces that
-- are both logged is in the data twice, and counts twice.
-- param limit INT 10: rows to show
SELECT
    least(srcaddr, dstaddr) AS address,
    greatest(srcaddr, dstaddr) AS peer,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, address, peer
LIMIT $limit
