//! Others read the table: the Python package `deltalake`, Polars and DuckDB.

#![expect(clippy::print_stderr, reason = "it says why it is skipped")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow_array::{RecordBatch, StringViewArray};
use serde_json::{Value, json};
use support::*;
use vpcflow_record::{DecodeOptions, Decoder, Format};
use vpcflow_store::{Location, SourceId, Store, StoreOptions};

const SCRIPT: &str = include_str!("peers.py");
const PAGES_SCRIPT: &str = include_str!("pages.py");

/// Names the Python that has the packages, instead of `python3` from `PATH`.
const PYTHON_VARIABLE: &str = "VPCFLOW_PYTHON";
/// When set, nothing may be missing.
const REQUIRED_VARIABLE: &str = "VPCFLOW_REQUIRE_MOTO";

/// What they see; `None`, and why on standard error, when there is no Python with
/// the packages.
fn read(directory: &Path) -> Option<Value> {
    run(SCRIPT, directory, &[])
}

fn run(script: &str, directory: &Path, arguments: &[&str]) -> Option<Value> {
    let python = env::var_os(PYTHON_VARIABLE).unwrap_or_else(|| "python3".into());
    let imports = Command::new(&python)
        .args(["-c", "import deltalake, duckdb, polars"])
        .output();
    if !imports.is_ok_and(|output| output.status.success()) {
        assert!(
            env::var_os(REQUIRED_VARIABLE).is_none(),
            "there is no Python with `deltalake`, `duckdb` and `polars`: scripts/test installs them"
        );
        eprintln!("skipped: no Python with `deltalake`, `duckdb` and `polars`");
        return None;
    }
    let output = Command::new(&python)
        .args(["-c", script])
        .arg(directory)
        .args(arguments)
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

/// Rows and what is asked of them, counted here.
#[derive(Default)]
struct Answer {
    rows: u64,
    bytes: u64,
    ports: u64,
    addresses: BTreeSet<String>,
    without_action: u64,
    interface: String,
}

impl Answer {
    fn of(records: impl Iterator<Item = Record>) -> Value {
        let mut answer = Answer::default();
        for record in records {
            answer.rows += 1;
            answer.interface = answer.interface.max(record.interface());
            match record.has_data() {
                true => {
                    answer.bytes += record.bytes();
                    answer.ports += record.port();
                    answer.addresses.insert(record.address());
                }
                false => answer.without_action += 1,
            }
        }
        json!([
            answer.rows,
            answer.bytes,
            answer.ports,
            answer.addresses.len(),
            answer.without_action,
            answer.interface,
        ])
    }
}

/// A record by its number.
#[derive(Clone, Copy)]
struct Record(u64);

impl Record {
    fn has_data(self) -> bool {
        self.0 % 97 != 5
    }

    fn start(self) -> u64 {
        1_795_305_600 + self.0 * 7_919 % 40_000
    }

    fn interface(self) -> String {
        format!("eni-{:017x}", self.0 % 31)
    }

    fn address(self) -> String {
        match self.0 % 5 {
            0 => format!("2001:db8::{:x}", self.0 % 3_000),
            _ => format!("10.0.{}.{}", self.0 % 11, self.0 % 200),
        }
    }

    fn port(self) -> u64 {
        self.0 * 31 % 65_536
    }

    fn bytes(self) -> u64 {
        self.0 * self.0 % 1_000_003
    }

    fn line(self) -> String {
        let (interface, start) = (self.interface(), self.start());
        let end = start + 60;
        match self.has_data() {
            true => format!(
                "2 123456789010 {interface} {} 10.9.9.9 {} 443 6 {} {} {start} {end} ACCEPT OK\n",
                self.address(),
                self.port(),
                self.0 % 50,
                self.bytes()
            ),
            false => format!("2 123456789010 {interface} - - - - - - - {start} {end} - NODATA\n"),
        }
    }
}

/// A file of several pages, whose rows came in another order.
#[tokio::test]
async fn polars_and_duckdb_read_the_pages() {
    const RECORDS: u64 = 80_000;
    let directory = tempfile::tempdir().unwrap();
    let location = Location::directory(directory.path()).unwrap();
    let source = SourceId::new("file:/flow.log");
    let options = StoreOptions {
        maintain: false,
        ..StoreOptions::default()
    };
    let mut store = Store::open(&location, options, clock()).await.unwrap();
    let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
    for record in (0..RECORDS).map(Record) {
        decoder.decode(record.line().as_bytes());
        if decoder.is_full() || record.0 + 1 == RECORDS {
            let rows = decoder.flush().unwrap().unwrap();
            store.append(&source, rows, no_rejects()).await.unwrap();
        }
    }
    store.checkpoint(&source, at(RECORDS));
    store.commit().await.unwrap().unwrap();
    let files: Vec<_> = store.snapshot().files().cloned().collect();
    assert_eq!(files.len(), 1);
    assert_eq!(files[0].rows, RECORDS);
    let (first, last) = (1_795_305_600 + 20_000, 1_795_305_600 + 21_000);
    let utc = |second: i64| {
        let time = chrono::DateTime::from_timestamp(second, 0).unwrap();
        time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let times = [utc(first), utc(last)];
    let times = times.each_ref().map(String::as_str);
    let Some(found) = run(PAGES_SCRIPT, directory.path(), &times) else {
        return;
    };
    let records = || (0..RECORDS).map(Record);
    let between = |record: &Record| (first as u64..=last as u64).contains(&record.start());
    let answers = json!([
        Answer::of(records()),
        Answer::of(records().filter(between)),
        Answer::of(records().filter(|r| r.has_data() && r.address() == "10.0.3.7")),
    ]);
    assert_eq!(found["polars"], answers);
    assert_eq!(found["duckdb"], answers);
    let with_data = || records().filter(|record| record.has_data());
    let bounds = json!([
        [
            "srcaddr",
            with_data().map(Record::address).min(),
            with_data().map(Record::address).max()
        ],
        [
            "srcport",
            with_data()
                .map(Record::port)
                .min()
                .map(|port| port.to_string()),
            with_data()
                .map(Record::port)
                .max()
                .map(|port| port.to_string())
        ],
    ]);
    assert_eq!(found["bounds"], bounds);
}
