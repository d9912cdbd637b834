-- Ports that rejected traffic went to, with the sources that tried them.
-- param ignore TEXT '': ports to leave out, separated by commas
-- param limit INT 20: rows to show
SELECT
    dstport AS port,
    protocol_name(protocol) AS protocol,
    port_service(dstport, protocol) AS service,
    count(*) AS flows,
    round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS targets
FROM flows
WHERE
    action = 'REJECT'
    AND protocol IN (6, 17)
    AND NOT array_has(string_to_array($ignore, ','), CAST(dstport AS TEXT))
GROUP BY dstport, flows.protocol
ORDER BY flows DESC, port, protocol
LIMIT $limit
