//! The tables `flows` and `rejects` over text files and decoded batches.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DFSchema;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use vpcflow_record::{Field, rejects_schema};

use crate::scan::TextScan;
use crate::sources::Sources;

/// The field that a column of a plan has the name of, if it is one.
pub(crate) fn field_of(expr: &Arc<dyn PhysicalExpr>) -> Option<Field> {
    Field::from_name(expr.downcast_ref::<Column>()?.name())
}

/// Which of the two tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Flows,
    Rejects,
}

/// A table over the sources. Files are read anew by each scan, in parallel; only
/// the columns asked for are built, of the rows that the conditions hold for.
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
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// A scan decides conditions itself, by the same calculations on the same
    /// values as the engine would.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Exact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let columns = DFSchema::try_from(Arc::clone(&self.schema))?;
        let conditions = filters
            .iter()
            .map(|filter| state.create_physical_expr(filter.clone(), &columns))
            .collect::<Result<Vec<_>>>()?;
        let scan = TextScan::new(
            self.kind,
            Arc::clone(&self.sources),
            Arc::clone(&self.flows),
            Arc::clone(&self.schema),
            state.config().target_partitions(),
        );
        let scan = match projection {
            Some(columns) => scan.with_projection(columns.clone())?,
            None => scan,
        };
        let scan = scan.with_conditions(conditions).with_limit(limit);
        Ok(DataSourceExec::from_data_source(scan))
    }
}

pub(crate) fn external(error: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
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
