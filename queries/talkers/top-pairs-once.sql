-- Pairs of addresses ranked by bytes, flows that two interfaces saw counted once.
--
-- Both directions of a pair count together. Flows are told apart by addresses,
-- ports and protocol; translated addresses make another flow.
-- param limit INT 20: rows to show
-- needs interface_id action srcport dstport protocol
SELECT
    least(srcaddr, dstaddr) AS address,
    greatest(srcaddr, dstaddr) AS peer,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
FROM flows_once
WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, 1, 2
LIMIT $limit
