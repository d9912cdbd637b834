//! Columns under construction, one an output column.

use std::hint::select_unpredictable;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int32Array, Int64Array, TimestampMicrosecondArray};
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;

use crate::field::FieldType;
use crate::memory::{Section, Slab};
use crate::nulls::Nulls;
use crate::simd::{self, Block, NullWords, Place};

/// Text of more bytes than this stays in the batch's text; shorter text is
/// inside the view itself.
pub(crate) const INLINE_BYTES: usize = 12;

/// Room for so many rows of a type, in bytes. Blocks are filled in whole
/// groups, the last of which may go past the last row.
pub(crate) fn column_bytes(field_type: FieldType, rows: usize) -> usize {
    (rows + simd::GROUP_ROWS) * width(field_type)
}

fn width(field_type: FieldType) -> usize {
    match field_type {
        FieldType::Int32 => size_of::<i32>(),
        FieldType::Int64 | FieldType::Timestamp => size_of::<i64>(),
        FieldType::Address | FieldType::Text => size_of::<u128>(),
    }
}

/// A column that grows by a value a row, or by a block of rows. The values are
/// in the slab of its batch, and the batch counts the rows: what is written at
/// a row that does not come to be is written over.
#[derive(Debug)]
pub(crate) struct ColumnBuilder {
    field_type: FieldType,
    section: Section,
    nulls: Nulls,
    /// Some view points into the batch's text.
    long: bool,
    /// Up to which row values were set, as far as the batch told.
    rows: usize,
}

impl ColumnBuilder {
    pub(crate) fn new(field_type: FieldType, section: Section) -> ColumnBuilder {
        ColumnBuilder {
            field_type,
            section,
            nulls: Nulls::default(),
            long: false,
            rows: 0,
        }
    }

    pub(crate) fn field_type(&self) -> FieldType {
        self.field_type
    }

    /// Copies the values to a place in another slab.
    pub(crate) fn copy_values(&self, from: &mut Slab, to: &mut Slab, section: Section) {
        let from = from.column::<i32>(self.section);
        to.column(section)[..from.len()].copy_from_slice(from);
    }

    /// From now on the values are there.
    pub(crate) fn move_to(&mut self, section: Section) {
        self.section = section;
    }

    /// Whether values of this type go into the column.
    pub(crate) fn takes(&self, field_type: FieldType) -> bool {
        self.field_type.data_type() == field_type.data_type()
    }

    /// Where the values are.
    pub(crate) fn section(&self) -> Section {
        self.section
    }

    /// Some text that was set is not in the column itself.
    pub(crate) fn set_long(&mut self) {
        self.long = true;
    }

    /// Leaves a row without a value.
    pub(crate) fn set_null(&mut self, slab: &mut Slab, row: usize) {
        self.set_nulls(slab, row..row + 1);
    }

    fn set_nulls(&mut self, slab: &mut Slab, rows: Range<usize>) {
        self.nulls.set_range(rows.clone());
        match self.field_type {
            FieldType::Int32 => slab.column::<i32>(self.section)[rows].fill(0),
            FieldType::Int64 | FieldType::Timestamp => {
                slab.column::<i64>(self.section)[rows].fill(0);
            }
            FieldType::Address | FieldType::Text => {
                slab.column::<u128>(self.section)[rows].fill(0);
            }
        }
    }

    /// Sets the values of a field for every row of a block, from row `start`
    /// on. `false`: one of them is no value of the column's type, and the block
    /// is to be dropped.
    #[inline]
    pub(crate) fn set_block(
        &mut self,
        slab: &mut Slab,
        start: usize,
        block: &Block<'_>,
        field: usize,
        place: Place,
    ) -> bool {
        let rows = block.rows();
        let mut nulls = NullWords::default();
        let range = start..start + rows.next_multiple_of(simd::GROUP_ROWS);
        let fits = match self.field_type {
            FieldType::Int32 => {
                block.int32(field, &mut slab.column(self.section)[range], &mut nulls)
            }
            FieldType::Int64 => {
                block.int64(field, &mut slab.column(self.section)[range], &mut nulls)
            }
            FieldType::Timestamp => {
                block.timestamps(field, &mut slab.column(self.section)[range], &mut nulls)
            }
            FieldType::Address | FieldType::Text => {
                let views = &mut slab.column(self.section)[range];
                self.long |= block.views(field, place, views, &mut nulls);
                true
            }
        };
        self.nulls.set_block(start, &nulls, rows);
        fits
    }

