//! Views of text, four rows at a time.

use std::arch::x86_64::{
    __m256i, __m512i, __mmask8, __mmask16, _mm512_add_epi8, _mm512_add_epi32, _mm512_add_epi64,
    _mm512_castsi512_si256, _mm512_cmpeq_epi32_mask, _mm512_cmpeq_epi64_mask,
    _mm512_cmpgt_epi32_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepu32_epi64,
    _mm512_extracti64x4_epi64, _mm512_loadu_si512, _mm512_mask_mov_epi32, _mm512_mask_shuffle_epi8,
    _mm512_maskz_mov_epi64, _mm512_maskz_or_epi64, _mm512_permutex2var_epi64,
    _mm512_permutexvar_epi8, _mm512_set1_epi8, _mm512_set1_epi32, _mm512_set1_epi64,
    _mm512_setr_epi64, _mm512_slli_epi64, _mm512_storeu_si512, _mm512_sub_epi32, _pext_u32,
};

use super::{Avx512, load_4_rows};
use crate::column::INLINE_BYTES;
use crate::simd::block::{Block, NullWords, Place};

/// Rows whose lengths are looked at together.
const ROWS: usize = 16;

impl Avx512 {
    /// Makes views of a field's text. Returns whether any of them points into
    /// the text.
    pub(in crate::simd) fn views(
        self,
        block: &Block<'_>,
        value: usize,
        place: Place,
        out: &mut [u128],
        nulls: &mut NullWords,
    ) -> bool {
        // SAFETY: the CPU has the features, since there is an `Avx512`.
        unsafe { views(block, value, place, out, nulls) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi,bmi1,bmi2,popcnt")]
fn views(
    block: &Block<'_>,
    value: usize,
    place: Place,
    out: &mut [u128],
    nulls: &mut NullWords,
) -> bool {
    let text = block.text().as_ptr();
    let starts = block.starts(value).as_chunks::<ROWS>().0;
    let after = block.after(value).as_chunks::<ROWS>().0;
    let outs = out.as_chunks_mut::<ROWS>().0;
    let mut any_long: __mmask16 = 0;
    for (group, ((starts, after), out)) in starts.iter().zip(after).zip(outs).enumerate() {
        // SAFETY: a group has the 16 places that are loaded.
        let rows = unsafe {
            Rows::new(
                _mm512_loadu_si512(starts.as_ptr().cast()),
                _mm512_loadu_si512(after.as_ptr().cast()),
                place,
            )
        };
        any_long |= rows.long;
        let mut is_null = 0;
        let places = starts.as_chunks::<4>().0.iter();
        for (index, (places, out)) in places.zip(out.as_chunks_mut::<4>().0).enumerate() {
            // SAFETY: from the start of each value of a block on, `READ_AHEAD`
            // bytes can be read.
            let bytes = unsafe { load_4_rows(text, places) };
            let mut views = rows.views(index, bytes);
            // Few texts have one byte, or all of a column.
            if rows.single >> (index * 4) & 0xF != 0 {
                let null = null_rows(views);
                views = _mm512_maskz_mov_epi64(!(null | null << 1), views);
                is_null |= u64::from(_pext_u32(null.into(), 0b0101_0101)) << (index * 4);
            }
            // SAFETY: there is room for four views.
            unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), views) };
        }
        nulls[group / (64 / ROWS)] |= is_null << (group * ROWS % 64);
    }
    any_long != 0
}

/// What is known of 16 rows before their text is read.
struct Rows {
    /// Text that is not in the view as a whole.
    long: __mmask16,
    /// Text of one byte, which may be `-`.
    single: __mmask16,
    /// Bytes of text in the view.
    kept: __m512i,
    /// The low half of each view without its text: the length.
    low: [__m512i; 2],
    /// The high half: where long text is.
    high: [__m512i; 2],
}

impl Rows {
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn new(starts: __m512i, after: __m512i, place: Place) -> Rows {
        let one = _mm512_set1_epi32(1);
        let lengths = _mm512_sub_epi32(_mm512_sub_epi32(after, starts), one);
        let long = _mm512_cmpgt_epi32_mask(lengths, _mm512_set1_epi32(INLINE_BYTES as i32));
        let offsets = _mm512_add_epi32(starts, _mm512_set1_epi32(place.offset as i32));
        let buffer = _mm512_set1_epi64(place.buffer.into());
        let places = |offsets: __m256i, long: __mmask8| {
            let offsets = _mm512_slli_epi64::<32>(_mm512_cvtepu32_epi64(offsets));
            _mm512_maskz_or_epi64(long, offsets, buffer)
        };
        let halves = |rows| {
            (
                _mm512_castsi512_si256(rows),
                _mm512_extracti64x4_epi64::<1>(rows),
            )
        };
        let (first_lengths, last_lengths) = halves(lengths);
        let (first_offsets, last_offsets) = halves(offsets);
        Rows {
            long,
            single: _mm512_cmpeq_epi32_mask(lengths, one),
            kept: _mm512_mask_mov_epi32(lengths, long, _mm512_set1_epi32(4)),
            low: [
                _mm512_cvtepu32_epi64(first_lengths),
                _mm512_cvtepu32_epi64(last_lengths),
            ],
            high: [
                places(first_offsets, long as u8),
                places(last_offsets, (long >> 8) as u8),
            ],
        }
    }

    /// The views of four rows, the `index`-th of four times four, by the first
    /// bytes of each.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    fn views(&self, index: usize, bytes: __m512i) -> __m512i {
        let alternate = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
        let second_four = _mm512_set1_epi64((index % 2 * 4) as i64);
        let heads = _mm512_permutex2var_epi64(
            self.low[index / 2],
            _mm512_add_epi64(alternate, second_four),
            self.high[index / 2],
        );
        // In every byte of a row's view, how many bytes of text it has.
        let first_rows = repeat_in_lanes([0, 0x0404_0404, 0x0808_0808, 0x0C0C_0C0C]);
        let row = _mm512_add_epi8(first_rows, _mm512_set1_epi8((index * 16) as i8));
        let kept = _mm512_permutexvar_epi8(row, self.kept);
        let text_byte = in_each_lane(0x0B0A_0908_0706_0504_0302_0100_FFFF_FFFF);
        let is_text = _mm512_cmplt_epu8_mask(text_byte, kept);
        _mm512_mask_shuffle_epi8(heads, is_text, bytes, text_byte)
    }
}

/// Which views of four are that of `-`: a bit in every other place.
#[inline]
#[target_feature(enable = "avx512f")]
fn null_rows(views: __m512i) -> __mmask8 {
    let dash = _mm512_set1_epi64(i64::from(b'-') << 32 | 1);
    _mm512_cmpeq_epi64_mask(views, dash) & 0b0101_0101
}

/// The same 16 bytes in each lane.
#[inline]
#[target_feature(enable = "avx512f")]
fn in_each_lane(bytes: u128) -> __m512i {
    let (low, high) = (bytes as i64, (bytes >> 64) as i64);
    _mm512_setr_epi64(low, high, low, high, low, high, low, high)
}

/// Another word in each lane, four times.
#[inline]
#[target_feature(enable = "avx512f")]
fn repeat_in_lanes(words: [u32; 4]) -> __m512i {
    let [a, b, c, d] = words.map(|word| (u64::from(word) << 32 | u64::from(word)) as i64);
    _mm512_setr_epi64(a, a, b, b, c, c, d, d)
}
