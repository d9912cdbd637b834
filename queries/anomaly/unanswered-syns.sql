-- Connections that were asked for and never answered: accepted SYNs without SYN-ACK.
--
-- A record whose flags are SYN alone, with no record of the other direction
-- whose flags have SYN and ACK. What a half-open scan or a flood leaves.
-- param limit INT 20: rows to show
-- needs tcp_flags
SELECT
    srcaddr AS source,
    dstaddr AS target,
    dstport AS port,
    count(*) AS flows,
    sum(packets) AS packets,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows AS request
WHERE
    protocol = 6
    AND action = 'ACCEPT'
    AND tcp_flags = 2
    AND NOT EXISTS (
        SELECT 1
        FROM flows AS answer
        WHERE
            has_tcp_flag(answer.tcp_flags, 'SYN,ACK')
            AND answer.srcaddr = request.dstaddr
            AND answer.dstaddr = request.srcaddr
            AND answer.srcport = request.dstport
            AND answer.dstport = request.srcport
    )
GROUP BY 1, 2, 3
ORDER BY flows DESC, source, target, port
LIMIT $limit
