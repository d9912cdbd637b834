use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use datafusion::arrow::array::{Int64Array, StringViewArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::catalog::{MemTable, Session, TableProvider};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::prelude::SessionConfig;

use super::*;

/// A table that counts its scans, and what they were asked for.
#[derive(Debug)]
struct Counted {
    table: MemTable,
    scans: AtomicUsize,
    columns: AtomicUsize,
    conditions: AtomicUsize,
}

#[async_trait]
impl TableProvider for Counted {
    fn schema(&self) -> SchemaRef {
        self.table.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.scans.fetch_add(1, Ordering::Relaxed);
        self.columns
            .store(projection.map_or(usize::MAX, Vec::len), Ordering::Relaxed);
        self.conditions.store(filters.len(), Ordering::Relaxed);
        self.table.scan(state, projection, &[], limit).await
    }
}

/// A hundred batches in three partitions.
fn context() -> (SessionContext, Arc<Counted>) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("address", DataType::Utf8View, true),
        Field::new("bytes", DataType::Int64, true),
        Field::new("port", DataType::Int64, true),
    ]));
    let batch = |number: i64| {
        let rows = number * 50..number * 50 + 50;
        let addresses = rows
            .clone()
            .map(|row| (row % 11 != 0).then(|| format!("10.0.0.{}", row % 7)));
        RecordBatch::try_new(
            Arc::clone(&schema),
            vec![
                Arc::new(addresses.collect::<StringViewArray>()),
                Arc::new(Int64Array::from_iter_values(rows.clone())),
                Arc::new(
                    rows.map(|row| (row % 5 > 0).then_some(row % 5))
                        .collect::<Int64Array>(),
                ),
            ],
        )
        .unwrap()
    };
    let mut partitions = vec![Vec::new(); 3];
    for number in 0..100 {
        partitions[usize::try_from(number % 3).unwrap()].push(batch(number));
    }
    let table = Arc::new(Counted {
        table: MemTable::try_new(schema, partitions).unwrap(),
        scans: AtomicUsize::default(),
        columns: AtomicUsize::default(),
        conditions: AtomicUsize::default(),
    });
    let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(2));
    context
        .register_table("flows", Arc::clone(&table) as _)
        .unwrap();
    (context, table)
}

async fn together(
    context: &SessionContext,
    statements: &[&str],
) -> std::result::Result<Vec<String>, Error> {
    let statements: Vec<String> = statements.iter().map(|sql| (*sql).to_owned()).collect();
    let answers = answer_together(context, &statements.iter().collect::<Vec<_>>()).await?;
    let text = |batches: &Vec<RecordBatch>| pretty_format_batches(batches).unwrap().to_string();
    Ok(answers.iter().map(text).collect())
}

async fn alone(context: &SessionContext, sql: &str) -> String {
    let batches = context.sql(sql).await.unwrap().collect().await.unwrap();
    pretty_format_batches(&batches).unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_scan_answers_all() {
    let statements = [
        "SELECT address, sum(bytes) AS b FROM flows WHERE bytes > 40 GROUP BY 1 ORDER BY 2 DESC, 1",
        "SELECT count(*) AS n FROM flows WHERE bytes > 40",
        "SELECT count(*) AS n, min(address) AS a FROM flows WHERE port = 3 AND bytes > 40",
        "SELECT address, count(*) OVER () AS n FROM flows WHERE bytes > 40 AND port IS NULL \
         GROUP BY 1 ORDER BY 1 LIMIT 2",
        "SELECT count(*) AS n FROM flows WHERE bytes > 40 AND false",
    ];
    let (context, table) = context();
    let answers = together(&context, &statements).await.unwrap();
    assert_eq!(table.scans.load(Ordering::Relaxed), 1);
    assert_eq!(table.conditions.load(Ordering::Relaxed), 1, "what all have");
    for (answer, sql) in answers.iter().zip(statements) {
        assert_eq!(*answer, alone(&context, sql).await, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn columns_that_nobody_asks_for_are_not_read() {
    let (context, table) = context();
    let statements = [
        "SELECT sum(bytes) AS b FROM flows",
        "SELECT max(bytes) AS b FROM flows",
    ];
    together(&context, &statements).await.unwrap();
    assert_eq!(table.columns.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_statement_that_fails_ends_all() {
    let (context, _) = context();
    let fails = "SELECT sum(bytes / (bytes - bytes)) AS b FROM flows";
    let others = "SELECT address, count(*) AS n FROM flows GROUP BY 1";
    let error = together(&context, &[others, fails, others])
        .await
        .unwrap_err();
    assert!(
        error.to_string().to_lowercase().contains("divide by zero"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_share_is_refused_rather_than_waited_for() {
    let (context, _) = context();
    let twice = "SELECT count(*) AS n FROM flows a JOIN flows b ON a.bytes = b.bytes";
    let error = together(&context, &[twice]).await.unwrap_err();
    assert!(error.to_string().contains("reads `flows` once"), "{error}");
    let error = together(&context, &["SELECT 1 FROM other"])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("other"), "{error}");
}
