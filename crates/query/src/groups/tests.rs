//! Groups are the same, whether their first step is ours or the engine's.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::Result;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::physical_plan::{ExecutionPlan, collect};
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::*;
use crate::keys::NumberedKeys;
use crate::keys::tests::{STATEMENTS, partitions, row};
use crate::rules::{
    self, Row, Rule, answer, batch, batches, block_on, plan, read_files, same_answers, with_last,
};

/// A context that groups by numbers, with a first step of ours or of the engine.
fn context(
    batches: &[Vec<RecordBatch>],
    threads: usize,
    memory_bytes: Option<usize>,
    is_ours: bool,
) -> SessionContext {
    let rule = |pool: &Arc<dyn MemoryPool>| -> Option<Rule> {
        let pool = Arc::clone(pool);
        Some(Arc::new(NumberedKeys { pool }))
    };
    let context = rules::context(batches, threads, memory_bytes, rule);
    match is_ours {
        true => with_last(&context, Arc::new(GroupsOfNumbers)),
        false => context,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn our_step_makes_the_same_groups(partitions in partitions(), threads in 1..4_usize) {
        let batches = batches(&partitions);
        let ours = context(&batches, threads, None, true);
        let engine = context(&batches, threads, None, false);
        same_answers(&ours, &engine, &STATEMENTS)?;
    }
}

#[test]
fn first_steps_by_numbers_are_ours() {
    for threads in [1, 2] {
        let context = context(&[vec![batch(&[])]], threads, None, true);
        let is_ours = |sql: &str| block_on(plan(&context, sql)).contains("FirstStepExec: ");
        let ours = STATEMENTS.iter().filter(|sql| is_ours(sql));
        // The others have a key that is in no number.
        assert_eq!(
            ours.count(),
            7,
            "{threads} {}",
            block_on(plan(&context, STATEMENTS[0]))
        );
        for sql in [
            // No number, a key beside it, and values that are not added up for many groups.
            "SELECT dstport, count(*) FROM flows GROUP BY 1",
            "SELECT srcaddr, dstaddr, bytes, count(*) FROM flows GROUP BY 1, 2, 3",
            "SELECT srcaddr, dstaddr, array_agg(bytes ORDER BY dstport) FROM flows GROUP BY 1, 2",
        ] {
            assert!(!is_ours(sql), "{sql}");
        }
    }
}

const SQL: &str =
    "SELECT srcaddr, dstaddr, count(*), sum(bytes), min(dstport) FROM flows GROUP BY 1, 2";

/// Rows of so many groups, of which each comes so often at once, and again after all others.
fn rows(count: i64, groups: i64, times: i64) -> Vec<Vec<RecordBatch>> {
    let row = |number: i64| -> Row {
        let group = number / times % groups;
        let address = |place: i64| Some(format!("10.{}.{}.7", place % 200, place / 200));
        (
            address(group),
            address(group / 7),
            Some((number % 3) as i32),
            Some(number),
        )
    };
    let rows: Vec<_> = (0..count).map(row).collect();
    vec![rows.chunks(500).map(batch).collect()]
}

/// With conditions. The last two leave out rows that values may not be calculated of.
const CONDITIONS: [&str; 6] = [
    "SELECT srcaddr, dstaddr, count(*), sum(bytes) FROM flows WHERE dstport >= 0 GROUP BY 1, 2",
    "SELECT dstport, dstaddr, min(bytes), max(bytes), avg(bytes) FROM flows \
     WHERE srcaddr <> 'a' OR bytes = 1 GROUP BY 1, 2",
    "SELECT least(srcaddr, dstaddr), greatest(srcaddr, dstaddr), min(dstaddr), \
     count(DISTINCT srcaddr), sum(bytes) FROM flows WHERE bytes < 2 GROUP BY 1, 2",
    "SELECT srcaddr, dstaddr, count(*) FROM flows WHERE bytes > 5 GROUP BY 1, 2",
    "SELECT srcaddr, dstport, count(*) FILTER (WHERE bytes > 0) FROM flows \
     WHERE srcaddr IS NOT NULL GROUP BY 1, 2",
    "SELECT srcaddr, dstaddr, sum(10 / bytes) FROM flows WHERE bytes > 0 GROUP BY 1, 2",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn conditions_hold_for_what_is_grouped(partitions in partitions(), threads in 1..3_usize) {
        let batches = batches(&partitions);
        for memory_bytes in [None, Some(400_000)] {
            let ours = context(&batches, threads, memory_bytes, true);
            let engine = context(&batches, threads, None, false);
            same_answers(&ours, &engine, &CONDITIONS)?;
        }
    }
}

/// Values of rows that a condition does not hold for are not calculated if that may fail.
#[test]
fn which_conditions_are_decided_by_the_step() {
    let context = context(&[vec![batch(&[])]], 1, None, true);
    let is_ours = |sql| block_on(plan(&context, sql)).contains("FirstStepExec: where=");
    assert_eq!(
        CONDITIONS.map(is_ours),
        [true, true, true, true, false, false]
    );
}

/// The rows that a plan makes of a statement, and so many rows that its first step made.
async fn run(context: &SessionContext, sql: &str) -> Result<(usize, Steps)> {
    let frame = context.sql(sql).await?;
    let plan = frame.create_physical_plan().await?;
    let rows = collect(Arc::clone(&plan), context.task_ctx()).await?;
    let rows = rows.iter().map(RecordBatch::num_rows).sum();
    Ok((rows, steps(&plan)))
}

/// What a first step did.
#[derive(Debug, Default)]
struct Steps {
    output_rows: usize,
    skipped_rows: usize,
}

fn steps(plan: &Arc<dyn ExecutionPlan>) -> Steps {
    if plan.downcast_ref::<FirstStepExec>().is_some() {
        let metrics = plan.metrics().unwrap();
        let skipped = metrics.sum_by_name("skipped_aggregation_rows");
        return Steps {
            output_rows: metrics.output_rows().unwrap(),
            skipped_rows: skipped.map_or(0, |rows| rows.as_usize()),
        };
    }
    plan.children()
        .into_iter()
        .map(steps)
        .next()
        .unwrap_or_default()
}

/// Without room for all groups they are handed out early, and put together later.
#[test]
fn groups_that_memory_does_not_hold_are_handed_out() {
    let batches = rows(60_000, 9_000, 2);
    block_on(async {
        let little = context(&batches, 1, Some(900_000), true);
        let (found, steps) = run(&little, SQL).await.unwrap();
        assert_eq!(found, 9_000);
        assert!(steps.output_rows > 9_000, "{steps:?}");
        assert_eq!(steps.skipped_rows, 0);
        let engine = context(&batches, 1, None, false);
        assert_eq!(answer(&little, SQL).await, answer(&engine, SQL).await);
    });
}

/// Rows that are hardly fewer as groups are not looked up.
#[test]
fn rows_without_groups_pass() {
    let batches = rows(5_000, 5_000, 1);
    block_on(async {
        let ours = context(&batches, 2, None, true);
        let (found, steps) = run(&ours, SQL).await.unwrap();
        assert_eq!((found, steps.output_rows), (5_000, 5_000));
        assert!(steps.skipped_rows > 4_000, "{steps:?}");
        let engine = context(&batches, 2, None, false);
        assert_eq!(answer(&ours, SQL).await, answer(&engine, SQL).await);
    });
}

/// What fails while it is added up is told, and ends the step.
#[test]
fn errors_are_told() {
    let row: Row = (None, None, Some(0), Some(i64::MAX));
    let batches = [vec![batch(&[row])]];
    let ours = context(&batches, 1, None, true);
    let sql = "SELECT srcaddr, dstaddr, sum(1 / dstport) FROM flows GROUP BY 1, 2";
    let error = block_on(run(&ours, sql)).unwrap_err();
    assert!(error.to_string().contains("ivide"), "{error}");
}

/// Rows that come over and over in a Parquet file: with dictionaries of at most so many
/// bytes, from which on its pages have the texts themselves, or without.
fn write(directory: &Path, number: usize, rows: &[Row], dictionary_bytes: Option<usize>) {
    let rows: Vec<_> = rows.iter().cycle().take(5_000).cloned().collect();
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(3_000))
        .set_data_page_row_count_limit(700)
        .set_write_batch_size(100)
        .set_dictionary_enabled(dictionary_bytes.is_some())
        .set_dictionary_page_size_limit(dictionary_bytes.unwrap_or_default());
    rules::write(directory, number, &batch(&rows), properties);
}

