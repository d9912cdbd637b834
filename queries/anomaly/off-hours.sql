-- Accepted traffic outside of working hours, by source.
--
-- Hours are of the record's start time, in UTC.
-- param from_hour INT 20: the first hour outside of working hours
-- param to_hour INT 6: the first working hour
-- param limit INT 20: rows to show
SELECT
    srcaddr AS source,
    count(*) AS flows,
    sum(bytes) AS bytes,
    count(DISTINCT dstaddr) AS destinations,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
WHERE
    action = 'ACCEPT'
    AND (date_part('hour', start) >= $from_hour OR date_part('hour', start) < $to_hour)
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, source
LIMIT $limit
