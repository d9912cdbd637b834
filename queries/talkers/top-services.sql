-- Servers and their ports ranked by bytes, with the number of their clients.
--
-- Which end is the server is guessed from the ports, as by `server_port`.
-- param limit INT 20: rows to show
SELECT
    server,
    port,
    port_service(port, protocol) AS service,
    count(DISTINCT client) AS clients,
    count(*) AS flows,
    sum(bytes) FILTER (WHERE is_request) AS bytes_in,
    sum(bytes) FILTER (WHERE NOT is_request) AS bytes_out,
    sum(bytes) AS bytes
FROM (
    SELECT
        protocol,
        bytes,
        dstport = server_port(srcport, dstport) AS is_request,
        server_port(srcport, dstport) AS port,
        CASE WHEN dstport = server_port(srcport, dstport) THEN dstaddr ELSE srcaddr END AS server,
        CASE WHEN dstport = server_port(srcport, dstport) THEN srcaddr ELSE dstaddr END AS client
    FROM flows
    WHERE protocol IN (6, 17) AND action = 'ACCEPT'
)
GROUP BY server, port, protocol
ORDER BY bytes DESC NULLS LAST, server, port, service NULLS LAST
LIMIT $limit
