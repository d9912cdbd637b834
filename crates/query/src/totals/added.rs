//! Rows that go through and are added up.

use std::fmt;
use std::sync::Arc;

use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr,
    PlanProperties,
};
use futures::{StreamExt, stream};

use super::SharedTotals;

/// Passes rows on as they are, and adds them to totals.
#[derive(Debug)]
pub(super) struct AddedExec {
    input: Arc<dyn ExecutionPlan>,
    totals: SharedTotals,
}

impl AddedExec {
    pub(super) fn new(input: Arc<dyn ExecutionPlan>, totals: SharedTotals) -> AddedExec {
        AddedExec { input, totals }
    }
}

impl DisplayAs for AddedExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AddedExec: {}", self.totals)
    }
}

impl ExecutionPlan for AddedExec {
    fn name(&self) -> &'static str {
        "AddedExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for total in &self.totals.aggregates {
            for value in total.expressions() {
                f(&value)?;
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("what is added up comes from one plan");
        };
        Ok(Arc::new(AddedExec::new(input, Arc::clone(&self.totals))))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let totals = Arc::clone(&self.totals);
        totals.begin_partition(self.input.output_partitioning().partition_count());
        let input = self.input.execute(partition, context)?;
        let batches = stream::try_unfold((input, totals), |(mut input, totals)| async move {
            let Some(batch) = input.next().await else {
                totals.end_partition();
                return Ok(None);
            };
            let batch = batch?;
            totals.add(&batch)?;
            Ok(Some((batch, (input, totals))))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            self.schema(),
            batches,
        )))
    }
}
