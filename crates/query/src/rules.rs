//! Statements with a rule of ours and without it, for tests.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringViewArray};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::execution::memory_pool::{FairSpillPool, MemoryPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::file::properties::WriterPropertiesBuilder;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::displayable;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// A rule for plans.
pub(crate) type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// Two addresses, a port and bytes.
pub(crate) type Row = (Option<String>, Option<String>, Option<i32>, Option<i64>);

/// Rows of `srcaddr`, `dstaddr`, `dstport` and `bytes`.
pub(crate) fn batch(rows: &[Row]) -> RecordBatch {
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

/// A context over batches, with a rule before those of the engine or without one.
pub(crate) fn context(
    batches: &[Vec<RecordBatch>],
    threads: usize,
    memory_bytes: Option<usize>,
    rule: impl FnOnce(&Arc<dyn MemoryPool>) -> Option<Rule>,
) -> SessionContext {
    let mut environment = RuntimeEnvBuilder::new();
    if let Some(memory_bytes) = memory_bytes {
        environment = environment.with_memory_pool(Arc::new(FairSpillPool::new(memory_bytes)));
    }
    let environment = environment.build_arc().unwrap();
    let mut rules = PhysicalOptimizer::default().rules;
    if let Some(rule) = rule(&environment.memory_pool) {
        rules.insert(0, rule);
    }
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_batch_size(16);
    let execution = &mut config.options_mut().execution;
    execution.sort_spill_reservation_bytes = 0;
    // What is hardly fewer after a first step goes past it soon.
    execution.skip_partial_aggregation_probe_rows_threshold = 20;
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

/// The same, with a rule after all others.
pub(crate) fn with_last(context: &SessionContext, rule: Rule) -> SessionContext {
    let state = SessionStateBuilder::new_from_existing(context.state());
    let state = state.with_physical_optimizer_rule(rule);
    SessionContext::new_with_state(state.build())
}

/// The batches of each partition.
pub(crate) fn batches(partitions: &[Vec<Vec<Row>>]) -> Vec<Vec<RecordBatch>> {
    let batches = |rows: &Vec<Vec<Row>>| rows.iter().map(|rows| batch(rows)).collect();
    partitions.iter().map(batches).collect()
}

/// Writes a Parquet file.
pub(crate) fn write(
    directory: &Path,
    number: usize,
    batch: &RecordBatch,
    properties: WriterPropertiesBuilder,
) {
    let file = File::create(directory.join(format!("{number}.parquet"))).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties.build())).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

/// Has the table be the Parquet files of a directory.
pub(crate) async fn read_files(context: &SessionContext, directory: &Path) {
    context.deregister_table("flows").unwrap();
    let files = directory.to_str().unwrap();
    let options = ParquetReadOptions::default();
    let registered = context.register_parquet("flows", files, options);
    registered.await.unwrap();
}

/// Statements have the same answers in both contexts.
pub(crate) fn same_answers(
    context: &SessionContext,
    other: &SessionContext,
    statements: &[&str],
) -> Result<(), TestCaseError> {
    for sql in statements {
        let (found, expected) =
            block_on(async { (answer(context, sql).await, answer(other, sql).await) });
        prop_assert_eq!(found, expected, "{}", sql);
    }
    Ok(())
}

/// The rows of a statement as text.
pub(crate) async fn rows(context: &SessionContext, sql: &str) -> Vec<String> {
    let frame = context.sql(sql).await.unwrap();
    let batches = frame.collect().await.unwrap();
    let table = pretty_format_batches(&batches).unwrap().to_string();
    let lines = table.lines().skip(3).filter(|line| line.starts_with('|'));
    lines.map(|line| line.replace(' ', "")).collect()
}

/// The rows of a statement as text, put in order.
pub(crate) async fn answer(context: &SessionContext, sql: &str) -> Vec<String> {
    let mut rows = rows(context, sql).await;
    rows.sort_unstable();
    rows
}

/// How a statement is run.
pub(crate) async fn plan(context: &SessionContext, sql: &str) -> String {
    let frame = context.sql(sql).await.unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    displayable(plan.as_ref()).indent(false).to_string()
}

/// Runs what waits for nothing else.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}
