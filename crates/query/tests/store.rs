//! Asking a store: what a scan is given to do, and that rows count once.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use serde_json::json;
use support::{Failure, NOW_MS, append_file, files, new_store, open};
use vpcflow_query::{Parameters, Session, Sources, Window};
use vpcflow_record::{Policy, RejectsBuilder};
use vpcflow_store::{Checkpoint, Location, Reader, Snapshot, SourceId, Store};

const HOUR_US: i64 = 3_600_000_000;

/// Records `numbers` of a log group, ten minutes apart.
fn rows(group: &str, numbers: std::ops::Range<i64>) -> Result<RecordBatch, Failure> {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let schema = Schema::new(vec![
        Field::new("bytes", DataType::Int64, true),
        Field::new("start", time, true),
        Field::new("action", DataType::Utf8View, true),
        Field::new("log_group", DataType::Utf8View, true),
    ]);
    let start = numbers.clone().map(|n| NOW_MS * 1000 + n * HOUR_US / 6);
    let action = numbers
        .clone()
        .map(|n| Some(if n % 2 == 0 { "ACCEPT" } else { "REJECT" }));
    let groups = numbers.clone().map(|_| Some(group));
    Ok(RecordBatch::try_new(
        Arc::new(schema),
        vec![
            Arc::new(Int64Array::from_iter_values(numbers)),
            Arc::new(TimestampMicrosecondArray::from_iter_values(start).with_timezone("UTC")),
            Arc::new(StringViewArray::from_iter(action)),
            Arc::new(StringViewArray::from_iter(groups)),
        ],
    )?)
}

/// Three days of records, a file each, and some that are not committed.
async fn three_days() -> Result<Store, Failure> {
    let mut store = new_store().await?;
    let source = SourceId::new("logs:123456789012:eu-central-1:/vpc/flow");
    append(&mut store, &source, rows(source.as_str(), 0..40)?).await?;
    store.commit().await?;
    append(&mut store, &source, rows(source.as_str(), 144..184)?).await?;
    append(&mut store, &source, rows(source.as_str(), 288..328)?).await?;
    store.commit().await?;
    Ok(store)
}

/// Appends rows of a source, with a checkpoint that a commit takes.
async fn append(store: &mut Store, source: &SourceId, rows: RecordBatch) -> Result<(), Failure> {
    let rejects = RejectsBuilder::default().finish()?;
    store.append(source, rows, rejects).await?;
    store.checkpoint(source, Checkpoint::full(json!({})));
    Ok(())
}

/// A session over what the store holds now.
async fn session(store: &Store) -> Result<Session, Failure> {
    session_within(store, Window::default()).await
}

async fn session_within(store: &Store, window: Window) -> Result<Session, Failure> {
    let mut sources = Sources::new(Policy::Default);
    sources.add_store(store.snapshot())?;
    Ok(Session::new(sources, window).await?)
}

async fn answer(session: &Session, sql: &str) -> Result<Vec<Vec<String>>, Failure> {
    let (_, rows) = support::answer(session, sql, Parameters::new()).await?;
    Ok(rows)
}

#[tokio::test]
async fn a_window_leaves_files_out() -> Result<(), Failure> {
    let store = three_days().await?;
    let window = Window {
        since_us: Some(NOW_MS * 1000 + 24 * HOUR_US),
        until_us: Some(NOW_MS * 1000 + 27 * HOUR_US),
    };
    let session = session_within(&store, window).await?;
    assert_eq!(
        answer(&session, "SELECT count(*) FROM flows").await?,
        [["18"]]
    );
    let plan = answer(&session, "EXPLAIN SELECT bytes FROM flows").await?;
    let plan = plan.last().and_then(|row| row.last()).ok_or("no plan")?;
    assert!(plan.contains("[[2026-11-23]]"), "{plan}");
    Ok(())
}

