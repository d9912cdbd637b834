//! Which scans decide their narrow conditions first.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::datasource::physical_plan::FileSource;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{BinaryExpr, InListExpr, Literal};
use datafusion::physical_expr::{conjunction, split_conjunction};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use vpcflow_record::{Field, FieldType};

use super::Among;
use crate::table::field_of;

/// Values that a condition may name and still be narrow.
const MAX_VALUES: usize = 100;

/// Has scans of Parquet with a narrow condition decide it before they decode other
/// columns. It comes after the engine's rules, which hand conditions down to scans; the
/// filters above stay.
#[derive(Debug)]
pub(crate) struct NarrowFirst;

impl PhysicalOptimizerRule for NarrowFirst {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        plan.transform_up(|node| {
            let scan = node.downcast_ref::<DataSourceExec>();
            Ok(match scan.and_then(narrow_first) {
                Some(scan) => Transformed::yes(scan),
                None => Transformed::no(node),
            })
        })
        .data()
    }

    fn name(&self) -> &'static str {
        "NarrowFirst"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

fn narrow_first(scan: &DataSourceExec) -> Option<Arc<dyn ExecutionPlan>> {
    let (config, source) = scan.downcast_to_file_source::<ParquetSource>()?;
    let filter = source.filter()?;
    let conditions = split_conjunction(&filter).into_iter();
    let (narrow, wide): (Vec<_>, Vec<_>) = conditions.cloned().partition(is_narrow);
    if narrow.is_empty() {
        return None;
    }
    // They are decided in this order, each where those before it hold.
    let predicate = conjunction(narrow.into_iter().chain(wide));
    let source = source.with_predicate(predicate).with_pushdown_filters(true);
    let config = FileScanConfigBuilder::from(config.clone()).with_source(Arc::new(source));
    Some(DataSourceExec::from_data_source(config.build()))
}

/// Whether hardly any record is expected to fulfil a condition.
fn is_narrow(condition: &Arc<dyn PhysicalExpr>) -> bool {
    if condition.downcast_ref::<Among>().is_some() {
        return true;
    }
    if let Some(list) = condition.downcast_ref::<InListExpr>() {
        return !list.negated()
            && list.len() <= MAX_VALUES
            && is_narrow_column(list.expr())
            && list.list().iter().all(is_literal);
    }
    let Some(binary) = condition.downcast_ref::<BinaryExpr>() else {
        return false;
    };
    let (left, right) = (binary.left(), binary.right());
    match binary.op() {
        Operator::Eq => {
            is_narrow_column(left) && is_literal(right)
                || is_literal(left) && is_narrow_column(right)
        }
        Operator::Or => is_narrow(left) && is_narrow(right),
        Operator::And => is_narrow(left) || is_narrow(right),
        _ => false,
    }
}

/// Whether a value of this column is that of few records: an address, or where a record is
/// from.
fn is_narrow_column(expr: &Arc<dyn PhysicalExpr>) -> bool {
    field_of(expr).is_some_and(|field| {
        field.field_type() == FieldType::Address
            || matches!(field, Field::InterfaceId | Field::InstanceId)
    })
}

fn is_literal(expr: &Arc<dyn PhysicalExpr>) -> bool {
    expr.downcast_ref::<Literal>().is_some()
}
