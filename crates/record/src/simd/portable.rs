//! The kernels in plain Rust, eight bytes at a time.

use super::block::{Block, NullWords, Place};
use super::separators::{CHUNK_BYTES, Masks, Scan, scan_with, write_bits};
use crate::address::is_address;
use crate::column::{INLINE_BYTES, view};
use crate::number::{self, HIGH, at_most_space, bits, equal};
use crate::reason::Reason;

pub(super) fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    scan_with(text, places, wanted, classify, write_bits)
}

#[inline(always)]
fn classify(chunk: &[u8; CHUNK_BYTES]) -> Masks {
    let mut masks = Masks {
        separators: 0,
        line_feeds: 0,
        controls: 0,
        non_ascii: 0,
    };
    for (index, word) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let separators = at_most_space(word);
        let line_feeds = equal(word, b'\n');
        masks.separators |= bits(separators) << (index * 8);
        masks.line_feeds |= bits(line_feeds) << (index * 8);
        masks.controls |= separators ^ (line_feeds | equal(word, b' '));
        masks.non_ascii |= word & HIGH;
    }
    masks
}

/// From lines of `values` places each to columns, each `column_rows` apart.
pub(super) fn transpose(
    lines: &[u32],
    values: usize,
    rows: usize,
    columns: &mut [u32],
    column_rows: usize,
) {
    let lines = lines.chunks_exact(values).take(rows);
    for (value, column) in columns
        .chunks_exact_mut(column_rows)
        .take(values)
        .enumerate()
    {
        for (place, line) in column.iter_mut().zip(lines.clone()) {
            *place = line[value];
        }
    }
}

pub(super) fn int32(
    block: &Block<'_>,
    value: usize,
    out: &mut [i32],
    nulls: &mut NullWords,
) -> bool {
    column(block, value, out, nulls, number::int32)
}

pub(super) fn int64(
    block: &Block<'_>,
    value: usize,
    out: &mut [i64],
    nulls: &mut NullWords,
) -> bool {
    column(block, value, out, nulls, number::int64)
}

pub(super) fn timestamps(
    block: &Block<'_>,
    value: usize,
    out: &mut [i64],
    nulls: &mut NullWords,
) -> bool {
    column(block, value, out, nulls, number::timestamp)
}

#[inline(always)]
fn column<Number: Default>(
    block: &Block<'_>,
    value: usize,
    out: &mut [Number],
    nulls: &mut NullWords,
    parse: impl Fn(&[u8], usize) -> Result<Number, Reason>,
) -> bool {
    let text = block.text();
    let places = block.starts(value).iter().zip(block.after(value));
    for (row, ((start, after), out)) in places.zip(out).take(block.rows()).enumerate() {
        let (ahead, len) = (&text[*start as usize..], (after - start - 1) as usize);
        *out = match parse(ahead, len) {
            Ok(number) => number,
            Err(_) if ahead.starts_with(b"-") && len == 1 => {
                set_null(nulls, row);
                Number::default()
            }
            Err(_) => return false,
        };
    }
    true
}

#[inline(always)]
pub(super) fn set_null(nulls: &mut NullWords, row: usize) {
    nulls[row / 64] |= 1 << (row % 64);
}

pub(super) fn views(
    block: &Block<'_>,
    value: usize,
    place: Place,
    out: &mut [u128],
    nulls: &mut NullWords,
) -> bool {
    let mut any_long = false;
    let places = block.words(value).zip(block.starts(value)).zip(out);
    for (row, ((word, start), out)) in places.enumerate() {
        *out = if word == b"-" {
            set_null(nulls, row);
            0
        } else {
            view(word, place.buffer, place.offset + start)
        };
        any_long |= word.len() > INLINE_BYTES;
    }
    any_long
}

/// Whether every row has an address, or NULL.
pub(super) fn addresses(block: &Block<'_>, value: usize) -> bool {
    let ahead = block.starts(value).iter();
    let ahead = ahead.map(|start| &block.text()[*start as usize..]);
    block
        .words(value)
        .zip(ahead)
        .all(|(word, ahead)| word == b"-" || is_address(ahead, word.len()))
}
