-- Services that accepted requests from public addresses.
--
-- Public is what is in no private network. Answers to requests from inside are
-- left out as far as the ports tell.
-- param limit INT 20: rows to show
SELECT
    dstaddr AS server,
    dstport AS port,
    protocol_name(protocol) AS protocol,
    port_service(dstport, protocol) AS service,
    count(DISTINCT srcaddr) AS clients,
    count(*) AS flows,
    sum(bytes) AS bytes,
    max("end") AS last_seen
FROM flows
WHERE
    action = 'ACCEPT'
    AND protocol IN (6, 17)
    AND dstport = server_port(srcport, dstport)
    AND NOT is_private(srcaddr)
    AND is_private(dstaddr)
GROUP BY dstaddr, dstport, flows.protocol
ORDER BY clients DESC, flows DESC, server, port
LIMIT $limit
