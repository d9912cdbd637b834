//! Numbers, eight rows at a time.

use std::arch::x86_64::{
    __m256i, __m512i, __mmask8, _mm256_add_epi32, _mm256_cmpeq_epi32_mask, _mm256_cmpgt_epi32_mask,
    _mm256_loadu_si256, _mm256_max_epi32, _mm256_set1_epi32, _mm256_setzero_si256,
    _mm256_storeu_si256, _mm256_sub_epi32, _mm512_add_epi64, _mm512_cmpgt_epi64_mask,
    _mm512_cvtepi64_epi32, _mm512_cvtepu32_epi64, _mm512_i32gather_epi64, _mm512_madd_epi16,
    _mm512_maddubs_epi16, _mm512_mask_blend_epi64, _mm512_mask_cmpeq_epi64_mask,
    _mm512_maskz_mov_epi64, _mm512_mul_epu32, _mm512_mullo_epi64, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_set1_epi32, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_slli_epi64, _mm512_sllv_epi64, _mm512_srli_epi64,
    _mm512_storeu_si512, _mm512_sub_epi64, _mm512_subs_epu8, _mm512_test_epi64_mask,
    _mm512_xor_si512,
};

use super::Avx512;
use crate::number::MILLISECOND_DIGITS;
use crate::simd::block::{Block, NullWords};

/// Rows of a group: one in each 64-bit lane.
const ROWS: usize = 8;

/// A kind of number column: what is done with the numbers of eight rows, which
/// have up to 16 digits each.
pub(in crate::simd) trait NumberColumn {
    type Native;

    /// The digits from which the grammar has to look whether it fits.
    const MAX_DIGITS: i32;

    /// Stores the column's values; returns lanes where a value does not fit.
    ///
    /// # Safety
    /// The CPU has AVX-512, and `out` has room for eight values.
    unsafe fn store(numbers: __m512i, lengths: __m256i, out: *mut Self::Native) -> __mmask8;
}

#[derive(Debug)]
pub(in crate::simd) struct Int32;
#[derive(Debug)]
pub(in crate::simd) struct Int64;
#[derive(Debug)]
pub(in crate::simd) struct Timestamp;

impl NumberColumn for Int32 {
    type Native = i32;
    const MAX_DIGITS: i32 = 16;

    #[inline]
    #[target_feature(enable = "avx512f,avx512vl")]
    unsafe fn store(numbers: __m512i, _: __m256i, out: *mut i32) -> __mmask8 {
        // SAFETY: the caller has room for eight values.
        unsafe { _mm256_storeu_si256(out.cast(), _mm512_cvtepi64_epi32(numbers)) };
        _mm512_cmpgt_epi64_mask(numbers, _mm512_set1_epi64(i32::MAX.into()))
    }
}

impl NumberColumn for Int64 {
    type Native = i64;
    const MAX_DIGITS: i32 = 16;

    #[inline]
    #[target_feature(enable = "avx512f")]
    unsafe fn store(numbers: __m512i, _: __m256i, out: *mut i64) -> __mmask8 {
        // SAFETY: the caller has room for eight values.
        unsafe { _mm512_storeu_si512(out.cast(), numbers) };
        0
    }
}

impl NumberColumn for Timestamp {
    type Native = i64;
    // One more, as milliseconds, may overflow.
    const MAX_DIGITS: i32 = 15;

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    unsafe fn store(numbers: __m512i, lengths: __m256i, out: *mut i64) -> __mmask8 {
        let last_of_seconds = _mm256_set1_epi32(MILLISECOND_DIGITS as i32 - 1);
        let micros = _mm512_mask_blend_epi64(
            _mm256_cmpgt_epi32_mask(lengths, last_of_seconds),
            _mm512_set1_epi64(1_000_000),
            _mm512_set1_epi64(1_000),
        );
        // SAFETY: the caller has room for eight values.
        unsafe { _mm512_storeu_si512(out.cast(), _mm512_mullo_epi64(numbers, micros)) };
        0
    }
}

