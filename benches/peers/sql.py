"""Times SQL over flow logs, beside vpcflow, and the peak memory that it takes.

Each measurement is a process of its own. vpcflow is timed as a process from its
start to its end, the peers without the start of Python and the loading of their
library. All have to find the same. Called by scripts/bench-sql.
"""

import datetime
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

from peers import NAMES, TEXT, WIDE

REPOSITORY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# What is rejected the most: three columns of the text, filtered and grouped.
RANKING = """
    SELECT srcaddr, dstport, count(*) AS flows FROM {table} WHERE action = 'REJECT'
    GROUP BY srcaddr, dstport ORDER BY flows DESC, srcaddr, dstport LIMIT 10
"""
QUERIES = [
    "talkers/top-talkers",
    "rejects/top-rejected",
    "rejects/reject-ratio",
    "rejects/rejected-then-accepted",
    "investigation/port-scan",
    "investigation/first-last-seen",
    "volume/large-transfers",
    "volume/traffic-over-time",
]


def duckdb_ranking(files, threads):
    import duckdb as db

    def sql_type(name):
        return "VARCHAR" if name in TEXT else "BIGINT" if name in WIDE else "INTEGER"

    columns = ", ".join(f"'{name}': '{sql_type(name)}'" for name in NAMES)
    table = (
        f"read_csv({files!r}, delim=' ', header=false, auto_detect=false, quote='', escape='',"
        f" nullstr='-', columns={{{columns}}})"
    )
    connection = db.connect(config={"threads": threads})
    return connection.execute(RANKING.format(table=table)).fetchall()


def polars_ranking(files, threads):
    import polars as pl

    def polars_type(name):
        return pl.String if name in TEXT else pl.Int64 if name in WIDE else pl.Int32

    frame = pl.scan_csv(
        files,
        separator=" ",
        has_header=False,
        schema={name: polars_type(name) for name in NAMES},
        null_values="-",
        quote_char=None,
    )
    ranking = frame.filter(pl.col("action") == "REJECT").group_by("srcaddr", "dstport").len("flows")
    ranking = ranking.sort(["flows", "srcaddr", "dstport"], descending=[True, False, False])
    return ranking.head(10).select("srcaddr", "dstport", "flows").collect(engine="streaming").rows()


def clickhouse_ranking(files, threads):
    from chdb.session import Session

    def sql_type(name):
        inner = "String" if name in TEXT else "Int64" if name in WIDE else "Int32"
        return f"`{name}` Nullable({inner})"

    columns = ", ".join(map(sql_type, NAMES))
    # It takes no set of absolute names: several files are all of their directory.
    path = files[0] if len(files) == 1 else os.path.join(os.path.dirname(files[0]), "*.gz")
    session = Session()
    session.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
    settings = (
        " SETTINGS format_custom_field_delimiter = ' ', format_custom_escaping_rule = 'CSV',"
        f" format_csv_null_representation = '-', max_threads = {threads}"
    )
    table = f"file('{path}', 'CustomSeparated', '{columns}')"
    answer = str(session.query(RANKING.format(table=table) + settings, "CSV"))
    rows = (line.replace('"', "").split(",") for line in answer.splitlines())
    return [(source, int(port), int(flows)) for source, port, flows in rows]


RANKINGS = {"duckdb": duckdb_ranking, "polars": polars_ranking, "clickhouse": clickhouse_ranking}


def library_query(name):
    """The statement of a query, with the defaults of its parameters in place."""
    with open(os.path.join(REPOSITORY, "queries", f"{name}.sql")) as file:
        text = file.read()
    for parameter, default in re.findall(r"^-- param (\w+) \w+ (.*?): ", text, re.MULTILINE):
        text = text.replace(f"${parameter}", default)
    return text


