//! Numbers, four rows at a time.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_add_epi32, _mm_cmpgt_epi32, _mm_loadu_si128, _mm_max_epi32,
    _mm_movemask_epi8, _mm_set1_epi32, _mm_setzero_si128, _mm_storeu_si128, _mm_sub_epi32,
    _mm256_add_epi64, _mm256_andnot_si256, _mm256_blendv_epi8, _mm256_castsi256_pd,
    _mm256_castsi256_si128, _mm256_cmpeq_epi64, _mm256_cmpgt_epi64, _mm256_cvtepu32_epi64,
    _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_movemask_pd, _mm256_mul_epu32, _mm256_or_si256,
    _mm256_permutevar8x32_epi32, _mm256_set_epi64x, _mm256_set1_epi8, _mm256_set1_epi16,
    _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_setr_epi32, _mm256_setzero_si256,
    _mm256_slli_epi64, _mm256_sllv_epi64, _mm256_srli_epi64, _mm256_storeu_si256, _mm256_sub_epi64,
    _mm256_subs_epu8, _mm256_testz_si256, _mm256_xor_si256,
};

use super::Avx2;
use crate::number::MILLISECOND_DIGITS;
use crate::simd::block::{Block, NullWords};

impl Avx2 {
    /// Fills `out` with the numbers of a field. `false`: some value is none, or
    /// is one that only the grammar reads.
    pub(in crate::simd) fn numbers<Column: NumberColumn>(
        self,
        block: &Block<'_>,
        value: usize,
        out: &mut [Column::Native],
        nulls: &mut NullWords,
    ) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { numbers::<Column>(block, value, out, nulls) }
    }
}

/// Rows of a group: one in each 64-bit lane.
const ROWS: usize = 4;

/// A kind of number column: what is done with the numbers of four rows, which
/// have up to 16 digits each.
pub(in crate::simd) trait NumberColumn {
    type Native;

    /// The digits from which the grammar has to look whether it fits.
    const MAX_DIGITS: i32;

    /// Stores the column's values; returns lanes that are not 0 where a value
    /// does not fit.
    ///
    /// # Safety
    /// The CPU has AVX2, and `out` has room for four values.
    unsafe fn store(numbers: __m256i, lengths: __m128i, out: *mut Self::Native) -> __m256i;
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
    #[target_feature(enable = "avx2")]
    unsafe fn store(numbers: __m256i, _: __m128i, out: *mut i32) -> __m256i {
        let even_halves = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
        let halves = _mm256_permutevar8x32_epi32(numbers, even_halves);
        // SAFETY: the caller has room for four values.
        unsafe { _mm_storeu_si128(out.cast(), _mm256_castsi256_si128(halves)) };
        _mm256_cmpgt_epi64(numbers, _mm256_set1_epi64x(i32::MAX.into()))
    }
}

impl NumberColumn for Int64 {
    type Native = i64;
    const MAX_DIGITS: i32 = 16;

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(numbers: __m256i, _: __m128i, out: *mut i64) -> __m256i {
        // SAFETY: the caller has room for four values.
        unsafe { _mm256_storeu_si256(out.cast(), numbers) };
        _mm256_setzero_si256()
    }
}

