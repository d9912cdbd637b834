-- Interfaces that rejected a port often within an hour, as after many failed logins.
-- param port INT 22: the destination port
-- param min_flows INT 10: rejected records of an hour from which a row is shown
SELECT
    interface_id,
    date_trunc('hour', start) AS hour,
    count(*) AS flows,
    sum(packets) AS packets,
    count(DISTINCT srcaddr) AS sources,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE action = 'REJECT' AND dstport = $port
GROUP BY 1, 2
HAVING count(*) >= $min_flows
ORDER BY flows DESC, interface_id, hour
