//! Groups are the same, whether they are told apart by numbers or not.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use proptest::prelude::*;

use super::*;

/// Addresses, a port and bytes.
type Row = (Option<String>, Option<String>, Option<i32>, Option<i64>);

const STATEMENTS: [&str; 10] = [
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

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let port = proptest::option::weighted(0.9, prop_oneof![Just(i32::MIN), -1..2_i32]);
    let bytes = proptest::option::weighted(0.9, 0..3_i64);
    proptest::collection::vec((addresses(), addresses(), port, bytes), 0..80)
}

fn batch(rows: &[Row]) -> RecordBatch {
    let srcaddr: StringViewArray = rows.iter().map(|row| row.0.as_deref()).collect();
    let dstaddr: StringViewArray = rows.iter().map(|row| row.1.as_deref()).collect();
    let dstport: Int32Array = rows.iter().map(|row| row.2).collect();
    let bytes: Int64Array = rows.iter().map(|row| row.3).collect();
    let columns: [(&str, ArrayRef); 4] = [
        ("srcaddr", Arc::new(srcaddr)),
        ("dstaddr", Arc::new(dstaddr)),
        ("dstport", Arc::new(dstport)),
        ("bytes", Arc::new(bytes)),
    ];
    let columns = columns.map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// A context over batches, which groups by numbers or does not.
fn context(
    batches: &[Vec<RecordBatch>],
    threads: usize,
    memory_bytes: Option<usize>,
    is_numbered: bool,
) -> SessionContext {
    let mut environment = RuntimeEnvBuilder::new();
    if let Some(memory_bytes) = memory_bytes {
        environment = environment.with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)));
    }
    let environment = environment.build_arc().unwrap();
    let mut rules = PhysicalOptimizer::default().rules;
    if is_numbered {
        let pool = Arc::clone(&environment.memory_pool);
        rules.insert(0, Arc::new(NumberedKeys { pool }));
    }
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_batch_size(16);
    config.options_mut().execution.sort_spill_reservation_bytes = 0;
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(environment)
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    let schema = batch(&[]).schema();
    let table = MemTable::try_new(schema, batches.to_vec()).unwrap();
    context.register_table("flows", Arc::new(table)).unwrap();
    context
}

/// The rows of a statement as text, in order.
async fn answer(context: &SessionContext, sql: &str) -> Vec<String> {
    let frame = context.sql(sql).await.unwrap();
    let batches = frame.collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let mut lines: Vec<_> = table
        .lines()
        .skip(3)
        .map(|line| line.replace(' ', ""))
        .collect();
    lines.sort_unstable();
    lines.dedup_by(|one, other| one.starts_with('+') && other.starts_with('+'));
    lines
}

async fn plan(context: &SessionContext, sql: &str) -> String {
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let mut text = String::new();
    write!(
        text,
        "{}",
        datafusion::physical_plan::displayable(plan.as_ref()).indent(false)
    )
    .unwrap();
    text
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn numbers_make_the_same_groups(
        partitions in proptest::collection::vec(proptest::collection::vec(rows(), 0..3), 1..3),
        threads in 1..4_usize,
    ) {
        let batches: Vec<Vec<_>> = partitions
            .iter()
            .map(|rows| rows.iter().map(|rows| batch(rows)).collect())
            .collect();
        let numbered = context(&batches, threads, None, true);
        let plain = context(&batches, threads, None, false);
        for sql in STATEMENTS {
            let (found, expected) = block_on(async {
                (answer(&numbered, sql).await, answer(&plain, sql).await)
            });
            prop_assert_eq!(found, expected, "{}", sql);
        }
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
        "SELECT srcaddr, dstaddr, count(*) FROM flows GROUP BY ROLLUP (1, 2)",
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