def live_files(store):
    """The data files of a store that its newest version has."""
    files = set()
    log = sorted(glob.glob(os.path.join(store, "_delta_log", "*.json")))
    assert log[0].endswith("00000000000000000000.json"), "the log begins with a checkpoint"
    for path in log:
        with open(path) as lines:
            for line in lines:
                action = json.loads(line)
                if "add" in action:
                    files.add(action["add"]["path"])
                elif "remove" in action:
                    files.discard(action["remove"]["path"])
    return sorted(os.path.join(store, path) for path in files)


def duckdb_query(store, name, repeats):
    import duckdb as db

    connection = db.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE MACRO date_bin(width, time) AS time_bucket(width, time)")
    connection.execute(
        f"CREATE VIEW flows AS SELECT * FROM read_parquet({live_files(store)!r}, union_by_name=true)"
    )
    sql, times = library_query(name), []
    for _ in range(repeats):
        start, worked = time.perf_counter(), time.process_time()
        result = connection.execute(sql)
        rows = result.fetchall()
        times.append((time.perf_counter() - start, time.process_time() - worked))
    names = [column[0] for column in result.description]
    return *map(min, zip(*times)), [dict(zip(names, map(plain, row))) for row in rows]


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value if value is None or isinstance(value, (int, str)) else float(value)


def same(left, right):
    """Whether two answers are the same, but for the last digit of what is rounded."""
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, float) or isinstance(right, float):
        return abs(left - right) < 0.11
    return left == right


def run(command, cores, **environment):
    """Runs a command on some cores: seconds, those of processors, peak memory in MB, output."""
    command = ["taskset", "-c", ",".join(map(str, range(cores))), *command]
    with tempfile.TemporaryFile("w+") as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, env={**os.environ, **environment})
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            sys.exit(f"`{' '.join(command[:6])} …` failed with {process.returncode}")
        output.seek(0)
        worked = usage.ru_utime + usage.ru_stime
        return seconds, worked, usage.ru_maxrss * 1024 / 1e6, output.read()


def best_of(repeats, measure):
    """The least of both times, the most memory, and the answer, which is always the same."""
    results = [measure() for _ in range(repeats)]
    seconds, worked, memory, answers = zip(*results)
    assert all(same(answer, answers[0]) for answer in answers)
    return min(seconds), min(worked), max(memory), answers[0]


def read_from_disk(files):
    """Has the files lie in memory as reading them puts them there.

    What was just written lies in small pages, which take longer to copy than those of a
    file that was there before.
    """
    for path in files:
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while file.read(1 << 20):
                pass


def own_ranking(vpcflow, source, cores):
    sql = RANKING.format(table="flows")
    command = [vpcflow, "sql", sql, "--from", source, "--quiet", "-o", "ndjson"]
    seconds, worked, memory, text = run([*command, "--threads", str(cores)], cores)
    return seconds, worked, memory, [tuple(json.loads(line).values()) for line in text.splitlines()]


def peers_ranking(name, files, cores):
    command = [sys.executable, __file__, "ranking", name, str(cores), *files]
    _, _, memory, text = run(command, cores, POLARS_MAX_THREADS=str(cores))
    seconds, worked, rows = json.loads(text.splitlines()[-1])
    return seconds, worked, memory, [tuple(row) for row in rows]


def compare_rankings(vpcflow, files, source, text_bytes, repeats, others):
    print("| reader | one core, MB/s | two cores, MB/s | peak memory, MB |")
    print("| --- | ---: | ---: | ---: |")
    expected = None
    read_from_disk(files)
    for name in ["vpcflow", *RANKINGS]:
        speeds, memories = [], []
        for cores in (1, 2):
            if name == "vpcflow":
                measure = lambda: own_ranking(vpcflow, source, cores)
            else:
                measure = lambda: peers_ranking(name, files, cores)
            seconds, _, memory, rows = best_of(repeats, measure)
            expected = expected or rows
            if not same(rows, expected):
                sys.exit(f"{name} found {rows}, vpcflow {expected}")
            speeds.append(text_bytes / 1e6 / seconds)
            memories.append(memory)
        print(f"| {name} | {speeds[0]:.0f} | {speeds[1]:.0f} | {max(memories):.0f} |")
    for name, command in others.items():
        seconds = [
            min(run(["sh", "-c", command, "sh", *files], cores)[0] for _ in range(repeats))
            for cores in (1, 2)
        ]
        speeds = [f"{text_bytes / 1e6 / each:.0f}" for each in seconds]
        print(f"| {name} | {speeds[0]} | {speeds[1]} | |")


