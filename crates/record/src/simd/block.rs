//! A block of records whose values have been located, and its columns.

use std::ops::Range;

use super::cpu::{CpuLevel, Level};
use super::ipv4::Words;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::portable;
use super::separators::{SPARE_PLACES, Scan};
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512, sse2};
use crate::address::is_address;
use crate::decoder::MAX_LINE_BYTES;

/// Records of a block. Measured: from 64 to 1,024 all the same.
pub(crate) const BLOCK_ROWS: usize = 256;

/// Rows that a kernel may read together: columns are filled in whole groups.
pub(crate) const GROUP_ROWS: usize = 16;

/// Rows of a column of places.
pub(super) const COLUMN_ROWS: usize = BLOCK_ROWS + GROUP_ROWS;

/// Bytes of the text that may be read from the start of any value on.
pub(super) const READ_AHEAD: usize = 64;

/// The longest text that is looked at for one block, which keeps a text
/// without separators from being scanned again for each of its lines.
const MAX_BLOCK_BYTES: usize = 1 << 20;

/// A bit a row of a block.
pub(crate) type RowWords = [u64; BLOCK_ROWS / 64];

/// A bit a row of a block, set for NULL.
pub(crate) type NullWords = RowWords;

/// Where the text of a block is to be found by views: the buffer of the batch,
/// and the offset in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) buffer: u32,
    pub(crate) offset: u32,
}

/// Reads blocks, and keeps the room that it takes.
#[derive(Debug)]
pub(crate) struct BlockReader {
    cpu: CpuLevel,
    places: Vec<u32>,
    columns: Vec<u32>,
}

impl BlockReader {
    pub(crate) fn new(cpu: CpuLevel) -> BlockReader {
        BlockReader {
            cpu,
            places: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// Locates the values of up to `max_rows` whole lines at the start of
    /// `text`, each with `values` values.
    ///
    /// # Errors
    /// When there is anything odd about them: how many lines there are about,
    /// to be read another way; 0 when it cannot be told.
    pub(crate) fn read<'a>(
        &'a mut self,
        text: &'a [u8],
        values: usize,
        max_rows: usize,
    ) -> Result<Block<'a>, usize> {
        let text = &text[..text.len().min(MAX_BLOCK_BYTES)];
        let max_rows = max_rows.min(BLOCK_ROWS);
        let places = values * (max_rows + GROUP_ROWS) + SPARE_PLACES;
        if self.places.len() < places {
            self.places.resize(places, 0);
        }
        let scan = scan(self.cpu.0, text, &mut self.places, values * max_rows);
        let mut rows = max_rows.min(scan.separators / values);
        let end = |rows: usize| self.places[rows * values - 1] as usize;
        while rows > 0 && end(rows) + READ_AHEAD > text.len() {
            rows -= 1;
        }
        if rows == 0 || scan.odd {
            return Err(rows);
        }
        self.lay_out(values, rows);
        let block = Block {
            cpu: self.cpu,
            text,
            columns: &self.columns,
            rows,
            values,
        };
        if block.lines_end_where_they_should(&scan) && (scan.ascii || block.is_utf8()) {
            Ok(block)
        } else {
            Err(rows)
        }
    }

    /// From lines of places to columns of places.
    fn lay_out(&mut self, values: usize, rows: usize) {
        self.columns.resize((values + 1) * COLUMN_ROWS, 0);
        let (starts, columns) = self.columns.split_at_mut(COLUMN_ROWS);
        transpose(self.cpu.0, &self.places, values, rows, columns);
        // The first value starts where the line before ended.
        let ends = &columns[(values - 1) * COLUMN_ROWS..];
        starts[0] = 0;
        starts[1..rows].copy_from_slice(&ends[..rows - 1]);
        for column in self.columns.chunks_exact_mut(COLUMN_ROWS) {
            fill_group(column, rows);
        }
    }
}

