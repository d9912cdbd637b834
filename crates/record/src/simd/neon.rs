//! Kernels with the instructions that every aarch64 CPU has. Numbers are read by
//! the portable ones: there are eight digits in a general register as well.

#![expect(
    unsafe_code,
    reason = "loads from the places of a block, which were checked when it was made"
)]

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vcleq_u8, vcombine_u64, vcreate_u64, vdupq_n_u8, veorq_u8,
    vextq_u8, vgetq_lane_u8, vgetq_lane_u64, vld1q_u8, vmaxvq_u8, vorrq_u8, vpaddq_u8,
    vreinterpretq_u8_u64, vreinterpretq_u64_u8, vst1q_u8, vsubq_u8, vtstq_u8,
};

use super::block::{BLOCK_ROWS, Block, NullWords, Place};
use super::ipv4::{self, Character, Words};
use super::ipv6;
use super::separators::{CHUNK_BYTES, Marks, Masks, Scan, scan_with, write_bits};
use super::views::TEXT_BYTES;
use crate::column::INLINE_BYTES;

pub(super) fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    // SAFETY: every aarch64 CPU has NEON.
    let classify = |chunk: &[u8; CHUNK_BYTES]| unsafe { classify(chunk) };
    scan_with(text, places, wanted, classify, write_bits)
}

/// A bit for each byte of four times 16, which are all ones or all zeros.
#[inline]
#[target_feature(enable = "neon")]
fn bits(lanes: [uint8x16_t; 4]) -> u64 {
    const BIT_OF_BYTE: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    // SAFETY: the array has the 16 bytes that are loaded.
    let bit_of_byte = unsafe { vld1q_u8(BIT_OF_BYTE.as_ptr()) };
    // Eight bytes with a bit each are added up to one, in three steps.
    let [a, b, c, d] = lanes.map(|lane| vandq_u8(lane, bit_of_byte));
    let (low, high) = (vpaddq_u8(a, b), vpaddq_u8(c, d));
    let sums = vpaddq_u8(low, high);
    let sums = vpaddq_u8(sums, sums);
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(sums))
}

/// The chunk in four parts.
#[inline]
#[target_feature(enable = "neon")]
fn lanes_of(chunk: &[u8; CHUNK_BYTES]) -> [uint8x16_t; 4] {
    // SAFETY: the chunk has four times the 16 bytes that are loaded.
    [0, 16, 32, 48].map(|at| unsafe { vld1q_u8(chunk.as_ptr().add(at)) })
}

/// What is where in a chunk.
#[inline(always)]
pub(super) fn marks(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    // SAFETY: every aarch64 CPU has NEON.
    unsafe { marks_neon(chunk) }
}

