-- IPv4 and IPv6: flows, bytes, addresses.
SELECT
    ip_family(srcaddr) AS family,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share,
    count(DISTINCT srcaddr) AS sources,
    count(DISTINCT dstaddr) AS destinations
FROM flows
WHERE srcaddr IS NOT NULL
GROUP BY 1
ORDER BY 1
