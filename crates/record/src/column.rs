//! Columns under construction, one an output column.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;

use crate::field::FieldType;
use crate::grammar::Value;
use crate::simd::{self, Block, NullWords, Place};
use crate::validity::Validity;

/// Text of more bytes than this stays in the batch's text; shorter text is
/// inside the view itself.
pub(crate) const INLINE_BYTES: usize = 12;

#[derive(Debug)]
enum Values {
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Timestamp(Vec<i64>),
    Text(Vec<u128>),
}

impl Values {
    fn new(field_type: FieldType, rows: usize) -> Values {
        // A block is filled in whole groups, the last of which may go past the
        // last row.
        let rows = rows + simd::GROUP_ROWS;
        match field_type {
            FieldType::Int32 => Values::Int32(Vec::with_capacity(rows)),
            FieldType::Int64 => Values::Int64(Vec::with_capacity(rows)),
            FieldType::Timestamp => Values::Timestamp(Vec::with_capacity(rows)),
            FieldType::Address | FieldType::Text => Values::Text(Vec::with_capacity(rows)),
        }
    }

    fn resize(&mut self, rows: usize) {
        match self {
            Values::Int32(values) => values.resize(rows, 0),
            Values::Int64(values) | Values::Timestamp(values) => values.resize(rows, 0),
            Values::Text(views) => views.resize(rows, 0),
        }
    }
}

/// A column that grows by a value a row, or by a block of rows, and can take
/// back rows that turn out to be refused.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    field_type: FieldType,
    values: Values,
    validity: Validity,
    /// Some view points into the batch's text.
    long: bool,
}

impl ColumnBuilder {
    pub(crate) fn new(field_type: FieldType, rows: usize) -> ColumnBuilder {
        ColumnBuilder {
            field_type,
            values: Values::new(field_type, rows),
            validity: Validity::with_capacity(rows),
            long: false,
        }
    }

    /// Whether values of this type go into the column.
    pub(crate) fn takes(&self, field_type: FieldType) -> bool {
        self.field_type.data_type() == field_type.data_type()
    }

    /// Appends a value of the column's type, or NULL. Text starts at `offset`
    /// of the batch's own text.
    #[inline]
    pub(crate) fn append(&mut self, value: Value<'_>, offset: u32) {
        let valid = value != Value::Null;
        match (&mut self.values, value) {
            (Values::Int32(values), Value::Int32(value)) => values.push(value),
            (Values::Int64(values), Value::Int64(value))
            | (Values::Timestamp(values), Value::Timestamp(value)) => values.push(value),
            (Values::Text(views), Value::Text(text)) => {
                self.long |= text.len() > INLINE_BYTES;
                views.push(view(text.as_bytes(), 0, offset));
            }
            (values, _) => {
                debug_assert!(!valid, "{value:?} for a column of {values:?}");
                values.resize(self.validity.len() + 1);
            }
        }
        self.validity.append(valid);
    }

    /// Appends the values of a field for every row of a block. `false`: one of
    /// them is no value of the column's type, and the block is to be dropped.
    #[inline]
    pub(crate) fn append_block(&mut self, block: &Block<'_>, field: usize, place: Place) -> bool {
        let start = self.validity.len();
        let rows = block.rows();
        let mut nulls = NullWords::default();
        self.values
            .resize(start + rows.next_multiple_of(simd::GROUP_ROWS));
        let fits = match &mut self.values {
            Values::Int32(out) => block.int32(field, &mut out[start..], &mut nulls),
            Values::Int64(out) => block.int64(field, &mut out[start..], &mut nulls),
            Values::Timestamp(out) => block.timestamps(field, &mut out[start..], &mut nulls),
            Values::Text(out) => {
                self.long |= block.views(field, place, &mut out[start..], &mut nulls);
                true
            }
        };
        self.values.resize(start + rows);
        self.validity.append_block(&nulls, rows);
        fits
    }

    /// Whether some text is not in the column itself but in the batch's text.
    pub(crate) fn has_long_text(&self) -> bool {
        self.long
    }

    /// Drops what was appended for rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        if self.validity.len() > rows {
            self.values.resize(rows);
            self.validity.truncate(rows);
        }
    }

    /// Fills up with NULL to `rows`.
    pub(crate) fn pad_to(&mut self, rows: usize) {
        let missing = rows - self.validity.len();
        self.values.resize(rows);
        self.validity.append_nulls(missing);
    }

    /// The finished column, with text in `buffers`; the builder is empty
    /// again, for `rows` more.
    pub(crate) fn finish(
        &mut self,
        buffers: &[Buffer],
        rows: usize,
    ) -> Result<ArrayRef, ArrowError> {
        let nulls = self.validity.finish(rows);
        let long = std::mem::take(&mut self.long);
        let values = std::mem::replace(&mut self.values, Values::new(self.field_type, rows));
        Ok(match values {
            Values::Int32(values) => Arc::new(Int32Array::try_new(values.into(), nulls)?),
            Values::Int64(values) => Arc::new(Int64Array::try_new(values.into(), nulls)?),
            Values::Timestamp(values) => {
                let times = TimestampMicrosecondArray::try_new(values.into(), nulls)?;
                Arc::new(times.with_timezone("UTC"))
            }
            Values::Text(views) => {
                let buffers = if long { buffers } else { &[] };
                Arc::new(simd::views::string_views(views, buffers, nulls))
            }
        })
    }
}

/// The view of a text in a buffer, at an offset; a short one is in the view
/// itself. As arrow's `make_view`, which branches on each length.
#[inline]
pub(crate) fn view(text: &[u8], buffer: u32, offset: u32) -> u128 {
    let len = text.len();
    let inline = match (text.first_chunk(), text.last_chunk()) {
        (Some(first), _) if len > INLINE_BYTES => {
            let place = u64::from(offset) << 32 | u64::from(buffer);
            u128::from(u32::from_le_bytes(*first)) | u128::from(place) << 32
        }
        // Both ends, which overlap.
        (Some(first), Some(last)) => {
            let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
            let middle = text[(len - 4) / 2..]
                .first_chunk()
                .copied()
                .unwrap_or_default();
            let middle = u128::from(u32::from_le_bytes(middle)) << ((len - 4) / 2 * 8);
            u128::from(first) | middle | u128::from(last) << ((len - 4) * 8)
        }
        _ => text
            .iter()
            .rev()
            .fold(0, |bytes, byte| bytes << 8 | u128::from(*byte)),
    };
    inline << 32 | len as u128
}

#[cfg(test)]
mod tests {
    #[test]
    fn views_are_those_of_arrow() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for len in 0..text.len() {
            let expected = arrow_array::builder::make_view(&text[..len], 3, 70_000);
            assert_eq!(super::view(&text[..len], 3, 70_000), expected);
        }
    }
}
