"""Reads the files of a store with Polars and DuckDB; prints what each sees."""

import json
import pathlib
import sys

import duckdb
import polars

files = [str(path) for path in pathlib.Path(sys.argv[1]).glob("date=*/*.parquet")]
first, last = sys.argv[2:]
rows = polars.scan_parquet(files, hive_partitioning=False)
between = polars.col("start").is_between(
    polars.lit(first).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    polars.lit(last).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
)
address = polars.col("srcaddr") == "10.0.3.7"


def of_polars(condition):
    found = rows.filter(condition) if condition is not None else rows
    columns = (
        polars.len(),
        polars.col("bytes").sum(),
        polars.col("srcport").cast(polars.Int64).sum(),
        polars.col("srcaddr").drop_nulls().n_unique(),
        polars.col("action").null_count(),
        polars.col("interface_id").max(),
    )
    return list(found.select(*columns).collect().row(0))


def of_duckdb(condition):
    statement = (
        "SELECT count(*), sum(bytes)::BIGINT, sum(srcport)::BIGINT, count(DISTINCT srcaddr),"
        " count(*) FILTER (action IS NULL), max(interface_id)"
        f" FROM read_parquet({files}, hive_partitioning=false) WHERE {condition}"
    )
    return list(duckdb.sql(statement).fetchall()[0])


bounds = duckdb.sql(
    "SELECT path_in_schema, min(stats_min_value), max(stats_max_value)"
    f" FROM parquet_metadata({files}) WHERE path_in_schema IN ('srcaddr', 'srcport')"
    " GROUP BY ALL ORDER BY ALL"
).fetchall()
print(
    json.dumps(
        {
            "polars": [of_polars(condition) for condition in (None, between, address)],
            "duckdb": [
                of_duckdb(condition)
                for condition in (
                    "true",
                    f"start BETWEEN '{first}'::TIMESTAMPTZ AND '{last}'::TIMESTAMPTZ",
                    "srcaddr = '10.0.3.7'",
                )
            ],
            "bounds": bounds,
        }
    )
)
