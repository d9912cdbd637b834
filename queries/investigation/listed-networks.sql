-- Traffic with the networks of a list, such as known threats.
--
-- A list has a network a line, or is CSV with a column `network`.
-- param list TEXT: the file of the list
-- param limit INT 50: rows to show
SELECT
    coalesce(network_of(srcaddr, $list), network_of(dstaddr, $list)) AS network,
    CASE WHEN network_of(srcaddr, $list) IS NOT NULL THEN srcaddr ELSE dstaddr END AS listed,
    CASE WHEN network_of(srcaddr, $list) IS NOT NULL THEN dstaddr ELSE srcaddr END AS peer,
    CASE WHEN network_of(srcaddr, $list) IS NOT NULL THEN 'from' ELSE 'to' END AS direction,
    action,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE network_of(srcaddr, $list) IS NOT NULL OR network_of(dstaddr, $list) IS NOT NULL
GROUP BY 1, 2, 3, 4, 5
ORDER BY flows DESC, listed, peer, direction, action
LIMIT $limit
