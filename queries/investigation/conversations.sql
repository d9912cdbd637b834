-- Conversations: the records of both directions of a connection together.
--
-- Told apart by both addresses, both ports and the protocol. Which end is the
-- server is guessed from the ports, as by `server_port`.
-- param limit INT 20: rows to show
SELECT
    CASE WHEN dstport = server_port(srcport, dstport) THEN srcaddr ELSE dstaddr END AS client,
    CASE WHEN dstport = server_port(srcport, dstport) THEN srcport ELSE dstport END AS client_port,
    CASE WHEN dstport = server_port(srcport, dstport) THEN dstaddr ELSE srcaddr END AS server,
    server_port(srcport, dstport) AS port,
    protocol_name(protocol) AS protocol,
    count(*) AS records,
    sum(bytes) FILTER (WHERE dstport = server_port(srcport, dstport)) AS bytes_up,
    sum(bytes) FILTER (WHERE dstport <> server_port(srcport, dstport)) AS bytes_down,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE flows.protocol IN (6, 17) AND action = 'ACCEPT'
GROUP BY 1, 2, 3, 4, flows.protocol
ORDER BY sum(bytes) DESC NULLS LAST, client, client_port, server, port
LIMIT $limit
