//! Joins of records with a few groups of them.
//!
//! The engine hands one side of a join to all threads where it knows it to be small, and
//! else exchanges both between them by their keys. Of groups under a condition it knows
//! nothing: it takes them to be a fifth of the records. Most of the statements that join
//! records with such groups look for what is rare, and exchanging all records for it
//! takes longer than all else.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;

/// Hands groups under a condition to all threads, where rows that are no groups are
/// joined with them. It comes before the engine's choice of how to join.
#[derive(Debug)]
pub(crate) struct FewGroupsForAll;

impl PhysicalOptimizerRule for FewGroupsForAll {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let Some(join) = node.downcast_ref::<HashJoinExec>() else {
                return Ok(Transformed::no(node));
            };
            // What of these is no match is not in the answer: all threads can have the
            // same groups.
            let is_open = *join.partition_mode() == PartitionMode::Auto
                && matches!(
                    join.join_type(),
                    JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi
                );
            let (left, right) = (join.left(), join.right());
            let join = if is_open && is_few(left) && !has_groups(right) {
                let join = join.builder();
                Arc::new(
                    join.with_partition_mode(PartitionMode::CollectLeft)
                        .build()?,
                )
            } else if is_open && is_few(right) && !has_groups(left) {
                join.swap_inputs(PartitionMode::CollectLeft)?
            } else {
                return Ok(Transformed::no(node));
            };
            Ok(Transformed::yes(join as Arc<dyn ExecutionPlan>))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "FewGroupsForAll"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether these are groups under a condition.
fn is_few(plan: &Arc<dyn ExecutionPlan>) -> bool {
    if let Some(projection) = plan.downcast_ref::<ProjectionExec>() {
        return is_few(projection.input());
    }
    let filter = plan.downcast_ref::<FilterExec>();
    filter.is_some_and(|filter| is_grouping(filter.input()))
}

fn is_grouping(plan: &Arc<dyn ExecutionPlan>) -> bool {
    match plan.downcast_ref::<ProjectionExec>() {
        Some(projection) => is_grouping(projection.input()),
        None => plan.downcast_ref::<AggregateExec>().is_some(),
    }
}

fn has_groups(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<AggregateExec>().is_some() || plan.children().into_iter().any(has_groups)
}
