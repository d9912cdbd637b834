//! The kernels in plain Rust, eight bytes at a time.

use arrow_array::builder::make_view;

use super::block::{Block, NullWords, Place};
use super::separators::{CHUNK_BYTES, Masks, Scan, scan_with, write_bits};
use crate::address::is_address;
use crate::column::INLINE_BYTES;
use crate::number;
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
        let ascii = word & !HIGH;
        // Of bytes below 0x80, the high bit of each that is more than a space.
        let printable = ascii + repeat(0x80 - (b' ' + 1));
        let separators = !(printable | word) & HIGH;
        let line_feeds = equal(ascii, b'\n') & !word & HIGH;
        let spaces = equal(ascii, b' ') & !word & HIGH;
        masks.separators |= bits(separators) << (index * 8);
        masks.line_feeds |= bits(line_feeds) << (index * 8);
        masks.controls |= separators ^ (line_feeds | spaces);
        masks.non_ascii |= word & HIGH;
    }
    masks
}

const HIGH: u64 = repeat(0x80);

const fn repeat(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The high bit of each byte that is `byte`, of bytes below 0x80.
#[inline(always)]
fn equal(ascii: u64, byte: u8) -> u64 {
    !((ascii ^ repeat(byte)) + repeat(0x7F)) & HIGH
}

/// The high bits of the bytes, gathered in the lowest byte.
#[inline(always)]
fn bits(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
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
            make_view(word, place.buffer, place.offset + start)
        };
        any_long |= word.len() > INLINE_BYTES;
    }
    any_long
}

/// Whether every row has an address, or NULL.
pub(super) fn addresses(block: &Block<'_>, value: usize) -> bool {
    block.words(value).all(|word| {
        let text = std::str::from_utf8(word);
        word == b"-" || text.is_ok_and(is_address)
    })
}
