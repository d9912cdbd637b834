"""Answers queries of the library with DuckDB.

Reads a list of questions from standard input, as JSON: `sql`, `parameters`,
`header` (whether the files have one), `files`. DuckDB reads the files itself;
the functions are made of Python's standard library. Writes a list of answers:
`rows`, or `error`.
"""

import datetime
import functools
import ipaddress
import json
import pathlib
import sys
import urllib.parse

try:
    import duckdb
    from duckdb import sqltypes
except ImportError:
    sys.exit("duckdb is not installed")

DEFAULT = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes "
    "start end action log-status"
).split()
INTEGERS = {"version", "srcport", "dstport", "protocol", "tcp_flags", "traffic_path"}
BIG_INTEGERS = {"packets", "bytes"}
TIMES = {"start", "end"}
PRIVATE = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"
DATA = pathlib.Path("crates/functions/data")


def table(name):
    lines = (DATA / name).read_text().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


PROTOCOLS = {int(number): name for number, name in table("protocols.tsv")}
SERVICES = {}
for port, transport, name in table("services.tsv"):
    for protocol in (6, 17) if transport == "both" else (6,) if transport == "tcp" else (17,):
        SERVICES[int(port), protocol] = name


@functools.cache
def in_networks(networks, address):
    address = ipaddress.ip_address(address)
    parsed = map(ipaddress.ip_network, networks.split(","))
    return any(address.version == network.version and address in network for network in parsed)


def service(port, protocol):
    return SERVICES.get((port, protocol))


def any_service(port):
    return service(port, 6) or service(port, 17)


def server_port(source, destination):
    if source == 0 and destination == 0:
        return None
    lower, upper = sorted((source, destination))
    if lower < 1024 or lower < 32768 <= upper:
        return lower
    return upper if any_service(upper) and not any_service(lower) else lower


def ip_prefix(address, bits, bits_ipv6):
    bits = bits if ":" not in address else bits_ipv6
    return str(ipaddress.ip_network(f"{address}/{bits}", strict=False))


@functools.cache
def network_of(address, file):
    found = None
    for line in pathlib.Path(file).read_text().splitlines()[1:]:
        network = ipaddress.ip_network(line.split(",")[0])
        if network.version == ipaddress.ip_address(address).version and (
            ipaddress.ip_address(address) in network
            and (found is None or network.prefixlen > found.prefixlen)
        ):
            found = network
    return found and str(found)


PATHS = {1: "same VPC", 7: "gateway endpoint", 8: "internet gateway"}
BIG, TEXT, FLAG = sqltypes.BIGINT, sqltypes.VARCHAR, sqltypes.BOOLEAN
FUNCTIONS = [
    ("cidr_contains", in_networks, [TEXT, TEXT], FLAG),
    ("ip_family", lambda a: ipaddress.ip_address(a).version, [TEXT], BIG),
    ("ip_prefix", ip_prefix, [TEXT, BIG, BIG], TEXT),
    ("is_private", lambda a: in_networks(PRIVATE, a), [TEXT], FLAG),
    ("network_of", network_of, [TEXT, TEXT], TEXT),
    ("percent_decode", urllib.parse.unquote, [TEXT], TEXT),
    ("protocol_name", PROTOCOLS.get, [BIG], TEXT),
    ("service_of", service, [BIG, BIG], TEXT),
    ("any_service", any_service, [BIG], TEXT),
    ("server_port", server_port, [BIG, BIG], BIG),
    ("traffic_path_name", PATHS.get, [BIG], TEXT),
]
MACROS = """
CREATE MACRO port_service(port) AS any_service(port), (port, protocol) AS service_of(port, protocol);
CREATE MACRO date_bin(width, time) AS time_bucket(width, time);
CREATE MACRO has_tcp_flag(flags, name) AS (flags & 18) = 18;
"""
ONCE = """
CREATE VIEW flows_once AS
SELECT * EXCLUDE (kept)
FROM (
    SELECT *, first_value(interface_id) OVER (
        PARTITION BY srcaddr, dstaddr, srcport, dstport, protocol
        ORDER BY (action = 'REJECT') DESC, interface_id
    ) AS kept
    FROM flows
)
WHERE srcaddr IS NULL OR kept = interface_id
"""


def null_to_null(function, count):
    """A function of so many values that gives NULL for NULL. DuckDB counts its parameters."""

    def call(*values):
        return None if None in values else function(*values)

    return {
        1: lambda a: call(a),
        2: lambda a, b: call(a, b),
        3: lambda a, b, c: call(a, b, c),
    }[count]


@functools.cache
def connect(files, header):
    files = list(files)
    connection = duckdb.connect()
    for name, function, takes, gives in FUNCTIONS:
        connection.create_function(
            name, null_to_null(function, len(takes)), takes, gives, null_handling="special"
        )
    connection.execute(MACROS)
    names = DEFAULT
    if header:
        with open(files[0], encoding="utf-8") as file:
            names = file.readline().split()
    names = [name.replace("-", "_") for name in names]
    columns = ", ".join(expression(name) for name in names)
    types = {name: "VARCHAR" for name in names}
    connection.execute(
        f"CREATE TABLE flows AS SELECT {columns} FROM read_csv({files!r}, delim=' ', "
        f"nullstr='-', header={header}, columns={types!r}, quote='', escape='')"
    )
    if "interface_id" in names:
        connection.execute(ONCE)
    return connection


def expression(name):
    if name in TIMES:
        return f'make_timestamp(CAST("{name}" AS BIGINT) * 1000000) AS "{name}"'
    kind = "INTEGER" if name in INTEGERS else "BIGINT" if name in BIG_INTEGERS else "VARCHAR"
    if name.startswith("packets_lost"):
        kind = "BIGINT"
    return f'CAST("{name}" AS {kind}) AS "{name}"'


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if value is None or isinstance(value, (bool, int, str)):
        return value
    return float(value)


def answer(question):
    try:
        connection = connect(tuple(question["files"]), question["header"])
        result = connection.execute(question["sql"], question["parameters"] or None)
        names = [column[0] for column in result.description]
        return {"rows": [dict(zip(names, map(plain, row))) for row in result.fetchall()]}
    except duckdb.Error as error:
        return {"error": str(error)}


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
