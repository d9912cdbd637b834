//! The table that stands for `flows` while statements are planned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::project_schema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use tokio::sync::mpsc::{Sender, channel};

use super::scan::SharedScan;

/// Batches that wait for a thread of a statement.
const WAITING_BATCHES: usize = 2;

/// Takes down who will read what.
#[derive(Debug)]
pub(super) struct SharedTable {
    schema: SchemaRef,
    partitions: usize,
    readers: Mutex<Vec<Reader>>,
}

/// What a statement reads of the scan.
#[derive(Debug)]
pub(super) struct Reader {
    /// Its columns, by their place in `flows`.
    pub(super) projection: Vec<usize>,
    /// What has to hold of its rows.
    pub(super) conditions: Vec<Expr>,
    /// The threads that work on it.
    pub(super) partitions: Vec<Sender<RecordBatch>>,
}

impl SharedTable {
    pub(super) fn new(schema: SchemaRef, partitions: usize) -> SharedTable {
        SharedTable {
            schema,
            partitions: partitions.max(1),
            readers: Mutex::default(),
        }
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Reader>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many scans were planned so far.
    pub(super) fn readers(&self) -> usize {
        self.locked().len()
    }

    pub(super) fn take_readers(&self) -> Vec<Reader> {
        std::mem::take(&mut self.locked())
    }
}

#[async_trait]
impl TableProvider for SharedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Conditions are decided before the batches are handed out, each once for all
    /// statements that have it.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(&self.schema, projection)?;
        let all = || (0..self.schema.fields().len()).collect();
        let (senders, receivers) = (0..self.partitions)
            .map(|_| channel(WAITING_BATCHES))
            .unzip();
        self.locked().push(Reader {
            projection: projection.cloned().unwrap_or_else(all),
            conditions: filters.to_vec(),
            partitions: senders,
        });
        Ok(Arc::new(SharedScan::new(schema, receivers)))
    }
}
