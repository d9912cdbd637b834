//! Columns under construction, one an output column.

use std::sync::Arc;

use arrow_array::builder::make_view;
use arrow_array::{
    Array, ArrayRef, Int32Array, Int64Array, StringViewArray, TimestampMicrosecondArray,
};
use arrow_buffer::{Buffer, NullBufferBuilder, ScalarBuffer};
use arrow_schema::ArrowError;

use crate::field::FieldType;
use crate::grammar::Value;

/// Text of more bytes than this stays in the batch's text buffer; shorter text
/// is inside the view itself.
pub(crate) const INLINE_BYTES: usize = 12;

#[derive(Debug)]
enum Values {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Timestamp(Vec<i64>),
    Text(Vec<u128>),
}

/// A column that grows by a value a row and can take back an unfinished row.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    values: Values,
    nulls: NullBufferBuilder,
}

impl ColumnBuilder {
    pub(crate) fn new(field_type: FieldType, rows: usize) -> ColumnBuilder {
        let values = match field_type {
            FieldType::Int32 => Values::Int32(Vec::with_capacity(rows)),
            FieldType::Int64 => Values::Int64(Vec::with_capacity(rows)),
            FieldType::Timestamp => Values::Timestamp(Vec::with_capacity(rows)),
            FieldType::Address | FieldType::Text => Values::Text(Vec::with_capacity(rows)),
        };
        ColumnBuilder {
            values,
            nulls: NullBufferBuilder::new(rows),
        }
    }

    /// Appends a value of the column's type, or NULL. `offset` is where text
    /// starts in the batch's text buffer.
    #[inline]
    pub(crate) fn append(&mut self, value: Value<'_>, offset: u32) {
        match (&mut self.values, value) {
            (Values::Int32(values), Value::Int32(value)) => values.push(value),
            (Values::Int64(values), Value::Int64(value))
            | (Values::Timestamp(values), Value::Timestamp(value)) => values.push(value),
            (Values::Text(views), Value::Text(text)) => {
                views.push(make_view(text.as_bytes(), 0, offset));
            }
            (_, Value::Null) => return self.append_null(),
            (values, value) => {
                // The format and the column took their types from one field.
                unreachable!("{value:?} for a column of {values:?}")
            }
        }
        self.nulls.append_non_null();
    }

    fn append_null(&mut self) {
        match &mut self.values {
            Values::Int32(values) => values.push(0),
            Values::Int64(values) | Values::Timestamp(values) => values.push(0),
            Values::Text(views) => views.push(0),
        }
        self.nulls.append_null();
    }

    /// Drops what was appended for rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Int32(values) => values.truncate(rows),
            Values::Int64(values) | Values::Timestamp(values) => values.truncate(rows),
            Values::Text(views) => views.truncate(rows),
        }
        self.nulls.truncate(rows);
    }

    /// Fills up with NULL to `rows`.
    pub(crate) fn pad_to(&mut self, rows: usize) {
        let missing = rows - self.nulls.len();
        match &mut self.values {
            Values::Int32(values) => values.resize(rows, 0),
            Values::Int64(values) | Values::Timestamp(values) => values.resize(rows, 0),
            Values::Text(views) => views.resize(rows, 0),
        }
        self.nulls.append_n_nulls(missing);
    }

    /// The finished column; the builder is empty again, for `rows` more.
    pub(crate) fn finish(&mut self, text: &Buffer, rows: usize) -> Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish();
        Ok(match &mut self.values {
            Values::Int32(values) => {
                let values = std::mem::replace(values, Vec::with_capacity(rows));
                Arc::new(Int32Array::try_new(values.into(), nulls)?) as ArrayRef
            }
            Values::Int64(values) => {
                let values = std::mem::replace(values, Vec::with_capacity(rows));
                Arc::new(Int64Array::try_new(values.into(), nulls)?)
            }
            Values::Timestamp(values) => {
                let values = std::mem::replace(values, Vec::with_capacity(rows));
                let times = TimestampMicrosecondArray::try_new(values.into(), nulls)?;
                Arc::new(times.with_timezone("UTC"))
            }
            Values::Text(views) => {
                let views = std::mem::replace(views, Vec::with_capacity(rows));
                let long = views
                    .iter()
                    .any(|view| *view as u32 as usize > INLINE_BYTES);
                let buffers = if long { vec![text.clone()] } else { Vec::new() };
                let array = StringViewArray::try_new(ScalarBuffer::from(views), buffers, nulls)?;
                debug_assert!(array.len() <= rows || rows == 0);
                Arc::new(array)
            }
        })
    }
}
