//! Which steps of groupings are ours.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, InputOrderMode};

use super::FirstStepExec;
use super::scan::{numbering_scan, over};
use crate::keys::Packed;

/// Takes over the first steps of groupings by numbers. It comes after the engine's rules,
/// which know their own steps; where they have made one step of two for a single thread,
/// it makes two again.
#[derive(Debug)]
pub(crate) struct GroupsOfNumbers;

impl PhysicalOptimizerRule for GroupsOfNumbers {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let step = node.downcast_ref::<AggregateExec>();
            let Some(step) = step.filter(|step| is_ours(step)) else {
                return Ok(Transformed::no(node));
            };
            let ours: Arc<dyn ExecutionPlan> = match step.mode() {
                AggregateMode::Partial => first_step(step.clone())?,
                AggregateMode::Single => in_two_steps(step, AggregateMode::Final)?,
                AggregateMode::SinglePartitioned => {
                    in_two_steps(step, AggregateMode::FinalPartitioned)?
                }
                _ => return Ok(Transformed::no(node)),
            };
            Ok(Transformed::yes(ours))
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "GroupsOfNumbers"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether all that a step does can be done here.
fn is_ours(step: &AggregateExec) -> bool {
    let [(key, _)] = step.group_expr().expr() else {
        return false;
    };
    key.downcast_ref::<Packed>().is_some()
        && step.group_expr().is_single()
        && step.limit_options().is_none()
        && *step.input_order_mode() == InputOrderMode::Linear
        && step
            .aggr_expr()
            .iter()
            .all(|value| value.groups_accumulator_supported() && value.order_bys().is_empty())
}

fn first_step(step: AggregateExec) -> Result<Arc<dyn ExecutionPlan>> {
    let scan = numbering_scan(&step)?;
    let step: Arc<dyn ExecutionPlan> = Arc::new(FirstStepExec::new(step));
    match scan {
        Some(scan) => over(step, scan),
        None => Ok(step),
    }
}

fn in_two_steps(step: &AggregateExec, last: AggregateMode) -> Result<Arc<dyn ExecutionPlan>> {
    let first = AggregateExec::try_new(
        AggregateMode::Partial,
        step.group_expr().clone(),
        step.aggr_expr().to_vec(),
        step.filter_expr().to_vec(),
        Arc::clone(step.input()),
        step.input_schema(),
    )?;
    let last = AggregateExec::try_new(
        last,
        step.group_expr().as_final(),
        step.aggr_expr().to_vec(),
        vec![None; step.aggr_expr().len()],
        first_step(first)?,
        step.input_schema(),
    )?;
    Ok(Arc::new(last))
}
