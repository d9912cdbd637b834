//! The kernels in plain Rust, eight bytes at a time.

use super::block::{BLOCK_ROWS, Block, NullWords, Place};
use super::ipv4::{self, Character, Words};
use super::separators::{CHUNK_BYTES, Marks, Masks, Scan, scan_with, write_bits};
use crate::column::{INLINE_BYTES, view};
use crate::number::{self, HIGH, at_most_space, equal, repeat};

pub(super) fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    scan_with(text, places, wanted, classify, write_bits)
}

#[inline(always)]
fn classify(chunk: &[u8; CHUNK_BYTES]) -> Masks {
    let (mut separators, mut line_feeds) = (0, 0);
    let (mut controls, mut non_ascii) = (0, 0);
    for (index, word) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let (separator, line_feed) = (at_most_space(word), equal(word, b'\n'));
        separators |= separator >> (7 - index);
        line_feeds += line_feed >> 7;
        controls |= separator ^ (line_feed | equal(word, b' '));
        non_ascii |= word & HIGH;
    }
    Masks {
        // The n-th bit of each byte is of the n-th word.
        separators: transpose_bits(separators),
        line_feeds: (line_feeds.wrapping_mul(repeat(1)) >> 56) as u32,
        controls,
        non_ascii,
    }
}

/// Of eight bytes of eight bits, the n-th bit of each to the n-th byte.
#[inline(always)]
fn transpose_bits(bits: u64) -> u64 {
    let swap = |bits: u64, mask: u64, distance: u32| {
        let changed = (bits ^ bits >> distance) & mask;
        bits ^ changed ^ changed << distance
    };
    let bits = swap(bits, 0x00AA_00AA_00AA_00AA, 7);
    let bits = swap(bits, 0x0000_CCCC_0000_CCCC, 14);
    swap(bits, 0x0000_0000_F0F0_F0F0, 28)
}

/// What is where in a chunk.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64"),
    expect(dead_code, reason = "there is SSE2 or NEON")
)]
#[inline(always)]
pub(super) fn marks(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    let (mut separators, mut line_feeds, mut non_ascii) = (0, 0, 0);
    for (index, word) in chunk.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        separators |= at_most_space(word) >> (7 - index);
        line_feeds |= equal(word, b'\n') >> (7 - index);
        non_ascii |= word & HIGH;
    }
    Marks {
        separators: transpose_bits(separators),
        line_feeds: transpose_bits(line_feeds),
        non_ascii,
    }
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
    parse: impl Fn(&[u8], usize) -> Option<Number>,
) -> bool {
    let text = block.text();
    let places = block.starts(value).iter().zip(block.after(value));
    for (row, ((start, after), out)) in places.zip(out).take(block.rows()).enumerate() {
        let (ahead, len) = (&text[*start as usize..], (after - start - 1) as usize);
        *out = match parse(ahead, len) {
            Some(number) => number,
            None if ahead.starts_with(b"-") && len == 1 => {
                set_null(nulls, row);
                Number::default()
            }
            None => return false,
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
    let places = block.starts(value).iter().zip(block.after(value));
    for (row, ((start, after), out)) in places.zip(out).take(block.rows()).enumerate() {
        let (ahead, len) = (
            &block.text()[*start as usize..],
            (after - start - 1) as usize,
        );
        *out = if len == 1 && ahead.starts_with(b"-") {
            set_null(nulls, row);
            0
        } else {
            view(ahead, len, place.buffer, place.offset + start)
        };
        any_long |= len > INLINE_BYTES;
    }
    any_long
}

/// For each row of a field, 0 if it is an IPv4 address.
pub(super) fn ipv4_violations(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    ipv4::violations_with(words, character)
}

/// What 16 characters are.
#[inline(always)]
pub(super) fn character(chunk: &[u8; 16], end: u16) -> Character {
    let chunk = u128::from_le_bytes(*chunk);
    let low = characters_of(chunk as u64).to_le_bytes();
    let high = characters_of((chunk >> 64) as u64).to_le_bytes();
    let bits = |kind: usize| u16::from_le_bytes([low[kind], high[kind]]);
    Character {
        dots: bits(4),
        digits: bits(5),
        values: [bits(0), bits(1), bits(2), bits(3)],
        end,
    }
}

/// A byte each for the four bits of eight characters' values, for which are
/// dots, and which are digits.
#[inline(always)]
fn characters_of(word: u64) -> u64 {
    let values = word ^ repeat(b'0');
    let digits = !(((values & !HIGH) + repeat(0x80 - 10)) | values) & HIGH;
    let dots = equal(word, b'.');
    transpose_bits(values & repeat(0x0F) | dots >> 3 | digits >> 2)
}
