//! Kinds of 64 bytes at a time.

use std::arch::x86_64::{
    _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_loadu_si512, _mm512_set1_epi8,
    _mm512_sub_epi8,
};
use std::ops::Range;

use super::Avx512;
use crate::simd::block::Block;
use crate::simd::runs::{Kinds, are_numbers_with};

impl Avx512 {
    /// See [`are_numbers_with`].
    pub(in crate::simd) fn are_numbers(
        self,
        block: &Block<'_>,
        values: Range<usize>,
        longest: impl Iterator<Item = u32>,
    ) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx512`.
        unsafe { are_numbers(block, values, longest) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2")]
fn are_numbers(
    block: &Block<'_>,
    values: Range<usize>,
    longest: impl Iterator<Item = u32>,
) -> bool {
    let classify = |chunk: *const u8| {
        // SAFETY: it is the start of a value, from which a chunk can be read.
        let bytes = unsafe { _mm512_loadu_si512(chunk.cast()) };
        let digits = _mm512_sub_epi8(bytes, _mm512_set1_epi8(b'0' as i8));
        Kinds {
            digits: _mm512_cmple_epu8_mask(digits, _mm512_set1_epi8(9)),
            spaces: _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b' ' as i8)),
        }
    };
    let dashes = |chunk: *const u8| {
        // SAFETY: as above.
        let bytes = unsafe { _mm512_loadu_si512(chunk.cast()) };
        _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'-' as i8))
    };
    are_numbers_with(block, values, longest, classify, dashes)
}