/// A context over the Parquet files of a directory.
fn over_files(directory: &Path, threads: usize, is_ours: bool) -> SessionContext {
    let context = context(&[Vec::new()], threads, None, is_ours);
    block_on(read_files(&context, directory));
    context
}

/// With conditions, and with texts that are asked for beside their numbers.
const OF_FILES: [&str; 6] = [
    "SELECT srcaddr, dstaddr, count(*), sum(bytes) FROM flows WHERE dstport = 1 GROUP BY 1, 2",
    "SELECT srcaddr, dstaddr, count(*) FROM flows WHERE srcaddr <> 'a' GROUP BY 1, 2",
    "SELECT srcaddr, dstaddr, max(dstaddr), count(*) FILTER (WHERE srcaddr = 'b') FROM flows \
     WHERE bytes > 0 GROUP BY 1, 2",
    "SELECT dstaddr, srcaddr, dstport, min(bytes), max(dstport) FROM flows GROUP BY 1, 2, 3",
    "SELECT dstport, dstaddr, min(bytes) FROM flows WHERE dstaddr IS NOT NULL GROUP BY 1, 2",
    "SELECT least(srcaddr, dstaddr), greatest(srcaddr, dstaddr), srcaddr, count(*) FROM flows \
     GROUP BY 1, 2, 3",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn texts_of_files_are_numbered_by_the_scan(
        files in proptest::collection::vec(
            (
                proptest::collection::vec(row(), 1..40),
                prop_oneof![Just(None), Just(Some(30)), Just(Some(1 << 20))],
            ),
            1..3,
        ),
        threads in 1..3_usize,
    ) {
        let directory = tempfile::tempdir().unwrap();
        for (number, (rows, dictionary_bytes)) in files.iter().enumerate() {
            write(directory.path(), number, rows, *dictionary_bytes);
        }
        let ours = over_files(directory.path(), threads, true);
        let engine = over_files(directory.path(), threads, false);
        same_answers(&ours, &engine, &OF_FILES)?;
        same_answers(&ours, &engine, &STATEMENTS[..7])?;
    }
}

#[test]
fn what_the_scan_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let row: Row = (Some("10.0.0.1".to_owned()), None, Some(1), Some(1));
    write(directory.path(), 0, &[row], Some(1 << 20));
    let context = over_files(directory.path(), 2, true);
    let numbered = |sql: &str| {
        let plan = block_on(plan(&context, sql));
        ["srcaddr", "dstaddr"].map(|name| plan.contains(&format!("number({name}@")))
    };
    // A text that something else asks for is no number.
    let expected = [
        [true, true],
        [false, true],
        [false, false],
        [true, true],
        [false, false],
        [false, false],
    ];
    assert_eq!(OF_FILES.map(numbered), expected);
}
