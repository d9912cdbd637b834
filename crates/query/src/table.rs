//! The tables `flows` and `rejects` over text files and decoded batches.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use vpcflow_record::{DecodeOptions, Policy, rejects_schema};

use crate::sources::{SourceFile, Sources, read_ahead};

/// Batches that a scan may be ahead of the query, for each partition.
const BATCHES_AHEAD: usize = 4;

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Flows,
    Rejects,
}

/// A table over the sources. Files are read anew by each scan, in parallel; only
/// the columns asked for are built.
#[derive(Debug)]
pub(crate) struct SourceTable {
    kind: Kind,
    sources: Arc<Sources>,
    /// The columns of `flows`, which the decoder needs for both tables.
    flows: SchemaRef,
    schema: SchemaRef,
}

impl SourceTable {
    pub(crate) fn new(kind: Kind, sources: Arc<Sources>) -> SourceTable {
        let flows = sources.schema();
        let schema = match kind {
            Kind::Flows => Arc::clone(&flows),
            Kind::Rejects => rejects_schema(),
        };
        SourceTable {
            kind,
            sources,
            flows,
            schema,
        }
    }

    /// Files for each of at most `count` partitions, of similar sizes.
    fn file_groups(&self, count: usize) -> Vec<Vec<SourceFile>> {
        let mut files = self.sources.files.clone();
        files.sort_by_key(|file| std::cmp::Reverse(file.file.size_bytes));
        let mut groups: Vec<(u64, Vec<SourceFile>)> =
            vec![(0, Vec::new()); count.clamp(1, files.len().max(1))];
        for file in files {
            if let Some((size, group)) = groups.iter_mut().min_by_key(|(size, _)| *size) {
                *size += file.file.size_bytes + 1;
                group.push(file);
            }
        }
        groups
            .into_iter()
            .map(|(_, group)| group)
            .filter(|group| !group.is_empty())
            .collect()
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let scan = |files, batches| -> Arc<dyn PartitionStream> {
            Arc::new(Scan {
                kind: self.kind,
                policy: self.sources.policy,
                flows: Arc::clone(&self.flows),
                projection: projection.cloned(),
                schema: Arc::clone(&schema),
                files,
                batches,
            })
        };
        let mut partitions: Vec<_> = self
            .file_groups(state.config().target_partitions())
            .into_iter()
            .map(|files| scan(files, Vec::new()))
            .collect();
        let batches = match self.kind {
            Kind::Flows => &self.sources.rows,
            Kind::Rejects => &self.sources.rejects,
        };
        if partitions.is_empty() || !batches.is_empty() {
            partitions.push(scan(Vec::new(), batches.clone()));
        }
        let plan = StreamingTableExec::try_new(schema, partitions, None, [], false, limit)?;
        Ok(Arc::new(plan))
    }
}

/// One partition of a scan: some files, or the batches.
struct Scan {
    kind: Kind,
    policy: Policy,
    flows: SchemaRef,
    projection: Option<Vec<usize>>,
    schema: SchemaRef,
    files: Vec<SourceFile>,
    batches: Vec<RecordBatch>,
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.files.iter().map(|file| &file.file.name).collect();
        write!(
            f,
            "{:?}(files={names:?}, batches={})",
            self.kind,
            self.batches.len()
        )
    }
}

impl PartitionStream for Scan {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream =
            RecordBatchReceiverStream::builder(Arc::clone(&self.schema), BATCHES_AHEAD);
        let output = stream.tx();
        let (kind, schema, batches) = (self.kind, Arc::clone(&self.schema), self.batches.clone());
        let (files, options) = (self.files.clone(), self.options());
        stream.spawn_blocking(move || {
            for batch in &batches {
                // Nobody receives any more: the query has all that it wants.
                if output.blocking_send(adapt(batch, &schema)).is_err() {
                    return Ok(());
                }
            }
            for file in read_ahead(files) {
                let mut decoder = file.decode(options.clone()).map_err(external)?;
                while let Some(decoded) = decoder.next() {
                    let decoded = decoded.map_err(external)?;
                    file.counts.reached(decoder.counts());
                    let batch = match kind {
                        Kind::Flows => decoded.rows,
                        Kind::Rejects => decoded.rejects,
                    };
                    if batch.num_rows() > 0 && output.blocking_send(adapt(&batch, &schema)).is_err()
                    {
                        return Ok(());
                    }
                }
                file.counts.reached(decoder.counts());
            }
            Ok(())
        });
        stream.build()
    }
}

impl Scan {
    fn options(&self) -> DecodeOptions {
        let projection = match self.kind {
            Kind::Flows => self.projection.clone(),
            Kind::Rejects => Some(Vec::new()),
        };
        DecodeOptions {
            table: Some(Arc::clone(&self.flows)),
            projection,
            policy: self.policy,
            ..Default::default()
        }
    }
}

fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The columns of `schema` by name; NULL where the batch has none.
///
/// # Errors
/// When a column of the batch has another type than in `schema`.
pub fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let column = |name: &str| -> Option<ArrayRef> { batch.column_by_name(name).cloned() };
    let columns = schema.fields().iter().map(|field| {
        column(field.name()).unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect(),
        &options,
    )?)
}