impl NumberColumn for Timestamp {
    type Native = i64;
    // One more, as milliseconds, may overflow.
    const MAX_DIGITS: i32 = 15;

    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn store(numbers: __m256i, lengths: __m128i, out: *mut i64) -> __m256i {
        let lengths = _mm256_cvtepu32_epi64(lengths);
        let seconds_digits = _mm256_set1_epi64x(MILLISECOND_DIGITS as i64 - 1);
        let micros = _mm256_blendv_epi8(
            _mm256_set1_epi64x(1_000_000),
            _mm256_set1_epi64x(1_000),
            _mm256_cmpgt_epi64(lengths, seconds_digits),
        );
        let low = _mm256_mul_epu32(numbers, micros);
        let high = _mm256_mul_epu32(_mm256_srli_epi64::<32>(numbers), micros);
        let product = _mm256_add_epi64(low, _mm256_slli_epi64::<32>(high));
        // SAFETY: the caller has room for four values.
        unsafe { _mm256_storeu_si256(out.cast(), product) };
        _mm256_setzero_si256()
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
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
    let mut faults = _mm256_setzero_si256();
    let mut longest = _mm_setzero_si128();
    for (group, ((starts, after), out)) in starts.iter().zip(after).zip(outs).enumerate() {
        // SAFETY: a group has the four places that are loaded.
        let lengths = unsafe { lengths(starts, after) };
        longest = _mm_max_epi32(longest, lengths);
        let wide = _mm_movemask_epi8(_mm_cmpgt_epi32(lengths, _mm_set1_epi32(8))) != 0;
        // SAFETY: from the start of each value of a block on, `READ_AHEAD`
        // bytes can be read.
        let (numbers, is_null) = unsafe {
            if wide {
                up_to_16_digits(text, starts, lengths, &mut faults)
            } else {
                up_to_8_digits(text, starts, lengths, &mut faults)
            }
        };
        // SAFETY: this is AVX2, and a group of `out` has room for four values.
        let misfits = unsafe { Column::store(numbers, lengths, out.as_mut_ptr()) };
        faults = _mm256_or_si256(faults, misfits);
        let is_null = _mm256_movemask_pd(_mm256_castsi256_pd(is_null)) as u64;
        nulls[group / (64 / ROWS)] |= is_null << (group * ROWS % 64);
    }
    let too_long = _mm_cmpgt_epi32(longest, _mm_set1_epi32(Column::MAX_DIGITS));
    _mm256_testz_si256(faults, faults) == 1 && _mm_movemask_epi8(too_long) == 0
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn lengths(starts: &[u32; ROWS], after: &[u32; ROWS]) -> __m128i {
    // SAFETY: both have the 16 bytes that are loaded.
    let (starts, after) = unsafe {
        (
            _mm_loadu_si128(starts.as_ptr().cast()),
            _mm_loadu_si128(after.as_ptr().cast()),
        )
    };
    _mm_add_epi32(_mm_sub_epi32(after, starts), _mm_set1_epi32(-1))
}

/// The numbers and, as all-ones lanes, which of the values are `-`.
///
/// # Safety
/// Eight bytes can be read from each of `starts`.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn up_to_8_digits(
    text: *const u8,
    starts: &[u32; ROWS],
    lengths: __m128i,
    faults: &mut __m256i,
) -> (__m256i, __m256i) {
    // SAFETY: as the caller promises.
    let words = unsafe { load(text, starts.map(|start| start as usize)) };
    let bits = _mm256_slli_epi64::<3>(_mm256_cvtepu32_epi64(lengths));
    let shift = _mm256_sub_epi64(_mm256_set1_epi64x(64), bits);
    let is_null = is_null(words, shift);
    let digits = _mm256_andnot_si256(is_null, digits(words, shift));
    (number(digits, faults), is_null)
}

/// The same for values of any length up to 16.
///
/// # Safety
/// Eight bytes can be read from each of `starts`, and a value has no more
/// bytes than `lengths` says.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn up_to_16_digits(
    text: *const u8,
    starts: &[u32; ROWS],
    lengths: __m128i,
    faults: &mut __m256i,
) -> (__m256i, __m256i) {
    let zero = _mm_setzero_si128();
    let beyond_8 = _mm_max_epi32(_mm_sub_epi32(lengths, _mm_set1_epi32(8)), zero);
    let mut skipped = [0_u32; ROWS];
    // SAFETY: the array has the 16 bytes that are stored.
    unsafe { _mm_storeu_si128(skipped.as_mut_ptr().cast(), beyond_8) };
    let last_8 = std::array::from_fn(|row| starts[row] as usize + skipped[row] as usize);
    // SAFETY: the caller promises it for the starts; the last eight bytes of
    // a longer value end where the value does.
    let (low, high) = unsafe {
        (
            load(text, last_8),
            load(text, starts.map(|start| start as usize)),
        )
    };
    let bits = _mm256_slli_epi64::<3>(_mm256_cvtepu32_epi64(lengths));
    let bits_beyond = _mm256_slli_epi64::<3>(_mm256_cvtepu32_epi64(beyond_8));
    let all = _mm256_set1_epi64x(64);
    // Shorter values have no high digits, since 64 bits are shifted out; and
    // longer ones no shift of the low ones.
    let low_shift = _mm256_add_epi64(_mm256_sub_epi64(all, bits), bits_beyond);
    let high_shift = _mm256_sub_epi64(all, bits_beyond);
    let is_null = is_null(low, low_shift);
    let low = _mm256_andnot_si256(is_null, digits(low, low_shift));
    let low = number(low, faults);
    let high = number(digits(high, high_shift), faults);
    let high = _mm256_mul_epu32(high, _mm256_set1_epi64x(100_000_000));
    (_mm256_add_epi64(high, low), is_null)
}

/// The eight bytes from each place on.
///
/// # Safety
/// They can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(text: *const u8, places: [usize; ROWS]) -> __m256i {
    // SAFETY: as the caller promises.
    let [a, b, c, d] =
        places.map(|place| unsafe { text.add(place).cast::<i64>().read_unaligned() });
    _mm256_set_epi64x(d, c, b, a)
}

/// Lanes that, shifted so that only the value's own bytes are left, are `-`.
#[inline]
#[target_feature(enable = "avx2")]
fn is_null(words: __m256i, shift: __m256i) -> __m256i {
    let dash = _mm256_set1_epi64x(i64::from(b'-') << 56);
    _mm256_cmpeq_epi64(_mm256_sllv_epi64(words, shift), dash)
}

/// The values of the characters that a shift to the left leaves, which are the
/// last of each lane, as if after zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn digits(words: __m256i, shift: __m256i) -> __m256i {
    let digits = _mm256_xor_si256(words, _mm256_set1_epi8(b'0' as i8));
    _mm256_sllv_epi64(digits, shift)
}

/// The number of each lane's eight digits; a fault where one is more than 9.
#[inline]
#[target_feature(enable = "avx2")]
fn number(digits: __m256i, faults: &mut __m256i) -> __m256i {
    let above_nine = _mm256_subs_epu8(digits, _mm256_set1_epi8(9));
    *faults = _mm256_or_si256(*faults, above_nine);
    let pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi16(i16::from_le_bytes([10, 1])));
    let fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(100 | 1 << 16));
    let high = _mm256_mul_epu32(fours, _mm256_set1_epi64x(10_000));
    let low = _mm256_srli_epi64::<32>(fours);
    _mm256_add_epi64(high, low)
}
