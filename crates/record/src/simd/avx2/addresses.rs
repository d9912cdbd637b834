//! What addresses are made of, two rows at a time.

use std::arch::x86_64::{
    __m256i, _mm256_cmpeq_epi8, _mm256_min_epu8, _mm256_movemask_epi8, _mm256_set1_epi8,
    _mm256_slli_epi16, _mm256_xor_si256,
};

use super::Avx2;
use super::views::load_2_rows;
use crate::simd::block::BLOCK_ROWS;
use crate::simd::ipv4::{Characters, Words};

impl Avx2 {
    /// For each row of a field, 0 if it is an IPv4 address.
    pub(in crate::simd) fn ipv4_violations(self, words: &Words<'_>) -> [u16; BLOCK_ROWS] {
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { ipv4_violations(words) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn ipv4_violations(words: &Words<'_>) -> [u16; BLOCK_ROWS] {
    let text = words.text().as_ptr();
    let (starts, after) = (words.starts(), words.after());
    let mut characters = Characters::new();
    let dots = characters.dots.as_chunks_mut::<2>().0;
    let digits = characters.digits.as_chunks_mut::<2>().0;
    let [ones, twos, fours, eights] = &mut characters.values;
    let (ones, twos) = (ones.as_chunks_mut::<2>().0, twos.as_chunks_mut::<2>().0);
    let (fours, eights) = (fours.as_chunks_mut::<2>().0, eights.as_chunks_mut::<2>().0);
    for (group, places) in starts.as_chunks::<2>().0.iter().enumerate() {
        // SAFETY: from the start of each word on, 16 bytes can be read.
        let bytes = unsafe { load_2_rows(text, places[0], places[1]) };
        let values = _mm256_xor_si256(bytes, _mm256_set1_epi8(b'0' as i8));
        let up_to_nine = _mm256_min_epu8(values, _mm256_set1_epi8(9));
        dots[group] = highest_bits(_mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'.' as i8)));
        digits[group] = highest_bits(_mm256_cmpeq_epi8(up_to_nine, values));
        // A bit of each byte comes to be its highest.
        ones[group] = highest_bits(_mm256_slli_epi16::<7>(values));
        twos[group] = highest_bits(_mm256_slli_epi16::<6>(values));
        fours[group] = highest_bits(_mm256_slli_epi16::<5>(values));
        eights[group] = highest_bits(_mm256_slli_epi16::<4>(values));
    }
    for ((start, after), end) in starts.iter().zip(after).zip(&mut characters.ends) {
        *end = 1_u32.checked_shl(after - start - 1).unwrap_or(0) as u16;
    }
    characters.violations(starts.len())
}

/// A bit a byte, of two rows.
#[inline]
#[target_feature(enable = "avx2")]
fn highest_bits(bytes: __m256i) -> [u16; 2] {
    let bits = _mm256_movemask_epi8(bytes) as u32;
    [bits as u16, (bits >> 16) as u16]
}
