//! Records of which only those may match that have a key of the groups.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::filter_pushdown::{
    ChildFilterDescription, ChildPushdownResult, FilterDescription, FilterPushdownPhase,
    FilterPushdownPropagation,
};
use datafusion::physical_plan::{
    ColumnarValue, DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};

use super::Members;

/// Whether a value is one of those of some groups. Before these are known, and when they
/// are many, it is true.
#[derive(Debug, Clone)]
pub(super) struct Among {
    value: Arc<dyn PhysicalExpr>,
    members: Arc<Members>,
}

impl PartialEq for Among {
    fn eq(&self, other: &Among) -> bool {
        self.value.eq(&other.value) && Arc::ptr_eq(&self.members, &other.members)
    }
}

impl Eq for Among {}

impl Hash for Among {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.value.hash(state);
    }
}

impl fmt::Display for Among {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "among_groups({})", self.value)
    }
}

impl PhysicalExpr for Among {
    fn data_type(&self, _: &Schema) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn nullable(&self, _: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let values = self.value.evaluate(batch)?;
        self.members.are_among(values, batch.num_rows())
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.value]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let Ok([value]) = <[_; 1]>::try_from(children) else {
            return internal_err!("one value is among groups or not");
        };
        let members = Arc::clone(&self.members);
        Ok(Arc::new(Among { value, members }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Passes rows on as they are, and has the scan below leave out those without a key of the
/// groups.
#[derive(Debug)]
pub(crate) struct AmongExec {
    input: Arc<dyn ExecutionPlan>,
    conditions: Vec<Arc<dyn PhysicalExpr>>,
}

impl AmongExec {
    /// Each value of the rows has to be among these.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        values: impl IntoIterator<Item = (Arc<dyn PhysicalExpr>, Arc<Members>)>,
    ) -> AmongExec {
        let conditions = values.into_iter();
        let conditions = conditions.map(|(value, members)| -> Arc<dyn PhysicalExpr> {
            Arc::new(Among { value, members })
        });
        AmongExec {
            input,
            conditions: conditions.collect(),
        }
    }
}

impl DisplayAs for AmongExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions: Vec<_> = self.conditions.iter().map(ToString::to_string).collect();
        write!(f, "AmongExec: [{}]", conditions.join(", "))
    }
}

impl ExecutionPlan for AmongExec {
    fn name(&self) -> &'static str {
        "AmongExec"
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
        for condition in &self.conditions {
            f(condition)?;
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return internal_err!("records come from one plan");
        };
        Ok(Arc::new(AmongExec {
            input,
            conditions: self.conditions.clone(),
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.input.execute(partition, context)
    }

    fn gather_filters_for_pushdown(
        &self,
        phase: FilterPushdownPhase,
        parent_filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        let mut child = ChildFilterDescription::from_child(&parent_filters, &self.input)?;
        if phase == FilterPushdownPhase::Post {
            child = child.with_self_filters(self.conditions.clone());
        }
        Ok(FilterDescription::new().with_child(child))
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        result: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        Ok(FilterPushdownPropagation::if_all(result))
    }
}