/// Addresses of all files are between the same bounds: which of them have one, a Bloom
/// filter tells.
#[tokio::test]
async fn one_address_is_looked_for_where_it_may_be() -> Result<(), Failure> {
    let mut store = new_store().await?;
    let source = SourceId::new("logs:123456789012:eu-central-1:/vpc/flow");
    for day in 0..3 {
        let first = day * 144;
        let rows = rows(source.as_str(), first..first + 40)?;
        let address = |row: i64| match row {
            0 => "10.0.0.0".to_owned(),
            39 => "99.0.0.0".to_owned(),
            row => format!("10.1.{day}.{row}"),
        };
        let source_address = StringViewArray::from_iter_values((0..40).map(address));
        let target = (0..40).map(|row| address(row).replace("10.1.", "10.2."));
        let target_address = StringViewArray::from_iter_values(target);
        let mut columns = rows.columns().to_vec();
        columns.push(Arc::new(source_address));
        columns.push(Arc::new(target_address));
        let names = ["srcaddr", "dstaddr"].into_iter();
        let addresses = names.map(|name| Arc::new(Field::new(name, DataType::Utf8View, true)));
        let fields = rows.schema_ref().fields().iter().cloned().chain(addresses);
        let schema = Schema::new(fields.collect::<Vec<_>>());
        let rows = RecordBatch::try_new(Arc::new(schema), columns)?;
        append(&mut store, &source, rows).await?;
        store.commit().await?;
    }
    let session = session(&store).await?;
    let sql = "SELECT bytes FROM flows WHERE srcaddr = '10.1.1.7' AND bytes > 0";
    assert_eq!(answer(&session, sql).await?, [["151"]]);
    let plan = answer(&session, &format!("EXPLAIN ANALYZE {sql}")).await?;
    let plan = plan.last().and_then(|row| row.last()).ok_or("no plan")?;
    let pruned = "row_groups_pruned_bloom_filter=3 total → 1 matched";
    assert!(plan.contains(pruned), "{plan}");

    // In either direction: the engine has no conditions that would hold for all rows.
    for (target, found, days) in [
        (
            "10.2.2.3",
            vec![["151"], ["291"]],
            "[[2026-11-23], [2026-11-24]]",
        ),
        (
            "10.2.7.7",
            vec![["151"]],
            "groups={1 group: [[2026-11-23]]}",
        ),
    ] {
        let sql = format!(
            "SELECT bytes FROM flows WHERE srcaddr = '10.1.1.7' OR dstaddr = '{target}' ORDER BY 1"
        );
        assert_eq!(answer(&session, &sql).await?, found);
        let plan = answer(&session, &format!("EXPLAIN {sql}")).await?;
        let plan = plan.last().and_then(|row| row.last()).ok_or("no plan")?;
        assert!(plan.contains(days), "{plan}");
    }
    // Addresses that no filter takes for one of its own, by chance.
    let nobody = "SELECT bytes FROM flows WHERE srcaddr = '10.1.8.8' OR dstaddr = '10.2.8.9'";
    assert_eq!(answer(&session, nobody).await?, Vec::<Vec<String>>::new());
    let plan = answer(&session, &format!("EXPLAIN {nobody}")).await?;
    let plan = plan.last().and_then(|row| row.last()).ok_or("no plan")?;
    assert!(plan.contains("EmptyExec"), "{plan}");
    Ok(())
}

#[tokio::test]
async fn the_order_of_files_is_that_of_their_rows() -> Result<(), Failure> {
    let store = three_days().await?;
    let session = session(&store).await?;
    let ends = "SELECT bytes FROM flows ORDER BY start";
    assert_eq!(
        answer(&session, &format!("{ends} LIMIT 2")).await?,
        [["0"], ["1"]]
    );
    assert_eq!(
        answer(&session, &format!("{ends} DESC LIMIT 2")).await?,
        [["327"], ["326"]]
    );
    Ok(())
}

#[tokio::test]
async fn what_the_log_knows_is_not_read() -> Result<(), Failure> {
    let store = three_days().await?;
    let session = session(&store).await?;
    let known = "SELECT count(*), min(bytes), max(bytes), min(start) FROM flows";
    let row = ["120", "0", "327", "2026-11-22T00:00:00Z"];
    assert_eq!(answer(&session, known).await?, [row]);
    assert_eq!((session.counts().records, session.counts().bytes), (0, 0));
    // What is read is counted once, however often.
    let sum = "SELECT sum(a.bytes) FROM flows a JOIN flows b USING (bytes)";
    answer(&session, sum).await?;
    let counts = session.counts();
    assert_eq!(counts.records, 120);
    let stored: u64 = store.snapshot().files().map(|file| file.size_bytes).sum();
    assert!(counts.bytes > 0 && counts.bytes < stored, "{counts:?}");
    Ok(())
}

#[tokio::test]
async fn several_stores_and_text_are_one_table() -> Result<(), Failure> {
    let directories = [tempfile::tempdir()?, tempfile::tempdir()?];
    let text = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/slt/awsdocs.log");
    let mut sources = Sources::new(Policy::Default);
    for directory in &directories {
        let location = Location::directory(directory.path())?;
        let mut store = open(&location).await?;
        for file in files(&text)? {
            append_file(&mut store, &file).await?;
        }
        store.commit().await?;
        sources.add_store(Reader::open(&location).await?.snapshot().await?)?;
    }
    for file in files(&text)? {
        sources.add_file(file, None)?;
    }
    let window = Window {
        since_us: Some(1_418_530_010_000_000),
        until_us: Some(1_431_280_877_000_000),
    };
    let session = Session::new(sources, window).await?;
    let sql = "SELECT date, count(*), count(*) FILTER (action = 'REJECT') FROM flows GROUP BY 1 ORDER BY 1";
    let sql = &sql.replace("FILTER (", "FILTER (WHERE ");
    assert_eq!(
        answer(&session, sql).await?,
        [["2014-12-14", "6", "3"], ["2015-05-10", "6", "0"]]
    );
    assert_eq!(
        answer(&session, "SELECT count(*) FROM rejects").await?,
        [["6"]]
    );
    assert_eq!(
        answer(&session, "SELECT count(*) FROM ingest_log").await?,
        [["2"]]
    );
    Ok(())
}

