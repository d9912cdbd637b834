-- Accepted requests to ports that are not on a list.
--
-- Answers of servers are left out: which end is the server is guessed from the
-- ports, as by `server_port`.
-- param ports TEXT '22,53,80,123,443': the ports that are expected, separated by commas
-- param limit INT 20: rows to show
SELECT
    dstport AS port,
    protocol_name(protocol) AS protocol,
    port_service(dstport, protocol) AS service,
    count(*) AS flows,
    sum(bytes) AS bytes,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS destinations
FROM flows
WHERE
    action = 'ACCEPT'
    AND protocol IN (6, 17)
    AND dstport = server_port(srcport, dstport)
    AND NOT array_has(string_to_array($ports, ','), CAST(dstport AS TEXT))
GROUP BY dstport, flows.protocol
ORDER BY flows DESC, port, protocol
LIMIT $limit
