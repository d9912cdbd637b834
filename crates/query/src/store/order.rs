//! The order of a store's files, only where something comes of it.
//!
//! Files that are read in order cannot be shared: each partition has its own, and the
//! one with the largest is the last. So a scan that offers its rows by `start` does so
//! only under a sort that this saves.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig, FileScanConfigBuilder};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties};

use crate::parquet::shared;

/// Takes back the order of scans that no sort needs. It comes before the engine's
/// rules, which make use of any order.
#[derive(Debug)]
pub(crate) struct OrderForSorts;

impl PhysicalOptimizerRule for OrderForSorts {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if saves_a_sort(&plan)? {
            return Ok(plan);
        }
        let partitions = config.execution.target_partitions.max(1);
        plan.transform_down(|node| {
            let scan = node.downcast_ref::<DataSourceExec>();
            let ordered = scan
                .and_then(|scan| scan.data_source().downcast_ref::<FileScanConfig>())
                .filter(|config| !config.output_ordering.is_empty());
            Ok(match ordered {
                Some(config) => Transformed::yes(in_any_order(config, partitions)),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "OrderForSorts"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Whether rows come sorted as some sort wants them, straight from a scan: what is
/// sorted after a grouping are few rows.
fn saves_a_sort(plan: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    if let Some(sort) = plan.downcast_ref::<SortExec>()
        && !has_grouping(sort.input())
    {
        let properties = sort.input().equivalence_properties();
        if properties.ordering_satisfy(sort.expr().iter().cloned())? {
            return Ok(true);
        }
    }
    for child in plan.children() {
        if saves_a_sort(child)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn has_grouping(plan: &Arc<dyn ExecutionPlan>) -> bool {
    plan.downcast_ref::<AggregateExec>().is_some() || plan.children().into_iter().any(has_grouping)
}

/// The same files, in pieces that all partitions share.
fn in_any_order(config: &FileScanConfig, partitions: usize) -> Arc<dyn ExecutionPlan> {
    let files = config.file_groups.iter().flat_map(FileGroup::iter).cloned();
    let groups = shared(files.collect(), partitions);
    let config = FileScanConfigBuilder::from(config.clone())
        .with_output_ordering(Vec::new())
        .with_preserve_order(false)
        .with_file_groups(groups)
        .build();
    DataSourceExec::from_data_source(config)
}