/// Goes on with the place of the last row, if there is one, to the end of its group.
pub(super) fn fill_group(column: &mut [u32], rows: usize) {
    if let Some(last) = rows.checked_sub(1) {
        let last = column[last];
        column[rows..rows.next_multiple_of(GROUP_ROWS)].fill(last);
    }
}

fn scan(level: Level, text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    match level {
        Level::Grammar | Level::Portable => portable::scan(text, places, wanted),
        #[cfg(target_arch = "x86_64")]
        Level::Sse2 => sse2::scan(text, places, wanted),
        #[cfg(target_arch = "aarch64")]
        Level::Neon => neon::scan(text, places, wanted),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(avx2) => avx2.scan(text, places, wanted),
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(avx512) => avx512.scan(text, places, wanted),
    }
}

/// From lines of `values` places each to columns.
fn transpose(level: Level, places: &[u32], values: usize, rows: usize, columns: &mut [u32]) {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(avx512) => avx512.transpose(places, values, rows, columns, COLUMN_ROWS),
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(avx2) => avx2.transpose(places, values, rows, columns, COLUMN_ROWS),
        _ => portable::transpose(places, values, rows, columns, COLUMN_ROWS),
    }
}

/// Whole lines at the start of a text, all with the same number of values,
/// separated by single spaces; the text of the lines is UTF-8.
///
/// Where a value starts and ends is known for every row, and for as many rows
/// after the last one as fill a group. From the start of each value on, at
/// least [`READ_AHEAD`] bytes of the text can be read: only
/// [`BlockReader::read`] makes blocks, and [`Block::only`] some rows of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    cpu: CpuLevel,
    text: &'a [u8],
    /// One column of places more than there are values: the first has the
    /// starts of the lines, the others the place after each value's separator.
    columns: &'a [u32],
    rows: usize,
    values: usize,
}

impl<'a> Block<'a> {
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Values of each line.
    pub(crate) fn values(&self) -> usize {
        self.values
    }

