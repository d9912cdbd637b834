//! The table `ingest_log`: what was committed when.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use vpcflow_store::{CommitRecord, Snapshot};

/// The last commits of each source of some stores, read when they are asked for.
#[derive(Debug)]
pub(crate) struct IngestLog {
    snapshots: Vec<Snapshot>,
    schema: SchemaRef,
}

impl IngestLog {
    pub(crate) fn new(snapshots: Vec<Snapshot>) -> IngestLog {
        let time = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let fields = vec![
            Field::new("source", DataType::Utf8View, false),
            Field::new("seq", DataType::Int64, false),
            Field::new("version", DataType::Int64, false),
            Field::new("committed_at", time(), false),
            Field::new("rows", DataType::Int64, false),
            Field::new("rejects", DataType::Int64, false),
            Field::new("complete_to", time(), true),
        ];
        IngestLog {
            snapshots,
            schema: Arc::new(Schema::new(fields)),
        }
    }

    fn batch(&self, commits: &[CommitRecord]) -> Result<RecordBatch> {
        let sources = commits.iter().map(|commit| Some(commit.source.as_str()));
        let number = |value: &dyn Fn(&CommitRecord) -> u64| {
            let numbers = commits
                .iter()
                .map(|c| i64::try_from(value(c)).unwrap_or(i64::MAX));
            Arc::new(Int64Array::from_iter_values(numbers))
        };
        let time = |value: &dyn Fn(&CommitRecord) -> Option<i64>| {
            let times = commits.iter().map(|c| Some(value(c)?.saturating_mul(1000)));
            Arc::new(TimestampMicrosecondArray::from_iter(times).with_timezone("UTC"))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(sources.collect::<StringViewArray>()),
            Arc::new(Int64Array::from_iter_values(commits.iter().map(|c| c.seq))),
            number(&|commit| commit.version),
            time(&|commit| Some(commit.committed_ms)),
            number(&|commit| commit.rows),
            number(&|commit| commit.rejects),
            time(&|commit| commit.complete_to_ms),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

#[async_trait]
impl TableProvider for IngestLog {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut batches = Vec::new();
        for snapshot in &self.snapshots {
            let commits = snapshot.commits().await;
            let commits = commits.map_err(|error| DataFusionError::External(Box::new(error)))?;
            batches.push(self.batch(&commits)?);
        }
        let schema = Arc::clone(&self.schema);
        let plan = MemorySourceConfig::try_new_exec(&[batches], schema, projection.cloned())?;
        Ok(plan)
    }
}
