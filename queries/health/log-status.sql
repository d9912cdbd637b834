-- Records by log status, and the interfaces that have them.
--
-- NODATA: an interface had no traffic in an interval. SKIPDATA: records are
-- missing, because of a limit or an error inside of AWS.
SELECT
    log_status,
    count(*) AS records,
    round(100.0 * count(*) / sum(count(*)) OVER (), 1) AS share,
    count(DISTINCT interface_id) AS interfaces,
    min(start) AS first_seen,
    max("end") AS last_seen
FROM flows
GROUP BY 1
ORDER BY records DESC, log_status NULLS LAST