#[inline]
#[target_feature(enable = "neon")]
fn marks_neon(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    let lanes = lanes_of(chunk);
    let [a, b, c, d] = lanes;
    let all = vorrq_u8(vorrq_u8(a, b), vorrq_u8(c, d));
    Marks {
        separators: bits(lanes.map(|lane| vcleq_u8(lane, vdupq_n_u8(b' ')))),
        line_feeds: bits(lanes.map(|lane| vceqq_u8(lane, vdupq_n_u8(b'\n')))),
        non_ascii: u64::from(vmaxvq_u8(all) & 0x80),
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn classify(chunk: &[u8; CHUNK_BYTES]) -> Masks {
    let lanes = lanes_of(chunk);
    let zero = vdupq_n_u8(0);
    let (mut line_feeds, mut controls, mut all) = (zero, zero, zero);
    let separators = lanes.map(|bytes| {
        let separator = vcleq_u8(bytes, vdupq_n_u8(b' '));
        let line_feed = vceqq_u8(bytes, vdupq_n_u8(b'\n'));
        let space = vceqq_u8(bytes, vdupq_n_u8(b' '));
        controls = vorrq_u8(controls, veorq_u8(separator, vorrq_u8(line_feed, space)));
        line_feeds = vsubq_u8(line_feeds, line_feed);
        all = vorrq_u8(all, bytes);
        separator
    });
    // Each byte has at most four line feeds, so that pairs of pairs do not
    // overflow.
    let pairs = vpaddq_u8(line_feeds, line_feeds);
    let fours = vpaddq_u8(pairs, pairs);
    let eights = vpaddq_u8(fours, fours);
    let all_line_feeds = vpaddq_u8(eights, eights);
    Masks {
        separators: bits(separators),
        line_feeds: u32::from(vgetq_lane_u8::<0>(all_line_feeds)),
        controls: u64::from(vmaxvq_u8(controls)),
        non_ascii: u64::from(vmaxvq_u8(all) & 0x80),
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
    // SAFETY: every aarch64 CPU has NEON.
    unsafe { views_neon(block, value, place, out, nulls) }
}

#[target_feature(enable = "neon")]
fn views_neon(
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
            let bytes = unsafe { vld1q_u8(text.add(start as usize)) };
            let is_null = len == 1 && vgetq_lane_u8::<0>(bytes) == b'-';
            let len = if is_null { 0 } else { len };
            let long = len as usize > INLINE_BYTES;
            let offset = u64::from(place.offset + start) << 32 | u64::from(place.buffer);
            let offset = std::hint::select_unpredictable(long, offset, 0);
            let mask = &TEXT_BYTES[(len as usize).min(INLINE_BYTES + 1)];
            let start = vcombine_u64(vcreate_u64(u64::from(len)), vcreate_u64(offset));
            // SAFETY: a mask has the 16 bytes that are loaded, and a view the
            // 16 that are stored.
            unsafe {
                let shifted = vextq_u8::<12>(vdupq_n_u8(0), bytes);
                let prefix = vandq_u8(shifted, vld1q_u8(mask.as_ptr()));
                let view = vorrq_u8(prefix, vreinterpretq_u8_u64(start));
                vst1q_u8(out[row..].as_mut_ptr().cast(), view);
            }
            *nulls |= u64::from(is_null) << (row % 64);
            longest = longest.max(len);
        }
    }
    longest as usize > INLINE_BYTES
}

/// For each row of a field, 0 if it is an IPv4 address.
pub(super) fn ipv4_violations(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    ipv4::violations_with(words, character)
}

/// What 16 characters are.
#[inline(always)]
pub(super) fn character(chunk: &[u8; 16], end: u16) -> Character {
    // SAFETY: every aarch64 CPU has NEON.
    unsafe { character_neon(chunk, end) }
}

#[inline]
#[target_feature(enable = "neon")]
fn character_neon(chunk: &[u8; 16], end: u16) -> Character {
    // SAFETY: there are the 16 bytes that are loaded.
    let bytes = unsafe { vld1q_u8(chunk.as_ptr()) };
    let values = veorq_u8(bytes, vdupq_n_u8(b'0'));
    let of_values = bits([1, 2, 4, 8].map(|bit| vtstq_u8(values, vdupq_n_u8(bit))));
    let dots = vceqq_u8(bytes, vdupq_n_u8(b'.'));
    let digits = vcleq_u8(values, vdupq_n_u8(9));
    let of_kinds = bits([dots, digits, dots, digits]);
    Character {
        dots: of_kinds as u16,
        digits: (of_kinds >> 16) as u16,
        values: [0, 16, 32, 48].map(|shift| (of_values >> shift) as u16),
        end,
    }
}

/// What the first 64 of these characters are.
#[inline(always)]
pub(super) fn ipv6_characters(ahead: &[u8; 64]) -> ipv6::Characters {
    // SAFETY: every aarch64 CPU has NEON.
    unsafe { ipv6_characters_neon(ahead) }
}

#[inline]
#[target_feature(enable = "neon")]
fn ipv6_characters_neon(ahead: &[u8; 64]) -> ipv6::Characters {
    let lanes = lanes_of(ahead);
    let digit = |bytes| {
        let decimal = vcleq_u8(vsubq_u8(bytes, vdupq_n_u8(b'0')), vdupq_n_u8(9));
        let lower = vorrq_u8(bytes, vdupq_n_u8(0x20));
        let letter = vcleq_u8(vsubq_u8(lower, vdupq_n_u8(b'a')), vdupq_n_u8(5));
        vorrq_u8(decimal, letter)
    };
    ipv6::Characters {
        colons: bits(lanes.map(|bytes| vceqq_u8(bytes, vdupq_n_u8(b':')))),
        digits: bits(lanes.map(digit)),
    }
}
