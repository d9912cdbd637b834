//! Shares are the same, whether totals are written before a ranking or after it.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::physical_plan::collect;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::prelude::SessionContext;
use proptest::prelude::*;

use super::*;
use crate::rules::{self, Row, Rule, batch, batches, block_on, plan, same_answers};

/// Statements whose totals are written last.
const RANKINGS: [&str; 6] = [
    "SELECT srcaddr, sum(bytes) AS b, round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS s \
     FROM flows GROUP BY 1 ORDER BY b DESC, srcaddr LIMIT 3",
    "SELECT srcaddr, count(*) AS n, sum(count(*)) OVER () - count(*) AS others, \
     max(max(bytes)) OVER () AS most FROM flows GROUP BY 1 ORDER BY n, srcaddr LIMIT 4",
    "SELECT srcaddr, dstport, bytes, count(*) OVER (), min(bytes) OVER () FROM flows \
     ORDER BY 1, 2, 3 LIMIT 5",
    "SELECT srcaddr, bytes, dstport, 1 + count(bytes) OVER () AS n FROM flows ORDER BY 1, 2, 3",
    "SELECT srcaddr, sum(count(*)) OVER () FROM flows WHERE bytes > 5 GROUP BY 1 ORDER BY 1 LIMIT 1",
    "SELECT srcaddr, max(count(*)) OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) \
     FROM flows GROUP BY 1 ORDER BY 1 LIMIT 2",
];

/// Statements whose windows are left to the engine.
const OTHERS: [&str; 8] = [
    "SELECT round(100.0 * sum(bytes) / sum(sum(bytes)) OVER (), 1) AS s, srcaddr FROM flows \
     GROUP BY srcaddr ORDER BY sum(bytes) DESC NULLS LAST, srcaddr LIMIT 2",
    "SELECT srcaddr, sum(bytes) AS b, sum(sum(bytes)) OVER () AS s FROM flows GROUP BY 1 \
     ORDER BY s - b, srcaddr LIMIT 3",
    "SELECT srcaddr, sum(count(*)) OVER (PARTITION BY dstport) AS t FROM flows \
     GROUP BY srcaddr, dstport ORDER BY srcaddr, t LIMIT 3",
    "SELECT srcaddr, sum(count(*)) OVER (ORDER BY srcaddr) FROM flows GROUP BY 1 ORDER BY 1 LIMIT 3",
    "SELECT srcaddr, count(DISTINCT dstport) OVER () FROM flows ORDER BY 1 LIMIT 3",
    "SELECT srcaddr, sum(count(*)) FILTER (WHERE srcaddr > 'b') OVER () AS t FROM flows GROUP BY 1 \
     ORDER BY 1 LIMIT 3",
    "SELECT * FROM (SELECT srcaddr a, sum(bytes) b, sum(sum(bytes)) OVER () t FROM flows \
     GROUP BY 1 ORDER BY b, a LIMIT 3) JOIN flows ON a = dstaddr",
    "SELECT srcaddr, sum(count(*)) OVER () FROM flows GROUP BY 1",
];

fn context(batches: &[Vec<RecordBatch>], threads: usize, is_last: bool) -> SessionContext {
    rules::context(batches, threads, None, |_| {
        is_last.then(|| Arc::new(TotalsBesideRanking) as Rule)
    })
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let text = || proptest::option::weighted(0.9, "[a-d]");
    let port = proptest::option::weighted(0.9, 0..3_i32);
    let bytes = proptest::option::weighted(0.9, 0..5_i64);
    proptest::collection::vec((text(), text(), port, bytes), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn totals_are_of_all_rows(
        partitions in proptest::collection::vec(proptest::collection::vec(rows(), 0..3), 1..4),
        threads in 1..4_usize,
    ) {
        let batches = batches(&partitions);
        let last = context(&batches, threads, true);
        let first = context(&batches, threads, false);
        for sql in RANKINGS {
            let (found, expected) = block_on(async {
                (rules::rows(&last, sql).await, rules::rows(&first, sql).await)
            });
            prop_assert_eq!(found, expected, "{}", sql);
        }
        same_answers(&last, &first, &OTHERS)?;
    }
}

#[test]
fn what_is_ranked_first_and_what_is_not() {
    let context = context(&[vec![batch(&[])], vec![batch(&[])]], 2, true);
    let is_last = |sql: &str| block_on(plan(&context, sql)).contains("BesideExec");
    for sql in RANKINGS {
        assert!(is_last(sql), "{sql}");
    }
    for sql in OTHERS {
        assert!(!is_last(sql), "{sql}");
    }
}

/// A plan that is run again begins anew.
#[test]
fn a_plan_can_be_run_again() {
    let row = |number: i64| -> Row { (Some(format!("{}", number % 7)), None, None, Some(number)) };
    let rows: Vec<_> = (0..100).map(row).collect();
    let context = context(
        &[vec![batch(&rows[..60])], vec![batch(&rows[60..])]],
        2,
        true,
    );
    block_on(async {
        let frame = context.sql(RANKINGS[0]).await.unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let run = |plan| collect(plan, context.task_ctx());
        let first = run(Arc::clone(&plan)).await.unwrap();
        assert_eq!(first.iter().map(RecordBatch::num_rows).sum::<usize>(), 3);
        let again = reset_plan_states(plan).unwrap();
        assert_eq!(run(again).await.unwrap(), first);
    });
}