impl Avx512 {
    /// Fills `out` with the numbers of a field. `false`: some value is none, or
    /// is one that only the grammar reads.
    pub(in crate::simd) fn numbers<Column: NumberColumn>(
        self,
        block: &Block<'_>,
        value: usize,
        out: &mut [Column::Native],
        nulls: &mut NullWords,
    ) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx512`.
        unsafe { numbers::<Column>(block, value, out, nulls) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,bmi1,bmi2,popcnt")]
fn numbers<Column: NumberColumn>(
    block: &Block<'_>,
    value: usize,
    out: &mut [Column::Native],
    nulls: &mut NullWords,
) -> bool {
    let text = block.text().as_ptr();
    let starts = block.starts(value).as_chunks::<ROWS>().0;
    let after = block.after(value).as_chunks::<ROWS>().0;
    let outs = out.as_chunks_mut::<ROWS>().0;
    let mut faults = _mm512_setzero_si512();
    let mut misfits = 0;
    let mut longest = _mm256_setzero_si256();
    for (group, ((starts, after), out)) in starts.iter().zip(after).zip(outs).enumerate() {
        // SAFETY: a group has the eight places that are loaded.
        let (starts, after) = unsafe { (load_places(starts), load_places(after)) };
        let lengths = _mm256_add_epi32(_mm256_sub_epi32(after, starts), _mm256_set1_epi32(-1));
        longest = _mm256_max_epi32(longest, lengths);
        let wide = _mm256_cmpgt_epi32_mask(lengths, _mm256_set1_epi32(8)) != 0;
        // SAFETY: from the start of each value of a block on, `READ_AHEAD`
        // bytes can be read.
        let (numbers, is_null) = unsafe {
            if wide {
                up_to_16_digits(text, starts, lengths, &mut faults)
            } else {
                up_to_8_digits(text, starts, lengths, &mut faults)
            }
        };
        // SAFETY: this is AVX-512, and a group of `out` has room for eight.
        misfits |= unsafe { Column::store(numbers, lengths, out.as_mut_ptr()) };
        nulls[group / (64 / ROWS)] |= u64::from(is_null) << (group * ROWS % 64);
    }
    let too_long = _mm256_cmpgt_epi32_mask(longest, _mm256_set1_epi32(Column::MAX_DIGITS));
    _mm512_test_epi64_mask(faults, faults) == 0 && misfits == 0 && too_long == 0
}

/// # Safety
/// This is AVX.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_places(places: &[u32; ROWS]) -> __m256i {
    // SAFETY: there are the 32 bytes that are loaded.
    unsafe { _mm256_loadu_si256(places.as_ptr().cast()) }
}

/// The numbers, and which of the values are `-`.
///
/// # Safety
/// Eight bytes can be read from each of `starts`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn up_to_8_digits(
    text: *const u8,
    starts: __m256i,
    lengths: __m256i,
    faults: &mut __m512i,
) -> (__m512i, __mmask8) {
    // SAFETY: as the caller promises.
    let words = unsafe { _mm512_i32gather_epi64::<1>(starts, text.cast()) };
    let bits = _mm512_slli_epi64::<3>(_mm512_cvtepu32_epi64(lengths));
    let digits = digits(words, _mm512_sub_epi64(_mm512_set1_epi64(64), bits));
    let is_null = is_null(digits, lengths);
    let digits = _mm512_maskz_mov_epi64(!is_null, digits);
    (number(digits, faults), is_null)
}

/// The same for values of any length up to 16.
///
/// # Safety
/// Eight bytes can be read from each of `starts`, and a value has no more
/// bytes than `lengths` says.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn up_to_16_digits(
    text: *const u8,
    starts: __m256i,
    lengths: __m256i,
    faults: &mut __m512i,
) -> (__m512i, __mmask8) {
    let beyond_8 = _mm256_sub_epi32(lengths, _mm256_set1_epi32(8));
    let beyond_8 = _mm256_max_epi32(beyond_8, _mm256_setzero_si256());
    let last_8 = _mm256_add_epi32(starts, beyond_8);
    // SAFETY: the caller promises it for the starts; the last eight bytes of
    // a longer value end where the value does.
    let (low, high) = unsafe {
        (
            _mm512_i32gather_epi64::<1>(last_8, text.cast()),
            _mm512_i32gather_epi64::<1>(starts, text.cast()),
        )
    };
    let bits = _mm512_slli_epi64::<3>(_mm512_cvtepu32_epi64(lengths));
    let bits_beyond = _mm512_slli_epi64::<3>(_mm512_cvtepu32_epi64(beyond_8));
    let all = _mm512_set1_epi64(64);
    // Shorter values have no high digits, since 64 bits are shifted out; and
    // longer ones no shift of the low ones.
    let low_shift = _mm512_add_epi64(_mm512_sub_epi64(all, bits), bits_beyond);
    let low = digits(low, low_shift);
    let is_null = is_null(low, lengths);
    let low = number(_mm512_maskz_mov_epi64(!is_null, low), faults);
    let high = digits(high, _mm512_sub_epi64(all, bits_beyond));
    let high = number(high, faults);
    let high = _mm512_mul_epu32(high, _mm512_set1_epi64(100_000_000));
    (_mm512_add_epi64(high, low), is_null)
}

/// The values of the characters that a shift to the left leaves, which are the
/// last of each lane, as if after zeros.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn digits(words: __m512i, shift: __m512i) -> __m512i {
    let digits = _mm512_xor_si512(words, _mm512_set1_epi8(b'0' as i8));
    _mm512_sllv_epi64(digits, shift)
}

/// Which lanes of "digits" are a single `-`. The length counts, since the digit
/// 0 is the same as nothing.
#[inline]
#[target_feature(enable = "avx512f,avx512vl")]
fn is_null(digits: __m512i, lengths: __m256i) -> __mmask8 {
    let dash = _mm512_set1_epi64(i64::from(b'-' ^ b'0') << 56);
    let single = _mm256_cmpeq_epi32_mask(lengths, _mm256_set1_epi32(1));
    _mm512_mask_cmpeq_epi64_mask(single, digits, dash)
}

/// The number of each lane's eight digits; a fault where one is more than 9.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn number(digits: __m512i, faults: &mut __m512i) -> __m512i {
    let above_nine = _mm512_subs_epu8(digits, _mm512_set1_epi8(9));
    *faults = _mm512_or_si512(*faults, above_nine);
    let pairs = _mm512_maddubs_epi16(digits, _mm512_set1_epi16(i16::from_le_bytes([10, 1])));
    let fours = _mm512_madd_epi16(pairs, _mm512_set1_epi32(100 | 1 << 16));
    let high = _mm512_mul_epu32(fours, _mm512_set1_epi64(10_000));
    let low = _mm512_srli_epi64::<32>(fours);
    _mm512_add_epi64(high, low)
}
