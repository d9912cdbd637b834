-- Pairs of client and service that are first seen at the end of the data.
--
-- The data has to reach back further than the hours that count as new.
-- param hours INT 24: the last hours of the data, in which a pair is new
-- param limit INT 50: rows to show
SELECT *
FROM (
    SELECT
        srcaddr AS client,
        dstaddr AS server,
        dstport AS port,
        port_service(dstport) AS service,
        min(start) AS first_seen,
        count(*) AS flows,
        sum(bytes) AS bytes
    FROM flows
    WHERE
        protocol IN (6, 17)
        AND action = 'ACCEPT'
        AND dstport = server_port(srcport, dstport)
    GROUP BY 1, 2, 3
)
WHERE
    first_seen >= (SELECT max(start) FROM flows) - CAST(concat($hours, ' hours') AS INTERVAL)
ORDER BY first_seen, client, server, port
LIMIT $limit
