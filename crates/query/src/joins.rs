//! Joins of records with a few groups of them.
//!
//! The engine hands one side of a join to all threads where it knows it to be small, and
//! else exchanges both between them by their keys. Of groups under a condition it knows
//! nothing: it takes them to be a fifth of the records. Most of the statements that join
//! records with such groups look for what is rare, and exchanging all records for it
//! takes longer than all else. What the groups have for keys is told to the scan of the
//! records before it begins.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{JoinType, NullEquality};
use datafusion::error::Result;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use crate::narrow::{AmongExec, GatherExec, Members};

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
            let is_open = *join.partition_mode() != PartitionMode::Partitioned
                && matches!(
                    join.join_type(),
                    JoinType::Inner | JoinType::LeftSemi | JoinType::RightSemi
                );
            let (left, right) = (join.left(), join.right());
            let join = if is_open && is_few(left) && !has_groups(right) {
                let (left, right) = narrowed(join, left, right, |(left, right)| (left, right))?;
                let join = join.builder().with_new_children(vec![left, right])?;
                let join = join.with_partition_mode(PartitionMode::CollectLeft);
                Arc::new(join.build()?)
            } else if is_open && is_few(right) && !has_groups(left) {
                let (right, left) = narrowed(join, right, left, |(left, right)| (right, left))?;
                let join = join.builder().with_new_children(vec![left, right])?;
                join.build()?.swap_inputs(PartitionMode::CollectLeft)?
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

type Key = Arc<dyn PhysicalExpr>;

/// Groups and records of a join, of which only those records are read that have keys of
/// the groups. `keys` puts the key of the groups first.
fn narrowed(
    join: &HashJoinExec,
    groups: &Arc<dyn ExecutionPlan>,
    records: &Arc<dyn ExecutionPlan>,
    keys: impl Fn((Key, Key)) -> (Key, Key),
) -> Result<(Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>)> {
    let (mut members, mut values) = (Vec::new(), Vec::new());
    for (key, value) in join.on().iter().cloned().map(keys) {
        let field = key.return_field(&groups.schema())?;
        let is_plain = value.data_type(&records.schema())? == *field.data_type()
            // A join takes zeros of either sign to be equal.
            && !field.data_type().is_floating()
            && !field.data_type().is_nested();
        if let Some(key) = key.downcast_ref::<Column>()
            && value.downcast_ref::<Column>().is_some()
            && is_plain
            // Where NULL is a key like others, it would have to be among them.
            && join.null_equality() == NullEquality::NullEqualsNothing
        {
            let of_key = Arc::new(Members::new(key.clone(), &field));
            members.push(Arc::clone(&of_key));
            values.push((value, of_key));
        }
    }
    Ok(if members.is_empty() {
        (Arc::clone(groups), Arc::clone(records))
    } else {
        (
            Arc::new(GatherExec::new(Arc::clone(groups), members)),
            Arc::new(AmongExec::new(Arc::clone(records), values)),
        )
    })
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
