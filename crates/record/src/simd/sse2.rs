//! Kernels with the instructions that every x86-64 CPU has.

#![expect(
    unsafe_code,
    reason = "loads from the places of a block, which were checked when it was made"
)]

use std::arch::x86_64::{
    _MM_HINT_T0, _mm_and_si128, _mm_cmpeq_epi8, _mm_cvtsi128_si64, _mm_loadu_si128, _mm_min_epu8,
    _mm_movemask_epi8, _mm_or_si128, _mm_prefetch, _mm_sad_epu8, _mm_set_epi64x, _mm_set1_epi8,
    _mm_setzero_si128, _mm_slli_epi16, _mm_slli_si128, _mm_storeu_si128, _mm_sub_epi8,
    _mm_unpackhi_epi64, _mm_xor_si128,
};

use super::block::{BLOCK_ROWS, Block, NullWords, Place};
use super::ipv4::{self, Character, Words};
use super::ipv6;
use super::separators::{CHUNK_BYTES, Marks, Masks, Scan, scan_with, write_bits};
use super::views::TEXT_BYTES;
use crate::column::INLINE_BYTES;

pub(super) fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    // SAFETY: every x86-64 CPU has SSE2.
    let classify = |chunk: &[u8; CHUNK_BYTES]| unsafe { classify(chunk) };
    scan_with(text, places, wanted, classify, write_bits)
}

/// Asks for what a scan comes to some chunks later. Between two blocks the
/// columns of the first one are read, so that the CPU has lost track of the text
/// by then. Asking for all of it while columns are read is slower.
#[inline(always)]
pub(super) fn prefetch(chunk: &[u8; CHUNK_BYTES]) {
    const AHEAD_BYTES: usize = 24 * CHUNK_BYTES;
    let ahead = chunk.as_ptr().wrapping_add(AHEAD_BYTES);
    // SAFETY: a prefetch is a hint; it may be of any address.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(ahead.cast()) };
}

/// What is where in a chunk.
#[inline(always)]
pub(super) fn marks(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { marks_sse2(chunk) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn marks_sse2(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    prefetch(chunk);
    let (mut separators, mut line_feeds) = (0, 0);
    let mut non_ascii = _mm_setzero_si128();
    for (index, lane) in chunk.as_chunks::<16>().0.iter().enumerate() {
        // SAFETY: a lane has the 16 bytes that are loaded.
        let bytes = unsafe { _mm_loadu_si128(lane.as_ptr().cast()) };
        let separator = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(b' ' as i8)), bytes);
        let line_feed = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8));
        let bits = |bytes| u64::from(_mm_movemask_epi8(bytes) as u16) << (index * 16);
        separators |= bits(separator);
        line_feeds |= bits(line_feed);
        non_ascii = _mm_or_si128(non_ascii, bytes);
    }
    Marks {
        separators,
        line_feeds,
        non_ascii: _mm_movemask_epi8(non_ascii) as u64,
    }
}

#[inline]
#[target_feature(enable = "sse2")]
fn classify(chunk: &[u8; CHUNK_BYTES]) -> Masks {
    prefetch(chunk);
    let zero = _mm_setzero_si128();
    let (mut separators, mut line_feeds) = (0, zero);
    let (mut controls, mut non_ascii) = (zero, zero);
    for (index, lane) in chunk.as_chunks::<16>().0.iter().enumerate() {
        // SAFETY: a lane has the 16 bytes that are loaded.
        let bytes = unsafe { _mm_loadu_si128(lane.as_ptr().cast()) };
        let separator = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(b' ' as i8)), bytes);
        let line_feed = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\n' as i8));
        let space = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b' ' as i8));
        let known = _mm_or_si128(line_feed, space);
        controls = _mm_or_si128(controls, _mm_xor_si128(separator, known));
        non_ascii = _mm_or_si128(non_ascii, bytes);
        line_feeds = _mm_sub_epi8(line_feeds, line_feed);
        separators |= u64::from(_mm_movemask_epi8(separator) as u16) << (index * 16);
    }
    let sums = _mm_sad_epu8(line_feeds, zero);
    let sum = _mm_cvtsi128_si64(sums) + _mm_cvtsi128_si64(_mm_unpackhi_epi64(sums, sums));
    Masks {
        separators,
        line_feeds: sum as u32,
        controls: _mm_movemask_epi8(controls) as u64,
        non_ascii: _mm_movemask_epi8(non_ascii) as u64,
    }
}

/// Makes views without a branch on the data: whether text is short or long
/// changes at random in columns of addresses.
pub(super) fn views(
    block: &Block<'_>,
    value: usize,
    place: Place,
    out: &mut [u128],
    nulls: &mut NullWords,
) -> bool {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { views_sse2(block, value, place, out, nulls) }
}

