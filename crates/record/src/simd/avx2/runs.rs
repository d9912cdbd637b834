//! Kinds of 32 bytes at a time.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8, _mm256_set1_epi8,
    _mm256_xor_si256,
};
use std::ops::Range;

use super::{Avx2, bits};
use crate::simd::block::Block;
use crate::simd::runs::{Kinds, are_numbers_with};

impl Avx2 {
    /// See [`are_numbers_with`].
    pub(in crate::simd) fn are_numbers(
        self,
        block: &Block<'_>,
        values: Range<usize>,
        longest: impl Iterator<Item = u32>,
    ) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { are_numbers(block, values, longest) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn are_numbers(
    block: &Block<'_>,
    values: Range<usize>,
    longest: impl Iterator<Item = u32>,
) -> bool {
    let load = |chunk: *const u8| {
        let lanes = chunk.cast::<__m256i>();
        // SAFETY: it is the start of a value, from which a chunk can be read.
        unsafe { [_mm256_loadu_si256(lanes), _mm256_loadu_si256(lanes.add(1))] }
    };
    let is = |bytes, byte: u8| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(byte as i8));
    let is_digit = |bytes| {
        let value = _mm256_xor_si256(bytes, _mm256_set1_epi8(b'0' as i8));
        _mm256_cmpeq_epi8(_mm256_min_epu8(value, _mm256_set1_epi8(9)), value)
    };
    let classify = |chunk: *const u8| {
        let [low, high] = load(chunk);
        Kinds {
            digits: bits(is_digit(low), is_digit(high)),
            spaces: bits(is(low, b' '), is(high, b' ')),
        }
    };
    let dashes = |chunk: *const u8| {
        let [low, high] = load(chunk);
        bits(is(low, b'-'), is(high, b'-'))
    };
    are_numbers_with(block, values, longest, classify, dashes)
}
