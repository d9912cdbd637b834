-- Accepted traffic to ports that mining pools use, out of private networks.
-- param ports TEXT '3333,4444,5555,7777,8333,9999,14433,14444,45560,45700': the ports, separated by commas
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    dstaddr AS destination,
    dstport AS port,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE
    action = 'ACCEPT'
    AND protocol = 6
    AND is_private(srcaddr)
    AND NOT is_private(dstaddr)
    AND array_has(string_to_array($ports, ','), CAST(dstport AS TEXT))
GROUP BY 1, 2, 3
ORDER BY flows DESC, source, destination, port
LIMIT $limit
