-- Networks of sources ranked by bytes: addresses grouped by their first bits.
-- param bits INT 24: bits of an IPv4 address that make a network
-- param bits_ipv6 INT 64: bits of an IPv6 address that make a network
-- param limit INT 20: rows to show
SELECT
    ip_prefix(srcaddr, $bits, $bits_ipv6) AS network,
    count(DISTINCT srcaddr) AS sources,
    count(*) AS flows,
    sum(packets) AS packets,
    sum(bytes) AS bytes,
    round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS share
FROM flows
WHERE srcaddr IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, 1
LIMIT $limit