    /// Whether some text is not in the column itself but in the batch's text.
    pub(crate) fn has_long_text(&self) -> bool {
        self.long
    }

    /// Drops what was set for rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        self.nulls.truncate(rows);
    }

    /// Values were set up to there.
    pub(crate) fn filled_to(&mut self, rows: usize) {
        self.rows = rows;
    }

    /// Fills up with NULL to `rows`.
    pub(crate) fn pad_to(&mut self, slab: &mut Slab, rows: usize) {
        if self.rows < rows {
            self.set_nulls(slab, self.rows..rows);
            self.rows = rows;
        }
    }

    /// The finished column, with text in `buffers`; the builder is empty again.
    /// With `lend` the values stay in the slab.
    ///
    /// # Safety
    /// The slab is the one that the first `rows` rows were set in, and `buffers`
    /// have the text of long words where it was said to be, all of it UTF-8.
    #[expect(
        unsafe_code,
        reason = "the batch has the text, and knows that it is UTF-8"
    )]
    pub(crate) unsafe fn finish(
        &mut self,
        slab: &Arc<Slab>,
        rows: usize,
        lend: bool,
        buffers: &[Buffer],
    ) -> Result<ArrayRef, ArrowError> {
        let nulls = self.nulls.finish(rows);
        let long = std::mem::take(&mut self.long);
        self.rows = 0;
        let bytes = rows * width(self.field_type);
        let values = if lend {
            slab.lend(self.section, bytes)
        } else {
            slab.copy(self.section, bytes)
        };
        Ok(match self.field_type {
            FieldType::Int32 => Arc::new(Int32Array::try_new(values.into(), nulls)?),
            FieldType::Int64 => Arc::new(Int64Array::try_new(values.into(), nulls)?),
            FieldType::Timestamp => {
                let times = TimestampMicrosecondArray::try_new(values.into(), nulls)?;
                Arc::new(times.with_timezone("UTC"))
            }
            FieldType::Address | FieldType::Text => {
                let buffers = if long { buffers } else { &[] };
                // SAFETY: views are made of words of lines that were read as
                // UTF-8; where long ones are, the caller promises.
                Arc::new(unsafe { simd::views::string_views(values.into(), buffers, nulls) })
            }
        })
    }
}

/// The view of the first `len` bytes in a buffer, at an offset; short text is
/// in the view itself. What follows the text is read along where there is some,
/// which saves the branches of arrow's `make_view` on each length.
#[inline(always)]
pub(crate) fn view(ahead: &[u8], len: usize, buffer: u32, offset: u32) -> u128 {
    let chunk = match ahead.first_chunk::<INLINE_BYTES>() {
        Some(chunk) => *chunk,
        None => {
            let mut chunk = [0; INLINE_BYTES];
            let kept = len.min(INLINE_BYTES);
            chunk[..kept].copy_from_slice(&ahead[..kept]);
            chunk
        }
    };
    let [first, rest] = [&chunk[..4], &chunk[4..]];
    let first = u32::from_le_bytes(first.try_into().unwrap_or_default());
    let rest = u64::from_le_bytes(rest.try_into().unwrap_or_default());
    let (first_mask, rest_mask) = TEXT_MASKS[len.min(INLINE_BYTES + 1)];
    let place = u64::from(offset) << 32 | u64::from(buffer);
    let rest = select_unpredictable(len > INLINE_BYTES, place, rest & rest_mask);
    let start = u64::from(first & first_mask) << 32 | len as u64;
    u128::from(rest) << 64 | u128::from(start)
}

/// For text of each length, which bits of a view are text: of its first four
/// bytes, and of the next eight. Of longer text, only the first four are there.
static TEXT_MASKS: [(u32, u64); INLINE_BYTES + 2] = {
    let mut masks = [(u32::MAX, 0); INLINE_BYTES + 2];
    let mut len = 0;
    while len <= INLINE_BYTES {
        masks[len] = match len {
            0..=4 => (((1_u64 << (len * 8)) - 1) as u32, 0),
            _ => (u32::MAX, u64::MAX >> ((INLINE_BYTES - len) * 8)),
        };
        len += 1;
    }
    masks
};

#[cfg(test)]
mod tests {
    #[test]
    fn views_are_those_of_arrow() {
        let text = b"abcdefghijklmnopqrstuvwxyz";
        for len in 0..text.len() {
            let expected = arrow_array::builder::make_view(&text[..len], 3, 70_000);
            assert_eq!(super::view(&text[..len], len, 3, 70_000), expected);
            assert_eq!(super::view(text, len, 3, 70_000), expected);
        }
    }
}
