-- AWS services ranked by the bytes exchanged with them.
--
-- A record names the service at either end by AWS's own list of addresses.
-- param limit INT 20: rows to show
-- needs pkt_src_aws_service pkt_dst_aws_service
SELECT
    coalesce(pkt_dst_aws_service, pkt_src_aws_service) AS service,
    count(*) AS flows,
    sum(bytes) FILTER (WHERE pkt_dst_aws_service IS NOT NULL) AS bytes_to,
    sum(bytes) FILTER (WHERE pkt_dst_aws_service IS NULL) AS bytes_from,
    sum(bytes) AS bytes
FROM flows
WHERE pkt_src_aws_service IS NOT NULL OR pkt_dst_aws_service IS NOT NULL
GROUP BY 1
ORDER BY bytes DESC NULLS LAST, 1
LIMIT $limit
