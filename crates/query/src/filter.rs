//! A condition in SQL on batches as they come, without a query.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, cast::AsArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DFSchema;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::PhysicalExpr;
use datafusion::prelude::Expr;
use vpcflow_functions::Functions;

use crate::error::{Error, SqlError};
use crate::limits::Limits;
use crate::session::{Window, new_context, parse_condition};

/// Keeps the rows that a window and a condition hold for.
#[derive(Debug, Clone)]
pub struct RowFilter {
    predicate: Option<Arc<dyn PhysicalExpr>>,
}

impl RowFilter {
    /// A filter of rows of `schema`: of the window, and of the condition in SQL
    /// if one is given. Rows without a start are kept only if the window has no
    /// bounds.
    ///
    /// # Errors
    /// When the condition cannot be read or planned, with the place.
    pub fn new(
        schema: &SchemaRef,
        window: Window,
        condition: Option<&str>,
    ) -> Result<RowFilter, Error> {
        RowFilter::with_functions(schema, window, condition, &Functions::new())
    }

    /// As [`RowFilter::new`], with functions that look addresses up in files.
    ///
    /// # Errors
    /// As [`RowFilter::new`].
    pub fn with_functions(
        schema: &SchemaRef,
        window: Window,
        condition: Option<&str>,
        functions: &Functions,
    ) -> Result<RowFilter, Error> {
        // A condition takes no memory that counts, and writes nothing.
        let limits = Limits {
            spill_directory: None,
            ..Limits::default()
        };
        let context = new_context(functions, &limits)?;
        let columns = DFSchema::try_from(Arc::clone(schema))?;
        let condition = condition
            .map(|sql| parse_condition(&context, sql, &columns))
            .transpose()?;
        let text = condition
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        let predicate = window
            .filter()
            .into_iter()
            .chain(condition)
            .reduce(Expr::and)
            .map(|expr| {
                let expr = context.create_physical_expr(expr, &columns);
                expr.map_err(|error| Box::new(SqlError::new(&text, &error)))
            })
            .transpose()?;
        Ok(RowFilter { predicate })
    }

    /// The rows of `batch` that the filter keeps.
    ///
    /// # Errors
    /// When the condition fails on a value, such as a division by zero, or is
    /// no condition but a value of another type.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let Some(predicate) = &self.predicate else {
            return Ok(batch.clone());
        };
        let kept = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
        let Some(kept) = kept.as_boolean_opt() else {
            let message = format!("the condition is {}, not true or false", kept.data_type());
            return Err(DataFusionError::Plan(message).into());
        };
        Ok(filter_record_batch(batch, kept)?)
    }
}