def compare_queries(vpcflow, store, repeats):
    columns = "query | vpcflow, s | DuckDB, s | factor | vpcflow, s of processor | DuckDB | factor"
    print(f"| {columns} | vpcflow, MB | DuckDB, MB |")
    print("| --- |" + " ---: |" * 8)
    for name in QUERIES:
        def own():
            command = [vpcflow, "query", name.split("/")[1], "--store", store]
            seconds, worked, memory, text = run([*command, "--quiet", "-o", "ndjson"], 2)
            return seconds, worked, memory, [json.loads(line) for line in text.splitlines()]

        seconds, worked, memory, rows = best_of(repeats, own)
        command = [sys.executable, __file__, "query", store, name, str(repeats)]
        _, _, peer_memory, text = run(command, 2)
        peer_seconds, peer_worked, peer_rows = json.loads(text.splitlines()[-1])
        if not same(rows, peer_rows):
            sys.exit(f"{name}: DuckDB found {peer_rows[:3]} …, vpcflow {rows[:3]} …")
        print(
            f"| `{name.split('/')[1]}` | {seconds:.2f} | {peer_seconds:.2f}"
            f" | {peer_seconds / seconds:.2f} | {worked:.2f} | {peer_worked:.2f}"
            f" | {peer_worked / worked:.2f} | {memory:.0f} | {peer_memory:.0f} |",
            flush=True,
        )


def main(vpcflow, work, repeats):
    text, objects = f"{work}/text/flows.log", f"{work}/text/objects"
    text_bytes = os.path.getsize(text)
    compressed = sorted(glob.glob(f"{objects}/*.gz"))
    with open(f"{work}/text/records") as file:
        records = int(file.read())
    print(f"\nRanking of rejected traffic: {records:,} records, {text_bytes / 1e6:,.0f} MB of text\n")
    compare_rankings(vpcflow, [text], text, text_bytes, repeats, {"`wc -l`": 'wc -l "$@"'})
    size = sum(map(os.path.getsize, compressed))
    print(f"\nThe same from {len(compressed)} gzip objects of {size / 1e6:,.0f} MB\n")
    unzip = 'printf "%s\\0" "$@" | xargs -0 -n 1 -P $(nproc) gzip -dc > /dev/null'
    compare_rankings(vpcflow, compressed, objects, text_bytes, repeats, {"`gzip -dc` alone": unzip})
    store = f"{work}/store"
    files = live_files(store)
    size = sum(map(os.path.getsize, files))
    with open(f"{work}/records") as file:
        records = int(file.read())
    print(
        f"\nQueries of the library: {records:,} records in {len(files)} Parquet files of"
        f" {size / 1e6:,.0f} MB, two cores\n"
    )
    compare_queries(vpcflow, store, repeats)


if __name__ == "__main__":
    if sys.argv[1] == "ranking":
        name, threads, files = sys.argv[2], int(sys.argv[3]), sys.argv[4:]
        # The library is loaded by a reading of a few lines.
        with tempfile.NamedTemporaryFile("w", suffix=".log") as few:
            few.write("2 1 eni-1 192.0.2.1 192.0.2.2 1 2 6 1 1 0 0 ACCEPT OK\n" * 10)
            few.flush()
            RANKINGS[name]([few.name], threads)
        start, worked = time.perf_counter(), time.process_time()
        rows = RANKINGS[name](files, threads)
        print(json.dumps([time.perf_counter() - start, time.process_time() - worked, rows]))
    elif sys.argv[1] == "query":
        print(json.dumps(duckdb_query(sys.argv[2], sys.argv[3], int(sys.argv[4]))))
    else:
        main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
