-- Its head is wrong.
-- param port NUMBER 443: the port of the servers
SELECT $port
