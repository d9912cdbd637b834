//! Addresses, without a loop over their characters.
//!
//! Where the dots of an IPv4 address are tells which of its bytes are the
//! hundreds, tens and ones of the four octets. There are 81 ways, so that the
//! places of the dots find a shuffle that brings each digit to its place.

#![expect(
    unsafe_code,
    reason = "instructions that `Avx2` proves to be there, and loads from the places of a block"
)]

use std::arch::x86_64::{
    _mm_cmpeq_epi8, _mm_cmpgt_epi32, _mm_loadu_si128, _mm_madd_epi16, _mm_maddubs_epi16,
    _mm_movemask_epi8, _mm_or_si128, _mm_set1_epi8, _mm_set1_epi16, _mm_set1_epi32,
    _mm_setzero_si128, _mm_shuffle_epi8, _mm_subs_epu8, _mm_testz_si128, _mm_xor_si128,
};

use super::avx2::Avx2;
use super::block::Block;
use crate::address::is_address;

impl Avx2 {
    /// Whether every row has an address, or NULL.
    pub(super) fn addresses(self, block: &Block<'_>, value: usize) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { addresses(block, value) }
    }
}

/// How the digits of an address with octets of certain lengths are read.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(16))]
struct Layout {
    /// For each octet, where its hundreds, tens and ones are, then nothing.
    shuffle: [u8; 16],
    /// The least value of each octet: without leading zeros, two digits make
    /// at least 10.
    least: [i32; 4],
}

/// A shuffle index that gives 0.
const NOTHING: u8 = 0x80;

/// A bit for each dot, and one for the end.
type Dots = u32;

const LAYOUTS: usize = 81;

/// The layouts, and the dots of each.
static TABLE: ([Layout; LAYOUTS], [Dots; LAYOUTS]) = {
    let empty = Layout {
        shuffle: [NOTHING; 16],
        least: [0; 4],
    };
    let (mut layouts, mut dots) = ([empty; LAYOUTS], [0; LAYOUTS]);
    let mut index = 0;
    while index < LAYOUTS {
        let lengths = [
            index / 27 % 3 + 1,
            index / 9 % 3 + 1,
            index / 3 % 3 + 1,
            index % 3 + 1,
        ];
        let (mut octet, mut at) = (0, 0);
        while octet < 4 {
            let mut digit = 0;
            while digit < lengths[octet] {
                layouts[index].shuffle[octet * 4 + 3 - lengths[octet] + digit] = at as u8;
                (digit, at) = (digit + 1, at + 1);
            }
            layouts[index].least[octet] = [0, 10, 100][lengths[octet] - 1];
            dots[index] |= 1 << at;
            (octet, at) = (octet + 1, at + 1);
        }
        index += 1;
    }
    (layouts, dots)
};

/// The layout that dots may be of, by their hash.
static LAYOUT_OF_HASH: [u8; 256] = {
    let mut layouts = [0; 256];
    let mut index = 0;
    while index < LAYOUTS {
        layouts[hash(TABLE.1[index])] = index as u8;
        index += 1;
    }
    layouts
};

/// No two layouts have the same; found by trying factors.
const fn hash(dots: Dots) -> usize {
    (dots.wrapping_mul(6639) >> 13 & 0xFF) as usize
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn addresses(block: &Block<'_>, value: usize) -> bool {
    let text = block.text();
    let weights = _mm_set1_epi32(i32::from_le_bytes([100, 10, 1, 0]));
    let mut faults = _mm_setzero_si128();
    for (start, after) in block.starts(value).iter().zip(block.after(value)) {
        let len = after - start - 1;
        // SAFETY: from the start of each value of a block on, `READ_AHEAD`
        // bytes can be read.
        let bytes = unsafe { _mm_loadu_si128(text.as_ptr().add(*start as usize).cast()) };
        let dots = _mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'.' as i8))) as Dots;
        let end = 1_u32.wrapping_shl(len);
        let dots = dots & end.wrapping_sub(1) | end;
        let layout = LAYOUT_OF_HASH[hash(dots)] as usize;
        if TABLE.1[layout] != dots || len > 15 {
            if !is_other_address(&text[*start as usize..][..len as usize]) {
                return false;
            }
            continue;
        }
        let layout = &TABLE.0[layout];
        // SAFETY: both parts of a layout have the 16 bytes that are loaded.
        let (shuffle, least) = unsafe {
            (
                _mm_loadu_si128(layout.shuffle.as_ptr().cast()),
                _mm_loadu_si128(layout.least.as_ptr().cast()),
            )
        };
        let digits = _mm_xor_si128(bytes, _mm_set1_epi8(b'0' as i8));
        let digits = _mm_shuffle_epi8(digits, shuffle);
        let above_nine = _mm_subs_epu8(digits, _mm_set1_epi8(9));
        let parts = _mm_maddubs_epi16(digits, weights);
        let octets = _mm_madd_epi16(parts, _mm_set1_epi16(1));
        let too_much = _mm_cmpgt_epi32(octets, _mm_set1_epi32(255));
        let too_little = _mm_cmpgt_epi32(least, octets);
        let outside = _mm_or_si128(too_much, too_little);
        faults = _mm_or_si128(faults, _mm_or_si128(above_nine, outside));
    }
    _mm_testz_si128(faults, faults) == 1
}

/// IPv6, or NULL.
#[inline(never)]
fn is_other_address(word: &[u8]) -> bool {
    word == b"-" || is_address(word, word.len())
}