    /// Other rows of the same text.
    pub(super) fn with_rows<'b>(&self, columns: &'b [u32], rows: usize) -> Block<'b>
    where
        'a: 'b,
    {
        Block {
            columns,
            rows,
            ..*self
        }
    }

    /// The text that the places are in, which goes on after the block.
    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    /// The lines, with their line feeds.
    pub(crate) fn lines(&self) -> &'a [u8] {
        &self.text[..self.after(self.values - 1)[self.rows - 1] as usize]
    }

    /// Where the value starts, for each row and the rest of the last group.
    #[inline]
    pub(super) fn starts(&self, value: usize) -> &'a [u32] {
        let rows = self.rows.next_multiple_of(GROUP_ROWS);
        &self.columns[value * COLUMN_ROWS..][..rows]
    }

    /// The place after the separator that ends the value: one more than where
    /// the value ends.
    #[inline]
    pub(super) fn after(&self, value: usize) -> &'a [u32] {
        self.starts(value + 1)
    }

    /// The value of each row as text, for checks that are rarely needed.
    pub(crate) fn words(&self, value: usize) -> impl Iterator<Item = &'a [u8]> {
        let places = self.starts(value).iter().zip(self.after(value));
        let text = self.text;
        places
            .take(self.rows)
            .map(move |(start, after)| &text[*start as usize..*after as usize - 1])
    }

    /// Whether each line has exactly `values` values, and is not too long.
    ///
    /// That the last separator of a line is a line feed is not enough: a line
    /// with one value less could make up for a neighbour with one more. So
    /// there must not be any other line feed.
    fn lines_end_where_they_should(&self, scan: &Scan) -> bool {
        let (starts, ends) = (self.starts(0), self.after(self.values - 1));
        let line_feed = |end: &u32| self.text[*end as usize - 1] == b'\n';
        let bytes = starts.iter().zip(ends).map(|(start, end)| end - start);
        // To find the longest takes longer, and is hardly ever needed.
        let any_bits = bytes.clone().fold(0, |bits, bytes| bits | bytes);
        let longest = MAX_LINE_BYTES as u32 + 1;
        let after_block = &self.text[self.lines().len()..scan.bytes];
        let line_feeds_after = memchr::memchr_iter(b'\n', after_block).count();
        scan.line_feeds - line_feeds_after == self.rows
            && ends.iter().all(line_feed)
            && (any_bits <= longest || bytes.max() <= Some(longest))
    }

    fn is_utf8(&self) -> bool {
        std::str::from_utf8(self.lines()).is_ok()
    }

    /// Reads a field as `INT`. `false`: some value is none.
    pub(crate) fn int32(&self, value: usize, out: &mut [i32], nulls: &mut NullWords) -> bool {
        match self.cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.numbers::<avx512::Int32>(self, value, out, nulls),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.numbers::<avx2::Int32>(self, value, out, nulls),
            _ => portable::int32(self, value, out, nulls),
        }
    }

    /// Reads a field as `BIGINT`. `false`: some value is none, or has more than
    /// 16 digits.
    pub(crate) fn int64(&self, value: usize, out: &mut [i64], nulls: &mut NullWords) -> bool {
        match self.cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.numbers::<avx512::Int64>(self, value, out, nulls),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.numbers::<avx2::Int64>(self, value, out, nulls),
            _ => portable::int64(self, value, out, nulls),
        }
    }

    /// Reads a field as microseconds. `false`: some value is no time, or has
    /// more than 15 digits.
    pub(crate) fn timestamps(&self, value: usize, out: &mut [i64], nulls: &mut NullWords) -> bool {
        match self.cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.numbers::<avx512::Timestamp>(self, value, out, nulls),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.numbers::<avx2::Timestamp>(self, value, out, nulls),
            _ => portable::timestamps(self, value, out, nulls),
        }
    }

    /// Whether neighbouring fields are numbers or NULL in every row, each of no more digits
    /// than `longest` has for it. `false` may also mean that it is not known.
    pub(crate) fn are_numbers(
        &self,
        values: Range<usize>,
        longest: impl Iterator<Item = u32>,
    ) -> bool {
        match self.cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.are_numbers(self, values, longest),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.are_numbers(self, values, longest),
            _ => false,
        }
    }

    /// Whether a field is an address, or NULL, in every row.
    pub(crate) fn addresses(&self, value: usize) -> bool {
        let violations = Words::of_block(self, value).violations(self.cpu);
        // Nearly all groups have nothing to look at.
        let groups = violations.as_chunks::<8>().0.iter().enumerate();
        let odd_groups =
            groups.filter(|(_, group)| group.iter().fold(0, |all, row| all | row) != 0);
        let mut odd_rows = odd_groups.flat_map(|(group, violations)| {
            let odd = |row: &usize| violations[*row] != 0;
            (0..8).filter(odd).map(move |row| group * 8 + row)
        });
        odd_rows.all(|row| self.is_other_address(value, row))
    }

    /// IPv6, or NULL. Also for rows after the last one, as the places go on.
    fn is_other_address(&self, value: usize, row: usize) -> bool {
        let (start, after) = (self.starts(value)[row], self.after(value)[row]);
        let (ahead, len) = (&self.text[start as usize..], (after - start - 1) as usize);
        if len == 1 {
            return ahead[0] == b'-';
        }
        is_address(ahead, len)
    }

    /// Makes views of a field's text. Returns whether any of them points into
    /// the text, instead of holding all of it.
    pub(crate) fn views(
        &self,
        value: usize,
        place: Place,
        out: &mut [u128],
        nulls: &mut NullWords,
    ) -> bool {
        match self.cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.views(self, value, place, out, nulls),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.views(self, value, place, out, nulls),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => sse2::views(self, value, place, out, nulls),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => neon::views(self, value, place, out, nulls),
            _ => portable::views(self, value, place, out, nulls),
        }
    }
}
