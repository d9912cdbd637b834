//! What has to hold of rows that are grouped.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch,
    downcast_primitive_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;
use datafusion::functions::core::greatest::GreatestFunc;
use datafusion::functions::core::least::LeastFunc;
use datafusion::physical_expr::ScalarFunctionExpr;
use datafusion::physical_expr::expressions::{CastExpr, Column, Literal};
use datafusion::physical_plan::PhysicalExpr;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;

use crate::keys::Packed;
use crate::scan::{Condition, Kept};

/// A condition on rows, and what columns are left of them.
///
/// To move all values of the rows that it holds for takes longer than to add up those of
/// some others for nothing.
pub(super) struct Filter {
    condition: Condition,
    columns: Option<Arc<[usize]>>,
}

/// What a condition leaves of a batch.
pub(super) enum Left {
    All(RecordBatch),
    /// These rows of it, which are more than half.
    Most(RecordBatch, BooleanArray),
    /// These rows, which may be none.
    Few(RecordBatch, BooleanArray),
}

impl Filter {
    /// What a filter does.
    pub(super) fn of(filter: &FilterExec) -> Filter {
        Filter {
            condition: Condition(Arc::clone(filter.predicate())),
            columns: filter.projection().clone(),
        }
    }

    /// # Errors
    /// When the condition cannot be decided of a row.
    pub(super) fn left(&self, batch: &RecordBatch) -> Result<Left> {
        let kept = self.condition.kept(batch)?;
        let batch = match &self.columns {
            Some(columns) => batch.project(columns)?,
            None => batch.clone(),
        };
        Ok(match kept {
            Kept::All => Left::All(batch),
            Kept::None => Left::Few(batch.slice(0, 0), BooleanArray::from(Vec::<bool>::new())),
            Kept::Some(kept) if kept.true_count() * 2 < kept.len() => Left::Few(batch, kept),
            Kept::Some(kept) => {
                let columns = batch.columns().iter();
                let columns = columns.map(|column| without_nulls(column, &kept));
                let batch = RecordBatch::try_new(batch.schema(), columns.collect())?;
                Left::Most(batch, kept)
            }
        })
    }
}

/// Numbers without NULL, if only rows that are not kept have any: most of those that
/// conditions leave out have no numbers at all, and to add numbers up takes twice as long
/// where one may be NULL.
fn without_nulls(column: &ArrayRef, kept: &BooleanArray) -> ArrayRef {
    let is_kept = |nulls: &NullBuffer| {
        let not_null = nulls.inner() & kept.values();
        not_null.count_set_bits() == kept.true_count()
    };
    if !column.nulls().is_some_and(is_kept) {
        return Arc::clone(column);
    }
    downcast_primitive_array! {
        column => values(column),
        _ => Arc::clone(column),
    }
}

/// The values of a column, whatever is NULL.
fn values<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>) -> ArrayRef {
    let values = PrimitiveArray::<T>::new(column.values().clone(), None);
    Arc::new(values.with_data_type(column.data_type().clone()))
}

/// Whether nothing that a step calculates of a row can fail, so that it may be calculated
/// of rows for which a condition does not hold.
pub(super) fn is_harmless(step: &AggregateExec) -> bool {
    let values = step
        .aggr_expr()
        .iter()
        .flat_map(|value| value.expressions());
    let keys = step
        .group_expr()
        .expr()
        .iter()
        .map(|(key, _)| Arc::clone(key));
    let filters = step.filter_expr().iter().flatten().cloned();
    let schema = step.input().schema();
    let mut exprs = values.chain(keys).chain(filters);
    exprs.all(|expr| cannot_fail(&expr, &schema))
}

fn cannot_fail(expr: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let is_average = |cast: &CastExpr| {
        let of = cast.expr().data_type(schema);
        *cast.cast_type() == DataType::Float64 && of.is_ok_and(|of| of.is_integer())
    };
    let is_known = expr.downcast_ref::<Column>().is_some()
        || expr.downcast_ref::<Literal>().is_some()
        || expr.downcast_ref::<Packed>().is_some()
        || expr.downcast_ref::<CastExpr>().is_some_and(is_average)
        || ScalarFunctionExpr::try_downcast_func::<LeastFunc>(expr.as_ref()).is_some()
        || ScalarFunctionExpr::try_downcast_func::<GreatestFunc>(expr.as_ref()).is_some();
    let below = expr.children();
    is_known && below.into_iter().all(|expr| cannot_fail(expr, schema))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{StringViewArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn what_is_null_where_nothing_is_kept_is_no_null() {
        let times = TimestampMicrosecondArray::from(vec![Some(1), None, Some(3)]);
        let times: ArrayRef = Arc::new(times.with_timezone("UTC"));
        let kept = BooleanArray::from(vec![true, false, true]);
        let left = without_nulls(&times, &kept);
        assert_eq!(
            (left.null_count(), left.data_type()),
            (0, times.data_type())
        );
        assert_eq!(
            (&left.slice(0, 1), &left.slice(2, 1)),
            (&times.slice(0, 1), &times.slice(2, 1))
        );
        // One that is kept stays.
        let kept = BooleanArray::from(vec![true, true, false]);
        assert_eq!(&without_nulls(&times, &kept), &times);
        let texts: ArrayRef = Arc::new(StringViewArray::from(vec![Some("a"), None, None]));
        let kept = BooleanArray::from(vec![true, false, false]);
        assert_eq!(&without_nulls(&texts, &kept), &texts);
    }
}
