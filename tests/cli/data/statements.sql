-- Two statements, one after the other.
SELECT count(*) AS records FROM flows;
SELECT action, sum(bytes) AS bytes FROM flows WHERE action IS NOT NULL GROUP BY action ORDER BY action;
