//! Answers are the same, whether narrow conditions are decided first or not.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::parquet::file::properties::WriterProperties;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::*;
use crate::joins::FewGroupsForAll;
use crate::rules::{self, Row, Rule, batch, block_on, plan, read_files, same_answers, with_last};

/// A context over a Parquet file for each batch, with the rules or without them.
async fn context(directory: &Path, threads: usize, is_narrow: bool) -> SessionContext {
    let rule = |_: &_| is_narrow.then(|| Arc::new(FewGroupsForAll) as Rule);
    let mut context = rules::context(&[Vec::new()], threads, None, rule);
    if is_narrow {
        context = with_last(&context, Arc::new(NarrowFirst));
    }
    read_files(&context, directory).await;
    context
}

/// Writes a file of row groups and pages of so many rows.
fn write(directory: &Path, number: usize, batch: &RecordBatch, rows: [usize; 2]) {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(rows[0]))
        .set_data_page_row_count_limit(rows[1])
        .set_write_batch_size(rows[1]);
    rules::write(directory, number, batch, properties);
}

/// A narrow condition is first in each.
const STATEMENTS: [&str; 10] = [
    "SELECT dstport, bytes FROM flows WHERE srcaddr = 'b'",
    "SELECT * FROM flows WHERE bytes > 0 AND dstaddr IN ('a', 'c') AND dstport < 2",
    "SELECT bytes FROM flows WHERE srcaddr = 'a' OR dstaddr = 'a' AND bytes < 2",
    "SELECT count(*), sum(bytes) FROM flows WHERE 'c' = dstaddr",
    "SELECT dstport FROM flows WHERE srcaddr = 'a' ORDER BY dstport DESC LIMIT 3",
    "SELECT tries.a, tries.p, accepted.bytes FROM (SELECT srcaddr a, dstport p, count(*) FROM flows \
     WHERE bytes = 1 GROUP BY 1, 2 HAVING count(*) > 1) AS tries JOIN flows AS accepted \
     ON accepted.srcaddr = tries.a AND accepted.dstport = tries.p WHERE accepted.bytes < 2",
    "SELECT srcaddr, bytes FROM flows JOIN (SELECT dstaddr d FROM flows GROUP BY 1 \
     HAVING count(*) > 3) ON srcaddr = d",
    "SELECT * FROM flows WHERE dstport IN (SELECT dstport FROM flows GROUP BY 1 \
     HAVING sum(bytes) > 5)",
    // Whom an address talks to, and they: the groups are others in each step.
    "WITH RECURSIVE reached AS (SELECT 'a' AS address, 0 AS hops UNION ALL \
     SELECT DISTINCT dstaddr, hops + 1 FROM flows JOIN (SELECT address, max(hops) AS hops \
     FROM reached GROUP BY 1 HAVING max(hops) < 3) ON srcaddr = address) SELECT DISTINCT * FROM reached",
    "SELECT srcaddr FROM flows WHERE dstport IN (SELECT dstport FROM flows GROUP BY 1 \
     HAVING count(*) > 99)",
];

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let address = || proptest::option::weighted(0.9, "[abcd]");
    let port = proptest::option::weighted(0.9, -1..4_i32);
    let bytes = proptest::option::weighted(0.9, 0..3_i64);
    proptest::collection::vec((address(), address(), port, bytes), 1..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn narrow_conditions_leave_the_same(
        files in proptest::collection::vec(rows(), 1..4),
        threads in 1..4_usize,
    ) {
        let directory = tempfile::tempdir().unwrap();
        for (number, rows) in files.iter().enumerate() {
            write(directory.path(), number, &batch(rows), [16, 5]);
        }
        let (narrow, plain) = block_on(async {
            let narrow = context(directory.path(), threads, true).await;
            (narrow, context(directory.path(), threads, false).await)
        });
        same_answers(&narrow, &plain, &STATEMENTS)?;
    }
}

#[test]
fn what_is_decided_first_and_what_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let row = |number: i32| -> Row {
        let address = |number: i32| Some(format!("10.0.0.{number}"));
        (
            address(number % 50),
            address(number % 7),
            Some(number),
            Some(1),
        )
    };
    let rows: Vec<_> = (0..2_000).map(row).collect();
    write(directory.path(), 0, &batch(&rows), [2_000; 2]);
    block_on(async {
        let context = context(directory.path(), 1, true).await;
        let pruned = async |sql: &str| {
            let frame = context.sql(sql).await.unwrap();
            let plan = frame.create_physical_plan().await.unwrap();
            let task = context.task_ctx();
            datafusion::physical_plan::collect(Arc::clone(&plan), task)
                .await
                .unwrap();
            left_out(&plan)
        };
        // One of fifty is left, of each scan; 2,000 ports are not looked for.
        assert_eq!(
            pruned("SELECT bytes FROM flows WHERE srcaddr = '10.0.0.3'").await,
            1_960
        );
        let join = |key: &str, condition: &str| {
            format!(
                "SELECT bytes FROM flows JOIN (SELECT {key} AS key FROM flows GROUP BY 1 \
                 HAVING {condition}) ON key = {key}"
            )
        };
        let one = join("srcaddr", "max(dstport) = 1999");
        assert_eq!(pruned(&one).await, 1_960, "{}", plan(&context, &one).await);
        assert_eq!(pruned(&join("dstport", "count(*) > 0")).await, 0);
        for wide in [
            "dstport = 443",
            "srcaddr <> 'a'",
            "srcaddr = 'a' OR bytes = 7",
            "srcaddr > 'a'",
        ] {
            let sql = format!("SELECT bytes FROM flows WHERE {wide}");
            assert_eq!(pruned(&sql).await, 0, "{sql}");
        }
    });
}

/// Rows that scans have left out before they decoded other columns.
fn left_out(plan: &Arc<dyn datafusion::physical_plan::ExecutionPlan>) -> usize {
    let own = plan
        .metrics()
        .and_then(|metrics| metrics.sum_by_name("pushdown_rows_pruned"));
    let below = plan.children().into_iter().map(left_out);
    own.map_or(0, |rows| rows.as_usize()) + below.sum::<usize>()
}
