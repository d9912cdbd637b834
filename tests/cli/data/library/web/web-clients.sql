-- Clients of web servers, ranked by bytes.
-- param port INT 443: the port of the servers
SELECT srcaddr AS client, sum(bytes) AS bytes
FROM flows
WHERE dstport = $port
GROUP BY 1
ORDER BY 2 DESC, 1
