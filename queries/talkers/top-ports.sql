-- Server ports ranked by bytes, with the service that IANA lists there.
--
-- Requests and answers count together: records do not tell which end is the
-- server, and `server_port` guesses it.
-- param limit INT 20: rows to show
SELECT
    server_port(srcport, dstport) AS port,
    protocol_name(protocol) AS protocol,
    port_service(server_port(srcport, dstport), protocol) AS service,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
FROM flows
WHERE protocol IN (6, 17)
GROUP BY 1, 2, 3
ORDER BY bytes DESC NULLS LAST, 1, 2
LIMIT $limit