#[target_feature(enable = "sse2")]
fn views_sse2(
    block: &Block<'_>,
    value: usize,
    place: Place,
    out: &mut [u128],
    nulls: &mut NullWords,
) -> bool {
    let text = block.text().as_ptr();
    let (starts, ends) = (block.starts(value), block.after(value));
    let rows = starts.len().min(ends.len()).min(out.len());
    let mut longest = 0;
    for (word, nulls) in nulls.iter_mut().enumerate() {
        for row in word * 64..rows.min(word * 64 + 64) {
            let (start, len) = (starts[row], ends[row] - starts[row] - 1);
            // SAFETY: from the start of a value of a block on, at least
            // `READ_AHEAD` bytes can be read.
            let bytes = unsafe { _mm_loadu_si128(text.add(start as usize).cast()) };
            let is_null = len == 1 && _mm_cvtsi128_si64(bytes) as u8 == b'-';
            let len = if is_null { 0 } else { len };
            let long = len as usize > INLINE_BYTES;
            let offset = u64::from(place.offset + start) << 32 | u64::from(place.buffer);
            let offset = std::hint::select_unpredictable(long, offset, 0);
            let mask = &TEXT_BYTES[(len as usize).min(INLINE_BYTES + 1)];
            // SAFETY: a mask has the 16 bytes that are loaded, and a view the
            // 16 that are stored.
            unsafe {
                let mask = _mm_loadu_si128(mask.as_ptr().cast());
                let prefix = _mm_and_si128(_mm_slli_si128::<4>(bytes), mask);
                let view = _mm_or_si128(prefix, _mm_set_epi64x(offset as i64, i64::from(len)));
                _mm_storeu_si128(out[row..].as_mut_ptr().cast(), view);
            }
            *nulls |= u64::from(is_null) << (row % 64);
            longest = longest.max(len);
        }
    }
    longest as usize > INLINE_BYTES
}

/// For each row of a field, 0 if it is an IPv4 address.
pub(super) fn ipv4_violations(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { ipv4_violations_sse2(words) }
}

#[target_feature(enable = "sse2")]
fn ipv4_violations_sse2(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    ipv4::violations_with(words, character)
}

/// What 16 characters are.
#[inline(always)]
pub(super) fn character(chunk: &[u8; 16], end: u16) -> Character {
    // SAFETY: every x86-64 CPU has SSE2, and there are the 16 bytes that are
    // loaded.
    unsafe {
        let bytes = _mm_loadu_si128(chunk.as_ptr().cast());
        let values = _mm_xor_si128(bytes, _mm_set1_epi8(b'0' as i8));
        let up_to_nine = _mm_min_epu8(values, _mm_set1_epi8(9));
        let dots = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'.' as i8));
        Character {
            dots: _mm_movemask_epi8(dots) as u16,
            digits: _mm_movemask_epi8(_mm_cmpeq_epi8(up_to_nine, values)) as u16,
            // A bit of each byte comes to be its highest.
            values: [
                _mm_movemask_epi8(_mm_slli_epi16::<7>(values)) as u16,
                _mm_movemask_epi8(_mm_slli_epi16::<6>(values)) as u16,
                _mm_movemask_epi8(_mm_slli_epi16::<5>(values)) as u16,
                _mm_movemask_epi8(_mm_slli_epi16::<4>(values)) as u16,
            ],
            end,
        }
    }
}

/// What the first 48 of these characters are.
#[inline(always)]
pub(super) fn ipv6_characters(ahead: &[u8; 64]) -> ipv6::Characters {
    // SAFETY: every x86-64 CPU has SSE2.
    unsafe { ipv6_characters_sse2(ahead) }
}

#[inline]
#[target_feature(enable = "sse2")]
fn ipv6_characters_sse2(ahead: &[u8; 64]) -> ipv6::Characters {
    let (mut colons, mut digits) = (0, 0);
    for (index, lane) in ahead.as_chunks::<16>().0.iter().take(3).enumerate() {
        // SAFETY: a lane has the 16 bytes that are loaded.
        let bytes = unsafe { _mm_loadu_si128(lane.as_ptr().cast()) };
        let up_to = |bytes, most| {
            let most = _mm_set1_epi8(most);
            _mm_cmpeq_epi8(_mm_min_epu8(bytes, most), bytes)
        };
        let decimal = up_to(_mm_sub_epi8(bytes, _mm_set1_epi8(b'0' as i8)), 9);
        let lower = _mm_or_si128(bytes, _mm_set1_epi8(0x20));
        let letter = up_to(_mm_sub_epi8(lower, _mm_set1_epi8(b'a' as i8)), 5);
        let colon = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b':' as i8));
        let bits = |bytes| u64::from(_mm_movemask_epi8(bytes) as u16);
        digits |= bits(_mm_or_si128(decimal, letter)) << (index * 16);
        colons |= bits(colon) << (index * 16);
    }
    ipv6::Characters { colons, digits }
}
