"""Reads a store with the packages `deltalake` and Polars; prints what they see."""

import json
import sys

import deltalake
import polars

path = sys.argv[1]
table = deltalake.DeltaTable(path)
adds = polars.DataFrame(table.get_add_actions(flatten=True))
rows = polars.read_delta(path)
today = polars.scan_delta(path).filter(polars.col("date") == polars.date(2026, 11, 22))
print(
    json.dumps(
        {
            "version": table.version(),
            "files": len(table.file_uris()),
            "stated_rows": adds["num_records"].sum(),
            "least_start": str(adds["min.start"].min()),
            "transactions": sorted(
                version
                for name, version in table.transaction_versions().items()
                if name.startswith("vpcflow:source:")
            )
            if hasattr(table, "transaction_versions")
            else None,
            "rows": rows.height,
            "columns": rows.width,
            "bytes": rows["bytes"].sum(),
            "with_my_field": rows["my_field"].count(),
            "with_vpc_id": rows["vpc_id"].count(),
            "without_start": rows["start"].null_count(),
            "start_type": str(rows.schema["start"]),
            "today": today.collect().height,
            "days": sorted(str(day) for day in rows["date"].unique().drop_nulls()),
        }
    )
)
