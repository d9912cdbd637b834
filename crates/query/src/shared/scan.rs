//! Where a statement takes the batches of a shared scan from.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};
use futures::stream;
use tokio::sync::mpsc::Receiver;

/// A leaf of a plan: batches come through channels, one for each partition.
#[derive(Debug)]
pub(super) struct SharedScan {
    schema: SchemaRef,
    properties: Arc<PlanProperties>,
    /// Each is read once.
    receivers: Vec<Mutex<Option<Receiver<RecordBatch>>>>,
}

impl SharedScan {
    pub(super) fn new(schema: SchemaRef, receivers: Vec<Receiver<RecordBatch>>) -> SharedScan {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(receivers.len()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let receivers = receivers.into_iter();
        SharedScan {
            schema,
            properties: Arc::new(properties),
            receivers: receivers.map(|r| Mutex::new(Some(r))).collect(),
        }
    }
}

impl DisplayAs for SharedScan {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedScan: partitions={}", self.receivers.len())
    }
}

impl ExecutionPlan for SharedScan {
    fn name(&self) -> &'static str {
        "SharedScan"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let receiver = self.receivers.get(partition).and_then(|receiver| {
            let mut receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
            receiver.take()
        });
        let Some(receiver) = receiver else {
            return internal_err!("partition {partition} of a shared scan is read once");
        };
        let batches = stream::unfold(receiver, |mut receiver| async move {
            let batch = receiver.recv().await?;
            Some((Ok(batch), receiver))
        });
        let schema = Arc::clone(&self.schema);
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }
}
