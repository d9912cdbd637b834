//! Rows with the totals of all rows beside them.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, OrderingRequirements};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, Distribution, ExecutionPlan, InputDistributionRequirements,
    Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, stream};

use super::SharedTotals;

/// Appends totals to rows that come in order, which they do when all rows are added up,
/// and makes of both what is asked for.
#[derive(Debug)]
pub(super) struct BesideExec {
    input: Arc<dyn ExecutionPlan>,
    order: LexOrdering,
    totals: SharedTotals,
    /// What is asked for, of the columns of rows and then the totals.
    columns: Arc<[ProjectionExpr]>,
    properties: Arc<PlanProperties>,
}

impl BesideExec {
    /// `input` has this order only after all rows that are added up.
    pub(super) fn try_new(
        input: Arc<dyn ExecutionPlan>,
        order: LexOrdering,
        totals: SharedTotals,
        columns: Arc<[ProjectionExpr]>,
    ) -> Result<BesideExec> {
        let together = with_totals(&input.schema(), &totals);
        let columns_of = ProjectionExprs::from_expressions(Arc::clone(&columns));
        let schema = Arc::new(columns_of.project_schema(&together)?);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Ok(BesideExec {
            input,
            order,
            totals,
            columns,
            properties: Arc::new(properties),
        })
    }
}

/// The columns of rows and then the totals.
fn with_totals(rows: &SchemaRef, totals: &SharedTotals) -> SchemaRef {
    let fields = rows.fields().iter().cloned().chain(totals.fields());
    let fields = fields.collect::<Vec<_>>();
    Arc::new(Schema::new_with_metadata(fields, rows.metadata().clone()))
}

impl DisplayAs for BesideExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.iter();
        let columns: Vec<_> = columns
            .map(|column| format!("{} as {}", column.expr, column.alias))
            .collect();
        write!(
            f,
            "BesideExec: {}, expr=[{}]",
            self.totals,
            columns.join(", ")
        )
    }
}

impl ExecutionPlan for BesideExec {
    fn name(&self) -> &'static str {
        "BesideExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![Distribution::SinglePartition])
    }

    /// Partitions are merged by it, and not one after the other: the first row comes
    /// when all have ranked theirs.
    fn required_input_ordering(&self) -> Vec<Option<OrderingRequirements>> {
        vec![Some(OrderingRequirements::from(self.order.clone()))]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for column in self.columns.iter() {
            f(&column.expr)?;
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("totals are written beside one plan's rows");
        };
        let (order, totals) = (self.order.clone(), Arc::clone(&self.totals));
        let columns = Arc::clone(&self.columns);
        Ok(Arc::new(BesideExec::try_new(
            input, order, totals, columns,
        )?))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.totals.begin()?;
        let writer = Writer {
            input: self.input.execute(partition, context)?,
            totals: Arc::clone(&self.totals),
            together: with_totals(&self.input.schema(), &self.totals),
            columns: Arc::clone(&self.columns),
            schema: self.schema(),
            waiting: VecDeque::new(),
        };
        let batches = stream::try_unfold(writer, |mut writer| async move {
            Ok(writer.next().await?.map(|batch| (batch, writer)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }
}

struct Writer {
    input: SendableRecordBatchStream,
    totals: SharedTotals,
    together: SchemaRef,
    columns: Arc<[ProjectionExpr]>,
    schema: SchemaRef,
    /// What came before the last partition had told that it has ended.
    waiting: VecDeque<RecordBatch>,
}

impl Writer {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let batch = self.input.next().await.transpose()?;
            let has_ended = batch.is_none();
            self.waiting.extend(batch);
            let Some(totals) = self.totals.values()? else {
                if has_ended && !self.waiting.is_empty() {
                    return internal_err!("rows ended before all were added up");
                }
                if has_ended {
                    return Ok(None);
                }
                continue;
            };
            let Some(rows) = self.waiting.pop_front() else {
                return Ok(None);
            };
            let mut columns = rows.columns().to_vec();
            for total in totals {
                columns.push(total.to_array_of_size(rows.num_rows())?);
            }
            let rows = RecordBatch::try_new(Arc::clone(&self.together), columns)?;
            let columns = self.columns.iter();
            let columns = columns.map(|column| {
                let column = column.expr.evaluate(&rows)?;
                column.into_array(rows.num_rows())
            });
            let columns = columns.collect::<Result<_>>()?;
            let schema = Arc::clone(&self.schema);
            return Ok(Some(RecordBatch::try_new(schema, columns)?));
        }
    }
}
