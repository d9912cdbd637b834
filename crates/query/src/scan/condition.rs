//! What has to hold of a row.

use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, RecordBatch};
use datafusion::arrow::compute::prep_null_mask_filter;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::cast::as_boolean_array;
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::conjunction_opt;
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_plan::PhysicalExpr;

/// A condition on the rows of batches.
#[derive(Debug)]
pub(crate) struct Condition(pub(crate) Arc<dyn PhysicalExpr>);

/// The rows of a batch that a condition holds for.
#[derive(Debug)]
pub(crate) enum Kept {
    All,
    None,
    /// Those that are true; none is NULL.
    Some(BooleanArray),
}

impl Condition {
    /// All of these, on batches of `schema`; `None` if there is none.
    pub(super) fn new(
        conditions: &[Arc<dyn PhysicalExpr>],
        schema: &SchemaRef,
    ) -> Result<Option<Condition>> {
        let conditions = conditions
            .iter()
            .map(|condition| reassign_expr_columns(Arc::clone(condition), schema))
            .collect::<Result<Vec<_>>>()?;
        Ok(conjunction_opt(conditions).map(Condition))
    }

    /// # Errors
    /// When it cannot be decided of a row.
    pub(crate) fn kept(&self, batch: &RecordBatch) -> Result<Kept> {
        let value = self.0.evaluate(batch)?;
        if let ColumnarValue::Scalar(value) = &value {
            let holds = as_boolean_array(&value.to_array()?)?
                .iter()
                .flatten()
                .any(|holds| holds);
            return Ok(if holds { Kept::All } else { Kept::None });
        }
        let array = value.into_array(batch.num_rows())?;
        let mut mask = as_boolean_array(&array)?.clone();
        if mask.null_count() > 0 {
            mask = prep_null_mask_filter(&mask);
        }
        Ok(match mask.true_count() {
            0 => Kept::None,
            rows if rows == batch.num_rows() => Kept::All,
            _ => Kept::Some(mask),
        })
    }
}

impl Kept {
    /// How many of so many rows.
    pub(crate) fn count(&self, rows: usize) -> usize {
        match self {
            Kept::All => rows,
            Kept::None => 0,
            Kept::Some(mask) => mask.true_count(),
        }
    }
}
