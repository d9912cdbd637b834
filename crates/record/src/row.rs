//! What becomes of the values of a record.

use crate::column::{ColumnBuilder, INLINE_BYTES, view};
use crate::field::FieldType;
use crate::grammar::{Sink, Word};
use crate::memory::{Native, Section, Slab};
use crate::only::Only;
use crate::simd::Place;

/// One field of the format, and what becomes of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The type to check, which the policy may have made laxer.
    pub(crate) field_type: FieldType,
    /// The column that takes the value. Others are checked all the same, so
    /// that a projection never changes what is refused.
    pub(crate) column: Option<usize>,
    /// Where that column's values are.
    pub(crate) section: Section,
    /// It was given text that is not in the column itself.
    pub(crate) long: bool,
    /// So many fields from this one on are numbers, of which no column takes the first
    /// and the last: they are looked at together. 0: by itself.
    pub(crate) run: usize,
    /// Its text decides whether a record becomes a row.
    pub(crate) decides: bool,
}

impl Target {
    pub(crate) fn is_number(&self) -> bool {
        self.field_type.certain_digits().is_some()
    }
}

/// Finds numbers that are looked at together: neighbours that no column takes, or columns
/// of some rows only, which do not tell about all.
pub(crate) fn set_runs(targets: &mut [Target], some_rows: bool) {
    let is_unasked = |target: &Target| (some_rows || target.column.is_none()) && target.is_number();
    let mut rest = targets;
    while let Some(first) = rest.iter().position(is_unasked) {
        let numbers = rest[first..].iter().take_while(|target| target.is_number());
        let end = first + numbers.count();
        let last = rest[..end].iter().rposition(is_unasked);
        let run = last.map_or(0, |last| last + 1 - first);
        rest[first].run = if run > 1 { run } else { 0 };
        rest = &mut rest[end..];
    }
}

/// The row that a line becomes.
pub(crate) struct Row<'b> {
    pub(crate) columns: &'b mut [ColumnBuilder],
    pub(crate) slab: &'b mut Slab,
    pub(crate) row: usize,
    /// Where the text that the line is in will be found.
    pub(crate) place: Place,
    /// Some view points there.
    pub(crate) keep_line: bool,
    pub(crate) only: Option<&'b Only>,
    /// It is one of those.
    pub(crate) is_kept: bool,
}

impl<'a> Sink<'a, &mut Target> for Row<'_> {
    /// Sets the value of a word: straight in its column, since a value of many
    /// kinds that passes through memory doubles the time.
    #[inline(always)]
    fn take(&mut self, target: &mut Target, word: Word<'a>) -> bool {
        if word.is_null() {
            if let Some(column) = target.column {
                self.columns[column].set_null(self.slab, self.row);
            }
            return true;
        }
        if target.decides
            && let Some(only) = self.only
        {
            self.is_kept = only.is(&word.ahead()[..word.len()]);
        }
        match target.field_type {
            FieldType::Int32 => self.number(target, word.int32()),
            FieldType::Int64 => self.number(target, word.int64()),
            FieldType::Timestamp => self.number(target, word.timestamp()),
            FieldType::Address if !word.is_address() => false,
            FieldType::Address | FieldType::Text => {
                self.text(target, word);
                true
            }
        }
    }
}

impl Row<'_> {
    #[inline(always)]
    fn number<T: Native>(&mut self, target: &Target, number: Option<T>) -> bool {
        if let Some(number) = number
            && target.column.is_some()
        {
            self.slab.set(target.section, self.row, number);
        }
        number.is_some()
    }

    #[inline(always)]
    fn text(&mut self, target: &mut Target, word: Word<'_>) {
        if target.column.is_none() {
            return;
        }
        let offset = self.place.offset.wrapping_add(word.start() as u32);
        let view = view(word.ahead(), word.len(), self.place.buffer, offset);
        self.slab.set(target.section, self.row, view);
        let long = word.len() > INLINE_BYTES;
        target.long |= long;
        self.keep_line |= long;
    }
}
