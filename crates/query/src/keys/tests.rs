//! Groups are the same, whether they are told apart by numbers or not.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::execution::memory_pool::MemoryPool;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::*;
use crate::rules::{Row, Rule, answer, batch, batches, block_on, plan, same_answers};

/// A context over batches, which groups by numbers or does not.
fn context(
    batches: &[Vec<RecordBatch>],
    threads: usize,
    memory_bytes: Option<usize>,
    is_numbered: bool,
) -> SessionContext {
    let rule = |pool: &Arc<dyn MemoryPool>| -> Option<Rule> {
        let pool = Arc::clone(pool);
        is_numbered.then(|| Arc::new(NumberedKeys { pool }) as Rule)
    };
    crate::rules::context(batches, threads, memory_bytes, rule)
}

/// What is grouped by numbers in each of these.
pub(crate) const STATEMENTS: [&str; 10] = [
    "SELECT srcaddr, dstaddr, count(*), sum(bytes) FROM flows GROUP BY 1, 2",
    "SELECT least(srcaddr, dstaddr), greatest(srcaddr, dstaddr), count(*) FROM flows GROUP BY 1, 2",
    "SELECT greatest(dstaddr, srcaddr) g, least(srcaddr, dstaddr) l, sum(bytes) FROM flows \
     GROUP BY 1, 2",
    "SELECT least(srcaddr, dstaddr), greatest(srcaddr, srcaddr), dstaddr, dstport, count(*) \
     FROM flows GROUP BY 1, 2, 3, 4",
    "SELECT dstport, srcaddr, min(bytes), max(bytes) FROM flows GROUP BY 1, 2",
    "SELECT srcaddr, dstport, bytes, dstaddr, count(*) FROM flows GROUP BY 1, 2, 3, 4",
    "SELECT dstport p, dstport + 1, dstport * 2, srcaddr, count(DISTINCT dstaddr) FROM flows \
     GROUP BY 1, 2, 3, 4",
    "SELECT dstaddr, srcaddr, count(*) FILTER (WHERE bytes > 1) c FROM flows GROUP BY 1, 2 \
     HAVING sum(bytes) > 3 AND count(*) < 4",
    "SELECT srcaddr, dstaddr, count(*) FROM flows GROUP BY 1, 2 \
     HAVING count(*) > 1 AND max(srcaddr) >= '10.0.0.2' AND greatest(srcaddr, dstaddr) <> 'b'",
    "SELECT a.srcaddr, a.flows, sum(b.bytes) FROM (SELECT srcaddr, dstaddr, count(*) AS flows \
     FROM flows GROUP BY 1, 2) AS a JOIN flows AS b ON a.srcaddr = b.dstaddr GROUP BY 1, 2",
];

fn addresses() -> impl Strategy<Value = Option<String>> {
    let address = "10\\.0\\.0\\.[1-3]|192\\.168\\.100\\.20[0-3]|25[0-5]\\.0\\.0\\.1|[ab]|10.0.0.01|\
                   fd00::[12]|";
    proptest::option::weighted(0.9, address)
}

pub(crate) fn row() -> impl Strategy<Value = Row> {
    let port = proptest::option::weighted(0.9, prop_oneof![Just(i32::MIN), -1..2_i32]);
    let bytes = proptest::option::weighted(0.9, 0..3_i64);
    (addresses(), addresses(), port, bytes)
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    proptest::collection::vec(row(), 0..80)
}

/// Rows of batches of partitions.
pub(crate) fn partitions() -> impl Strategy<Value = Vec<Vec<Vec<Row>>>> {
    proptest::collection::vec(proptest::collection::vec(rows(), 0..3), 1..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn numbers_make_the_same_groups(
        partitions in partitions(),
        threads in 1..4_usize,
    ) {
        let batches = batches(&partitions);
        let numbered = context(&batches, threads, None, true);
        let plain = context(&batches, threads, None, false);
        same_answers(&numbered, &plain, &STATEMENTS)?;
    }
}

/// Groups that memory does not hold are written to files by their numbers.
#[test]
fn numbers_are_spilled_as_others() {
    let row = |number: i64| -> Row {
        let address = |place: i64| Some(format!("10.{}.{}.7", place % 200, place / 200 % 50));
        (
            address(number),
            address(number * 7),
            Some((number % 3) as i32),
            Some(number),
        )
    };
    let rows: Vec<_> = (0..20_000).map(|number| row(number % 9_000)).collect();
    let batches = [rows.chunks(500).map(batch).collect()];
    let sql = "SELECT srcaddr, dstaddr, dstport, count(*), sum(bytes) FROM flows GROUP BY 1, 2, 3";
    block_on(async {
        let numbered = context(&batches, 2, Some(600_000), true);
        let frame = numbered.sql(sql).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let task = numbered.task_ctx();
        let found = datafusion::physical_plan::collect(Arc::clone(&plan), task)
            .await
            .unwrap();
        let found: usize = found.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(found, 9_000);
        assert!(spills(&plan) > 0);
        let plain = context(&batches, 2, None, false);
        assert_eq!(answer(&numbered, sql).await, answer(&plain, sql).await);
    });
}

fn spills(plan: &Arc<dyn datafusion::physical_plan::ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.spill_count());
    let below = plan.children().into_iter().map(spills);
    own.unwrap_or_default() + below.sum::<usize>()
}

#[test]
fn what_is_numbered_and_what_is_not() {
    let context = context(&[vec![batch(&[])]], 1, None, true);
    let is_numbered = |sql: &str| block_on(plan(&context, sql)).contains("packed(");
    for sql in STATEMENTS {
        assert!(is_numbered(sql), "{sql}");
    }
    for sql in [
        // One key, no addresses, nothing to add up, several groupings at once.
        "SELECT srcaddr, count(*) FROM flows GROUP BY 1",
        "SELECT dstport, dstport + 1, count(*) FROM flows GROUP BY 1, 2",
        "SELECT srcaddr, bytes, count(*) FROM flows GROUP BY 1, 2",
        "SELECT upper(srcaddr), dstport, count(*) FROM flows GROUP BY 1, 2",
        "SELECT DISTINCT srcaddr, dstaddr FROM flows",
        "SELECT srcaddr, dstaddr, count(*) FROM flows GROUP BY ROLLUP (srcaddr, dstaddr)",
    ] {
        assert!(!is_numbered(sql), "{sql}");
    }
}

#[test]
fn conditions_on_groups_come_before_their_texts() {
    let context = context(&[vec![batch(&[])]], 1, None, true);
    let sql = "SELECT srcaddr, dstaddr, bytes, count(*) AS flows FROM flows GROUP BY 1, 2, 3 \
               HAVING count(*) > 5 AND bytes > 7";
    let plan = block_on(plan(&context, sql));
    let place = |text: &str| {
        plan.find(text)
            .unwrap_or_else(|| panic!("no {text} in {plan}"))
    };
    assert!(place("unpacked(") < place("FilterExec: count"), "{plan}");
}
