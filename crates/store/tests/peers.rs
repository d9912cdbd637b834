//! Others read the table: the Python package `deltalake`, and Polars.

#![expect(clippy::print_stderr, reason = "it says why it is skipped")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringViewArray};
use serde_json::{Value, json};
use support::*;
use vpcflow_store::{Location, SourceId, Store, StoreOptions};

const SCRIPT: &str = include_str!("peers.py");

/// Names the Python that has the packages, instead of `python3` from `PATH`.
const PYTHON_VARIABLE: &str = "VPCFLOW_PYTHON";
/// When set, nothing may be missing.
const REQUIRED_VARIABLE: &str = "VPCFLOW_REQUIRE_MOTO";

/// What they see; `None`, and why on standard error, when there is no Python with
/// the packages.
fn read(directory: &Path) -> Option<Value> {
    let python = env::var_os(PYTHON_VARIABLE).unwrap_or_else(|| "python3".into());
    let imports = Command::new(&python)
        .args(["-c", "import deltalake, polars"])
        .output();
    if !imports.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os(REQUIRED_VARIABLE).is_none(),
            "there is no Python with `deltalake` and `polars`: scripts/test installs them"
        );
        eprintln!("skipped: no Python with `deltalake` and `polars`");
        return None;
    }
    let output = Command::new(&python)
        .args(["-c", SCRIPT])
        .arg(directory)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// The rows with one column more.
fn with_column(rows: &RecordBatch, name: &str) -> RecordBatch {
    let names = rows.schema();
    let columns = names.fields().iter().map(|field| field.name().as_str());
    let columns = columns.zip(rows.columns().to_vec());
    let added = StringViewArray::from(vec!["some text"; rows.num_rows()]);
    RecordBatch::try_from_iter(columns.chain([(name, Arc::new(added) as _)])).unwrap()
}

#[tokio::test]
async fn deltalake_and_polars_read_the_table() {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::directory(directory.path()).unwrap();
    let source = SourceId::new("file:/flow.log");
    let options = StoreOptions {
        maintain: false,
        ..options()
    };
    let mut store = Store::open(&location, options, clock()).await.unwrap();
    for n in 0..8 {
        // Files have the columns of their format only.
        let rows = rows(&source, n * 100, n * 100 + 100);
        let rows = match n % 3 {
            0 => rows,
            1 => with_column(&rows, "vpc_id"),
            _ => with_column(&rows, "my_field"),
        };
        store
            .append(&source, rows, rejects(&source, 1))
            .await
            .unwrap();
        store.checkpoint(&source, at(n * 100 + 100));
        store.commit().await.unwrap().unwrap();
    }
    let expected = |store: &Store| {
        let today = store.snapshot();
        let today = today.files().filter(|file| {
            file.date
                .is_some_and(|date| date.to_string() == "2026-11-22")
        });
        json!({
            "version": store.snapshot().version(),
            "files": store.snapshot().files().count(),
            "stated_rows": 800,
            "least_start": "2026-11-21 07:20:00+00:00",
            "transactions": [8],
            "rows": 800,
            // The registry, those of CloudWatch, the day, and the unknown one.
            "columns": store.snapshot().schema().fields().len(),
            "bytes": (0..800).sum::<i64>(),
            "with_my_field": 200,
            "with_vpc_id": 300,
            "without_start": 16,
            "start_type": "Datetime(time_unit='us', time_zone='UTC')",
            "today": today.map(|file| file.rows).sum::<u64>(),
            "days": ["2026-11-21", "2026-11-22"],
        })
    };
    let Some(mut found) = read(directory.path()) else {
        return;
    };
    let check = |found: &mut Value, expected: Value| {
        // Not every version of the package tells them.
        if found["transactions"].is_null() {
            found["transactions"] = expected["transactions"].clone();
        }
        assert_eq!(*found, expected);
    };
    check(&mut found, expected(&store));
    // Once more from a checkpoint of the log, after compaction.
    store.compact().await.unwrap();
    let checkpoint = format!(
        "_delta_log/{:020}.checkpoint.parquet",
        store.snapshot().version()
    );
    assert!(directory.path().join(checkpoint).exists());
    assert!(store.snapshot().files().count() <= 3);
    check(&mut read(directory.path()).unwrap(), expected(&store));
}
