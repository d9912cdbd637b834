"""Times other readers of flow log text on one core, beside vpcflow.

Each peer reads the whole file into typed columns or records in memory, in a
process of its own, and tells rows and sum(bytes), which must be the same for all.
Called by scripts/bench-peers.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time

NAMES = (
    "version account_id interface_id srcaddr dstaddr srcport dstport protocol"
    " packets bytes start end action log_status"
).split()
TEXT = {"account_id", "interface_id", "srcaddr", "dstaddr", "action", "log_status"}
WIDE = {"packets", "bytes", "start", "end"}


def pyarrow(path):
    import pyarrow as pa
    from pyarrow import compute, csv

    def arrow_type(name):
        return pa.string() if name in TEXT else pa.int64() if name in WIDE else pa.int32()

    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(column_names=NAMES, use_threads=False),
        parse_options=csv.ParseOptions(delimiter=" "),
        convert_options=csv.ConvertOptions(
            column_types={name: arrow_type(name) for name in NAMES},
            null_values=["-"],
            strings_can_be_null=True,
        ),
    )
    return table.num_rows, compute.sum(table["bytes"]).as_py()


def polars(path):
    import polars as pl

    def polars_type(name):
        return pl.String if name in TEXT else pl.Int64 if name in WIDE else pl.Int32

    frame = pl.read_csv(
        path,
        separator=" ",
        has_header=False,
        new_columns=NAMES,
        schema={name: polars_type(name) for name in NAMES},
        null_values="-",
    )
    return frame.height, frame["bytes"].sum()


def duckdb(path):
    import duckdb as db

    def sql_type(name):
        return "VARCHAR" if name in TEXT else "BIGINT" if name in WIDE else "INTEGER"

    columns = ", ".join(f"'{name}': '{sql_type(name)}'" for name in NAMES)
    connection = db.connect(config={"threads": 1})
    connection.execute(
        f"CREATE TABLE flows AS SELECT * FROM read_csv('{path}', delim=' ', header=false,"
        f" auto_detect=false, quote='', escape='', nullstr='-', columns={{{columns}}})"
    )
    return connection.execute("SELECT count(*), sum(bytes)::BIGINT FROM flows").fetchone()


def clickhouse(path):
    from chdb.session import Session

    def sql_type(name):
        inner = "String" if name in TEXT else "Int64" if name in WIDE else "Int32"
        return f"`{name}` Nullable({inner})"

    columns = ", ".join(map(sql_type, NAMES))
    session = Session()
    session.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
    session.query("DROP TABLE IF EXISTS d.flows")
    session.query(f"CREATE TABLE d.flows ({columns}) ENGINE = Memory")
    session.query(
        f"INSERT INTO d.flows SELECT * FROM file('{path}', 'CustomSeparated', '{columns}')"
        " SETTINGS format_custom_field_delimiter = ' ', format_custom_escaping_rule = 'CSV',"
        " format_csv_null_representation = '-',"
        " max_threads = 1, max_insert_threads = 1, input_format_parallel_parsing = 0"
    )
    answer = session.query("SELECT count(*), sum(bytes) FROM d.flows", "CSV")
    rows, total = str(answer).strip().split(",")
    return int(rows), int(total)


def flowlogs_reader(path):
    from flowlogs_reader import FlowRecord

    rows = total = 0
    kept = []
    with open(path) as lines:
        for line in lines:
            record = FlowRecord.from_cwl_event({"message": line.rstrip("\n")})
            kept.append(record)
            rows += 1
            total += record.bytes or 0
    return rows, total


PEERS = {
    "pyarrow": pyarrow,
    "polars": polars,
    "duckdb": duckdb,
    "clickhouse": clickhouse,
    "flowlogs-reader": flowlogs_reader,
}
# So slow that once is enough.
ONCE = {"flowlogs-reader"}


def measure(name, path):
    """One reading, in this process: seconds, rows and sum(bytes) as JSON.

    A reading of a few lines goes before it, so that loading the library does
    not count.
    """
    with open(path) as lines, tempfile.NamedTemporaryFile("w", suffix=".log") as few:
        few.writelines(itertools.islice(lines, 100))
        few.flush()
        PEERS[name](few.name)
    start = time.perf_counter()
    rows, total = PEERS[name](path)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "rows": rows, "bytes": total}))


def run(command):
    environment = {**os.environ, "POLARS_MAX_THREADS": "1"}
    process = subprocess.run(command, check=True, stdout=subprocess.PIPE, env=environment, text=True)
    output = process.stdout
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def main(path, time_decode, time_vrl, repeats):
    megabytes = len(open(path, "rb").read()) / 1e6
    ours = run(["taskset", "-c", "1", time_decode, path, str(repeats)])
    expected = (ours[0]["rows"], ours[0]["bytes"])
    best = {}
    for result in ours:
        key = f"vpcflow, {result['case']}"
        best[key] = min(best.get(key, 1e9), result["seconds"])
    measure_one = [sys.executable, __file__, "measure"]
    commands = {name: [*measure_one, name, path] for name in PEERS}
    commands["vrl (Vector)"] = [time_vrl, path]
    for name, command in commands.items():
        for _ in range(1 if name in ONCE else repeats):
            (result,) = run(["taskset", "-c", "1", *command])
            found = (result["rows"], result["bytes"])
            if found != expected:
                sys.exit(f"{name} found {found}, vpcflow {expected}")
            best[name] = min(best.get(name, 1e9), result["seconds"])
    print(f"{expected[0]:,} records, {megabytes:.0f} MB, best of {repeats}, one core\n")
    print("| reader | MB/s | vpcflow is faster by |\n| --- | ---: | ---: |")
    fastest = best["vpcflow, all columns"]
    for name, seconds in best.items():
        factor = "" if name.startswith("vpcflow") else f"{seconds / fastest:.1f}"
        print(f"| {name} | {megabytes / seconds:.0f} | {factor} |")


if __name__ == "__main__":
    if sys.argv[1] == "measure":
        measure(*sys.argv[2:])
    else:
        main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