#[tokio::test]
async fn interfaces_are_complete_as_far_as_every_log_group_of_the_name() -> Result<(), Failure> {
    let mut store = new_store().await?;
    for (account, complete_to_ms) in [("1", NOW_MS), ("2", NOW_MS - 1000)] {
        let source = SourceId::new(format!("logs:{account}:eu-central-1:/vpc/flow"));
        append(&mut store, &source, rows("/vpc/flow", 0..2)?).await?;
        let checkpoint = Checkpoint {
            complete_to_ms: Some(complete_to_ms),
            ..Checkpoint::full(json!({}))
        };
        store.checkpoint(&source, checkpoint);
    }
    let sql = "SELECT source, records, complete_to FROM enis";
    let answered = answer(&session(&store).await?, sql).await?;
    assert_eq!(answered, [["/vpc/flow", "4", "NULL"]]);
    store.commit().await?;
    let answered = answer(&session(&store).await?, sql).await?;
    assert_eq!(answered, [["/vpc/flow", "4", "2026-11-21T23:59:59Z"]]);
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_missing_is_told() -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let location = Location::directory(directory.path())?;
    let mut store = open(&location).await?;
    let source = SourceId::new("file:a");
    append(&mut store, &source, rows(source.as_str(), 0..3)?).await?;
    store.commit().await?;
    let path = store
        .snapshot()
        .files()
        .next()
        .ok_or("no file")?
        .path
        .clone();
    std::fs::remove_file(directory.path().join(path.as_ref()))?;
    let session = session(&store).await?;
    let failed = answer(&session, "SELECT sum(bytes) FROM flows").await;
    let error = failed.err().ok_or("it was read")?;
    let error = error
        .downcast_ref::<vpcflow_query::Error>()
        .ok_or("another error")?;
    let text = error.to_string();
    assert!(text.ends_with(&format!("{path}` is missing")), "{text}");
    assert!(
        error
            .hint()
            .is_some_and(|hint| hint.contains("store check"))
    );
    Ok(())
}

/// A step of a store's life.
#[derive(Debug, Clone)]
enum Step {
    Append { source: u8, rows: u8 },
    Commit,
    Compact,
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let step = prop_oneof![
        4 => (0..3_u8, 0..90_u8).prop_map(|(source, rows)| Step::Append { source, rows }),
        2 => Just(Step::Commit),
        1 => Just(Step::Compact),
    ];
    proptest::collection::vec(step, 1..14)
}

/// How many records each source has, in the order of their names.
type Expected = BTreeMap<String, i64>;

/// What a reader finds of a snapshot: for each source the rows, the different
/// ones among them, and the greatest number.
async fn check(snapshot: Snapshot, expected: &Expected) -> Result<(), Failure> {
    let mut sources = Sources::new(Policy::Default);
    sources.add_store(snapshot)?;
    let session = Session::new(sources, Window::default()).await?;
    let whole = answer(&session, "SELECT count(*), count(bytes) FROM flows").await?;
    let total: i64 = expected.values().sum();
    assert_eq!(whole, [[total.to_string(), total.to_string()]]);
    if total == 0 {
        return Ok(());
    }
    let sql = "SELECT log_group, count(*), count(DISTINCT bytes), 1 + max(bytes), count(DISTINCT date) > 0
        FROM flows GROUP BY 1 ORDER BY 1";
    let expected = expected.iter().filter(|(_, count)| **count > 0);
    let expected: Vec<_> = expected
        .map(|(source, count)| {
            let count = count.to_string();
            vec![
                source.clone(),
                count.clone(),
                count.clone(),
                count,
                "true".to_owned(),
            ]
        })
        .collect();
    assert_eq!(answer(&session, sql).await?, expected);
    Ok(())
}

async fn live_through(steps: Vec<Step>) -> Result<(), Failure> {
    let mut store = new_store().await?;
    let location = store.location().clone();
    let mut appended = Expected::new();
    let mut committed = Expected::new();
    for step in steps {
        let (before, before_expected) = (store.snapshot(), appended.clone());
        match step {
            Step::Append {
                source,
                rows: count,
            } => {
                let source = SourceId::new(format!("source-{source}"));
                let from = appended.entry(source.to_string()).or_default();
                let numbers = *from..*from + i64::from(count);
                *from = numbers.end;
                append(&mut store, &source, rows(source.as_str(), numbers)?).await?;
            }
            Step::Commit => {
                store.commit().await?;
                committed.clone_from(&appended);
            }
            Step::Compact => {
                store.compact().await?;
            }
        }
        // A query that began before the step, one that begins after it, and one of
        // another process.
        check(before, &before_expected).await?;
        check(store.snapshot(), &appended).await?;
        check(Reader::open(&location).await?.snapshot().await?, &committed).await?;
    }
    Ok(())
}

#[test]
fn a_row_counts_once_whenever_it_is_asked_for() {
    use proptest::test_runner::{Config, TestRunner};
    let config = Config {
        cases: 12,
        failure_persistence: None,
        ..Config::default()
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let run = TestRunner::new(config).run(&steps(), |steps| {
        let outcome = runtime.block_on(live_through(steps));
        outcome.map_err(|error| proptest::test_runner::TestCaseError::fail(error.to_string()))
    });
    run.unwrap();
}
