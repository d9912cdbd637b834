-- Each source: when it was first and last seen, and what it reached.
--
-- Ports from 32768 on are clients' and do not count.
-- param limit INT 50: rows to show
SELECT
    srcaddr AS source,
    min(start) AS first_seen,
    max("end") AS last_seen,
    count(*) AS flows,
    count(DISTINCT dstaddr) AS destinations,
    count(DISTINCT dstport) FILTER (WHERE dstport < 32768) AS ports
FROM flows
WHERE srcaddr IS NOT NULL
GROUP BY 1
ORDER BY first_seen, source
LIMIT $limit
