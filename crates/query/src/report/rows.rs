//! The answer to a statement, by row and column.

use datafusion::arrow::array::cast::AsArray;
use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};

use crate::error::Error;

/// The rows of a small answer.
#[derive(Debug, Clone)]
pub(super) struct Rows(Option<RecordBatch>);

impl Rows {
    pub(super) fn new(batches: &[RecordBatch]) -> Result<Rows, Error> {
        let Some(first) = batches.first() else {
            return Ok(Rows(None));
        };
        Ok(Rows(Some(concat_batches(first.schema_ref(), batches)?)))
    }

    pub(super) fn none() -> Rows {
        Rows(None)
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, RecordBatch::num_rows)
    }

    fn column(&self, name: &str, kind: &DataType) -> Result<Option<ArrayRef>, Error> {
        let column = self.0.as_ref().and_then(|rows| rows.column_by_name(name));
        Ok(column.map(|column| cast(column, kind)).transpose()?)
    }

    /// A column of whole numbers, or of times in microseconds since the Unix epoch.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<Option<i64>>, Error> {
        if let Some(column) = self.0.as_ref().and_then(|rows| rows.column_by_name(name))
            && let DataType::Timestamp(_, zone) = column.data_type()
        {
            // Some functions of the engine give nanoseconds.
            let us = cast(
                column,
                &DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
            )?;
            let us = cast(&us, &DataType::Int64)?;
            return Ok(us.as_primitive::<Int64Type>().iter().collect());
        }
        let Some(column) = self.column(name, &DataType::Int64)? else {
            return Ok(vec![None; self.len()]);
        };
        Ok(column.as_primitive::<Int64Type>().iter().collect())
    }

    /// A number of the first row.
    pub(super) fn number(&self, name: &str) -> Result<Option<i64>, Error> {
        Ok(self.numbers(name)?.first().copied().flatten())
    }

    /// A column as text.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<Option<String>>, Error> {
        let Some(column) = self.column(name, &DataType::Utf8)? else {
            return Ok(vec![None; self.len()]);
        };
        let texts = column.as_string::<i32>();
        let text = |row| texts.is_valid(row).then(|| texts.value(row).to_owned());
        Ok((0..texts.len()).map(text).collect())
    }
}
