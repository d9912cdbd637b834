//! What addresses are made of, four rows at a time.

use std::arch::x86_64::{
    _mm256_storeu_si256, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepi32_epi16,
    _mm512_loadu_si512, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_sllv_epi32, _mm512_sub_epi32,
    _mm512_test_epi8_mask, _mm512_xor_si512,
};

use super::{Avx512, load_4_rows};
use crate::simd::block::BLOCK_ROWS;
use crate::simd::ipv4::{Characters, Words};

impl Avx512 {
    /// For each row of a field, 0 if it is an IPv4 address.
    pub(in crate::simd) fn ipv4_violations(self, words: &Words<'_>) -> [u16; BLOCK_ROWS] {
        // SAFETY: the CPU has the features, since there is an `Avx512`.
        unsafe { ipv4_violations(words) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,bmi1,bmi2,popcnt")]
fn ipv4_violations(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    let text = words.text().as_ptr();
    let (starts, after) = (words.starts(), words.after());
    let mut characters = Characters::new();
    let (dots, digits) = (
        characters.dots.as_chunks_mut().0,
        characters.digits.as_chunks_mut().0,
    );
    let [ones, twos, fours, eights] = characters
        .values
        .each_mut()
        .map(|bits| bits.as_chunks_mut().0);
    for (group, places) in starts.as_chunks::<4>().0.iter().enumerate() {
        // SAFETY: from the start of each word on, 16 bytes can be read.
        let bytes = unsafe { load_4_rows(text, places) };
        let values = _mm512_xor_si512(bytes, _mm512_set1_epi8(b'0' as i8));
        let bit = |bit: u8| split(_mm512_test_epi8_mask(values, _mm512_set1_epi8(1 << bit)));
        dots[group] = split(_mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'.' as i8)));
        digits[group] = split(_mm512_cmplt_epu8_mask(values, _mm512_set1_epi8(10)));
        (ones[group], twos[group]) = (bit(0), bit(1));
        (fours[group], eights[group]) = (bit(2), bit(3));
    }
    let places = starts
        .as_chunks::<16>()
        .0
        .iter()
        .zip(after.as_chunks::<16>().0);
    for ((starts, after), ends) in places.zip(characters.ends.as_chunks_mut::<16>().0) {
        let one = _mm512_set1_epi32(1);
        // SAFETY: a group has the 16 places that are loaded, and the room for
        // 16 ends.
        unsafe {
            let starts = _mm512_loadu_si512(starts.as_ptr().cast());
            let after = _mm512_loadu_si512(after.as_ptr().cast());
            let lengths = _mm512_sub_epi32(_mm512_sub_epi32(after, starts), one);
            let bits = _mm512_cvtepi32_epi16(_mm512_sllv_epi32(one, lengths));
            _mm256_storeu_si256(ends.as_mut_ptr().cast(), bits);
        }
    }
    characters.violations(starts.len())
}

/// The bits of four rows.
#[inline(always)]
fn split(bits: u64) -> [u16; 4] {
    [
        bits as u16,
        (bits >> 16) as u16,
        (bits >> 32) as u16,
        (bits >> 48) as u16,
    ]
}
