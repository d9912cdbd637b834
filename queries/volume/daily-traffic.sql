-- Each day: records, rejects, bytes, addresses.
SELECT
    date_trunc('day', start) AS day,
    count(*) AS records,
    count(*) FILTER (WHERE action = 'REJECT') AS rejected,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT interface_id) AS interfaces
FROM flows
WHERE start IS NOT NULL
GROUP BY 1
ORDER BY 1
