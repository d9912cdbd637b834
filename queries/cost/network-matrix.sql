-- Bytes from each network of a list to each: subnets, zones, owners.
--
-- With a list of subnets by Availability Zone this is the traffic between zones,
-- of records that do not name them. Flows that two interfaces saw count once.
-- param list TEXT: the file of the list, a network a line or CSV with a column `network`
-- param limit INT 100: rows to show
-- needs interface_id action srcport dstport protocol
SELECT
    network_of(srcaddr, $list) AS source,
    network_of(dstaddr, $list) AS destination,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
FROM flows_once
WHERE srcaddr IS NOT NULL AND dstaddr IS NOT NULL
GROUP BY 1, 2
ORDER BY bytes DESC NULLS LAST, source NULLS LAST, destination NULLS LAST
LIMIT $limit
