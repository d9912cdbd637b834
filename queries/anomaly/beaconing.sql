-- Clients that connect to a server at regular intervals, as malware calls home.
--
-- Counts connections, not records: a long connection has a record for each
-- aggregation interval, which is regular by itself. A connection is told by its
-- client port and begins with its first record. `jitter` is the standard
-- deviation of the intervals in percent of their mean. Starts are whole seconds.
-- param min_connections INT 8: connections from which a pair is looked at
-- param max_jitter DOUBLE 10: percent up to which it is regular
-- param limit INT 20: rows to show
SELECT
    client,
    server,
    port,
    count(*) + 1 AS connections,
    round(avg(seconds), 1) AS interval_seconds,
    round(100.0 * stddev_pop(seconds) / avg(seconds), 1) AS jitter,
    min(previous) AS first_seen,
    max(begun) AS last_seen
FROM (
    SELECT
        client,
        server,
        port,
        begun,
        lag(begun) OVER connections AS previous,
        date_part('epoch', begun) - date_part('epoch', lag(begun) OVER connections) AS seconds
    FROM (
        SELECT
            srcaddr AS client,
            dstaddr AS server,
            dstport AS port,
            srcport,
            min(start) AS begun
        FROM flows
        WHERE protocol IN (6, 17) AND dstport = server_port(srcport, dstport)
        GROUP BY 1, 2, 3, 4
    )
    WINDOW connections AS (PARTITION BY client, server, port ORDER BY begun, srcport)
)
WHERE seconds IS NOT NULL
GROUP BY 1, 2, 3
HAVING
    count(*) + 1 >= $min_connections
    AND avg(seconds) > 0
    AND 100.0 * stddev_pop(seconds) / avg(seconds) <= $max_jitter
ORDER BY connections DESC, client, server, port
LIMIT $limit
