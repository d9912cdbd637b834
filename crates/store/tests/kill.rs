//! A writer that is killed, at named steps and at any moment, loses nothing and
//! repeats nothing.

#![expect(
    clippy::print_stdout,
    reason = "the process that is killed says what it did"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::*;
use vpcflow_store::{Location, Reader, SourceId, Store, StoreOptions, check};

/// Says where the child writes, and that this process is one.
const DIRECTORY_VARIABLE: &str = "VPCFLOW_TEST_STORE";
/// Where the child stops by itself.
const RECORDS_VARIABLE: &str = "VPCFLOW_TEST_RECORDS";

/// The steps at which the writer can be stopped, but for that of retention.
const STEPS: [&str; 9] = [
    "store-synchronise",
    "store-data-files-written",
    "store-cursor-written",
    "store-rejects-written",
    "store-entry-written",
    "store-compacted",
    "store-compaction-committed",
    "store-checkpointed",
    "store-removed",
];

fn source() -> SourceId {
    SourceId::new("file:/flow.log")
}

/// Not a test: the process that is killed. It says what was acknowledged.
#[test]
fn writer() {
    let Some(directory) = env::var_os(DIRECTORY_VARIABLE) else {
        return;
    };
    let records: u64 = env::var(RECORDS_VARIABLE).unwrap().parse().unwrap();
    // A panic at a failpoint ends the process there and then, as a kill does.
    std::panic::set_hook(Box::new(|_| std::process::abort()));
    let _scenario = fail::FailScenario::setup();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(write(Path::new(&directory), records));
}

async fn write(directory: &Path, records: u64) {
    let location = Location::directory(directory).unwrap();
    let options = StoreOptions {
        reader_grace_ms: 0,
        ..options()
    };
    let mut store = Store::open(&location, options, clock()).await.unwrap();
    let mut from = offset(&store, &source());
    while from < records {
        let to = (from + 1 + from * 7 % 31).min(records);
        let refused = rejects(&source(), usize::from(from.is_multiple_of(3)));
        store
            .append(&source(), rows(&source(), from, to), refused)
            .await
            .unwrap();
        from = to;
        if from.is_multiple_of(2) || from == records {
            store.checkpoint(&source(), at(from));
            store.commit().await.unwrap();
            println!("acknowledged {from}");
        }
        if from.is_multiple_of(5) {
            store.compact().await.unwrap();
        }
    }
    store.close().await.unwrap();
}

/// Runs a writer until it ends, or until it acknowledged `lines` times. Returns
/// what it acknowledged last, and whether it came to its end.
fn run(directory: &Path, records: u64, failpoints: &str, lines: usize) -> (u64, bool) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "writer", "--nocapture"])
        .env(DIRECTORY_VARIABLE, directory)
        .env(RECORDS_VARIABLE, records.to_string())
        .env("FAILPOINTS", failpoints)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut acknowledged = 0;
    let mut seen = 0;
    for line in output.lines() {
        let Ok(line) = line else { break };
        if let Some(offset) = line.split("acknowledged ").nth(1) {
            acknowledged = offset.parse().unwrap();
            seen += 1;
            if seen == lines {
                // SIGKILL, wherever it is by now.
                child.kill().unwrap();
            }
        }
    }
    (acknowledged, child.wait().unwrap().success())
}

/// What everybody sees after a kill. Returns where the source goes on.
fn verify(directory: &Path, acknowledged: u64) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let location = Location::directory(directory).unwrap();
        let Ok(mut reader) = Reader::open(&location).await else {
            assert_eq!(acknowledged, 0, "the store is gone");
            return 0;
        };
        let snapshot = reader.snapshot().await.unwrap();
        let state = snapshot.sources().first();
        let offset = state.map_or(0, |state| {
            state.cursors.last().unwrap()["offset"].as_u64().unwrap()
        });
        assert!(offset >= acknowledged, "{offset} < {acknowledged}");
        assert_same(
            &records(&snapshot).await,
            &expected(&source(), offset),
            "killed",
        );
        let check = check(&mut reader).await.unwrap();
        assert_eq!(check.findings, []);
        offset
    })
}

#[test]
fn a_writer_killed_at_any_step_goes_on_where_it_was() {
    if !fail::has_failpoints() {
        eprintln!("skipped: built without failpoints, which `cargo test --workspace` has");
        return;
    }
    for step in STEPS {
        let directory = tempfile::tempdir().unwrap();
        let mut acknowledged = 0;
        let mut died = 0;
        for after in [0, 1, 5, 17] {
            let failpoints = format!("{step}={after}*off->panic");
            let (last, ended) = run(directory.path(), 400, &failpoints, usize::MAX);
            died += usize::from(!ended);
            acknowledged = acknowledged.max(last);
            acknowledged = acknowledged.max(verify(directory.path(), acknowledged));
        }
        // Retention is not on.
        assert!(
            died > 0 || step == "store-expired",
            "`{step}` was never met"
        );
        let (_, ended) = run(directory.path(), 400, "", usize::MAX);
        assert!(ended);
        assert_eq!(verify(directory.path(), 400), 400);
    }
}

#[test]
fn a_writer_killed_at_any_moment_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let (mut acknowledged, mut kills) = (0, 0);
    // So many records that it is killed some 30 times before the end.
    let records = 1_500;
    for round in 0.. {
        assert!(round < 500, "it does not get on");
        let (last, ended) = run(directory.path(), records, "", 1 + round % 4);
        acknowledged = verify(directory.path(), acknowledged.max(last));
        if ended && acknowledged == records {
            break;
        }
        kills += usize::from(!ended);
    }
    assert!(kills >= 20, "{kills} kills");
}
