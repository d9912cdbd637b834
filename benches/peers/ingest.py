"""Times text to Parquet with Polars and DuckDB, beside `vpcflow ingest`.

Each run is a process of its own, on all cores, and writes anew. All find the same
rows and the same sum of bytes in what they wrote. Peers are timed from the first
read to the last write, without the start of Python; vpcflow as a whole process, with
every file on the disk. Called by scripts/bench-ingest.
"""

import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

from peers import NAMES, TEXT, WIDE


def polars_options(polars):
    def polars_type(name):
        return polars.String if name in TEXT else polars.Int64 if name in WIDE else polars.Int32

    return {
        "separator": " ",
        "has_header": False,
        "schema": {name: polars_type(name) for name in NAMES},
        "null_values": "-",
    }


def polars_memory(path, output):
    import polars

    def work():
        frame = polars.read_csv(path, **polars_options(polars))
        frame.write_parquet(output, compression="zstd", compression_level=1)

    return work


def polars_stream(path, output):
    import polars

    def work():
        frame = polars.scan_csv(path, **polars_options(polars))
        frame.sink_parquet(output, compression="zstd", compression_level=1)

    return work


def duckdb(path, output):
    import duckdb as db

    def sql_type(name):
        return "VARCHAR" if name in TEXT else "BIGINT" if name in WIDE else "INTEGER"

    columns = ", ".join(f"'{name}': '{sql_type(name)}'" for name in NAMES)
    connection = db.connect()
    statement = (
        f"COPY (SELECT * FROM read_csv('{path}', delim=' ', header=false,"
        f" auto_detect=false, quote='', escape='', nullstr='-', columns={{{columns}}}))"
        f" TO '{output}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    )
    return lambda: connection.execute(statement)


PEERS = {
    "Polars, `read_csv` to `write_parquet`": polars_memory,
    "Polars, `scan_csv` to `sink_parquet`": polars_stream,
    "DuckDB, `COPY` to Parquet": duckdb,
}


def run_peer(name, path, output):
    """In a process of its own: prints seconds of the clock and of the processors."""
    work = PEERS[name](path, output)
    before, started = os.times(), time.perf_counter()
    work()
    seconds, after = time.perf_counter() - started, os.times()
    print(json.dumps([seconds, after.user + after.system - before.user - before.system]))


def peer(name, path, output):
    command = [sys.executable, __file__, "--run", name, str(path), str(output)]
    seconds, cpu = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    import polars

    found = polars.scan_parquet(output).select(polars.len(), polars.col("bytes").sum())
    rows, total = found.collect().row(0)
    return seconds, cpu, output.stat().st_size, (rows, total)


def vpcflow(binary, path, output):
    def used():
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before, started = used(), time.perf_counter()
    subprocess.run([binary, "ingest", path, "--store", output, "--quiet"], check=True)
    seconds, cpu = time.perf_counter() - started, used() - before

    def ask(*arguments):
        command = [binary, *arguments, "-o", "json"]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    size = ask("store", "info", output)["size_bytes"]
    statement = "SELECT count(*) AS records, sum(bytes) AS total FROM flows"
    found = ask("sql", "--quiet", "--store", output, statement)
    found = found[0] if isinstance(found, list) else found
    return seconds, cpu, size, (found["records"], found["total"])


def main():
    path, binary, work, repeats = sys.argv[1:]
    work = pathlib.Path(work)
    text_bytes = os.stat(path).st_size
    runs = {"vpcflow": lambda output: vpcflow(binary, path, output)}
    for name in PEERS:
        runs[name] = lambda output, name=name: peer(name, path, output)
    best, found = {}, {}
    # In turns, so that all see the same machine.
    for _ in range(int(repeats)):
        for name, run in runs.items():
            output = work / "written"
            shutil.rmtree(output, ignore_errors=True)
            output.unlink(missing_ok=True)
            *measured, found[name] = run(output)
            best[name] = min(best.get(name, measured), measured)
    assert len(set(found.values())) == 1, f"they differ: {found}"
    rows = found["vpcflow"][0]
    print(f"{rows:,} records, {text_bytes / 1e6:,.0f} MB of text, best of {repeats}\n")
    print("| | seconds | MB/s of text | seconds of all cores | bytes a record |")
    print("|---|---:|---:|---:|---:|")
    for name, (seconds, cpu, size) in best.items():
        speed = text_bytes / 1e6 / seconds
        print(f"| {name} | {seconds:.2f} | {speed:,.0f} | {cpu:.2f} | {size / rows:.2f} |")
    polars = min(seconds for name, (seconds, *_) in best.items() if "Polars" in name)
    print(f"\n{polars / best['vpcflow'][0]:.2f} times the fastest way of Polars")


if __name__ == "__main__":
    if sys.argv[1] == "--run":
        run_peer(sys.argv[2], sys.argv[3], sys.argv[4])
    else:
        main()
