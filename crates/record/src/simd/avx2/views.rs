//! Views of text, two rows at a time.

use std::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_storeu_si128, _mm256_add_epi32, _mm256_and_si256,
    _mm256_blendv_epi8, _mm256_castsi128_si256, _mm256_castsi256_ps, _mm256_castsi256_si128,
    _mm256_cmpeq_epi32, _mm256_cmpgt_epi8, _mm256_cmpgt_epi32, _mm256_extracti128_si256,
    _mm256_inserti128_si256, _mm256_loadu_si256, _mm256_movemask_epi8, _mm256_movemask_ps,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_set1_epi32, _mm256_setr_epi8, _mm256_setzero_si256,
    _mm256_shuffle_epi8, _mm256_sub_epi32, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64,
};

use super::Avx2;
use crate::column::INLINE_BYTES;
use crate::simd::block::{Block, NullWords, Place};

/// Rows whose lengths are looked at together.
const ROWS: usize = 8;

impl Avx2 {
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
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { views(block, value, place, out, nulls) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
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
    let mut any_long = _mm256_setzero_si256();
    for (group, ((places, after), out)) in starts.iter().zip(after).zip(outs).enumerate() {
        // SAFETY: a group has the eight places that are loaded.
        let rows = unsafe {
            Rows::new(
                _mm256_loadu_si256(places.as_ptr().cast()),
                _mm256_loadu_si256(after.as_ptr().cast()),
                place,
            )
        };
        any_long = _mm256_or_si256(any_long, rows.long);
        let heads = rows.heads();
        for (row, head) in heads.into_iter().enumerate() {
            // SAFETY: from the start of each value of a block on, `READ_AHEAD`
            // bytes can be read.
            let bytes = unsafe { load_2_rows(text, places[row], places[row + 4]) };
            let views = rows.views(row, head, bytes);
            // SAFETY: both rows have the room of a view.
            unsafe {
                let out = out.as_mut_ptr().cast::<__m128i>();
                _mm_storeu_si128(out.add(row), _mm256_castsi256_si128(views));
                _mm_storeu_si128(out.add(row + 4), _mm256_extracti128_si256::<1>(views));
            }
        }
        // Few texts have one byte, or all of a column.
        let mut single = rows.single;
        while single != 0 {
            let row = single.trailing_zeros() as usize;
            if out[row] == NULL_VIEW {
                out[row] = 0;
                nulls[group / (64 / ROWS)] |= 1 << (group * ROWS % 64 + row);
            }
            single &= single - 1;
        }
    }
    _mm256_movemask_epi8(any_long) != 0
}

/// The view of `-`.
const NULL_VIEW: u128 = (b'-' as u128) << 32 | 1;

/// What is known of eight rows before their text is read.
struct Rows {
    lengths: __m256i,
    /// Lanes of text that is not in the view as a whole.
    long: __m256i,
    /// A bit for text of one byte, which may be `-`.
    single: u32,
    /// Bytes of text in the view.
    kept: __m256i,
    /// Where long text is; 0 for other text.
    buffers: __m256i,
    offsets: __m256i,
}

impl Rows {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn new(starts: __m256i, after: __m256i, place: Place) -> Rows {
        let one = _mm256_set1_epi32(1);
        let lengths = _mm256_sub_epi32(_mm256_sub_epi32(after, starts), one);
        let long = _mm256_cmpgt_epi32(lengths, _mm256_set1_epi32(INLINE_BYTES as i32));
        let offsets = _mm256_add_epi32(starts, _mm256_set1_epi32(place.offset as i32));
        let single = _mm256_castsi256_ps(_mm256_cmpeq_epi32(lengths, one));
        Rows {
            lengths,
            long,
            single: _mm256_movemask_ps(single) as u32,
            kept: _mm256_blendv_epi8(lengths, _mm256_set1_epi32(4), long),
            buffers: _mm256_and_si256(long, _mm256_set1_epi32(place.buffer as i32)),
            offsets: _mm256_and_si256(long, offsets),
        }
    }

    /// The views without their text: of the rows 0 and 4, 1 and 5, and so on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn heads(&self) -> [__m256i; 4] {
        let zero = _mm256_setzero_si256();
        let low_01 = _mm256_unpacklo_epi32(self.lengths, zero);
        let low_23 = _mm256_unpackhi_epi32(self.lengths, zero);
        let high_01 = _mm256_unpacklo_epi32(self.buffers, self.offsets);
        let high_23 = _mm256_unpackhi_epi32(self.buffers, self.offsets);
        [
            _mm256_unpacklo_epi64(low_01, high_01),
            _mm256_unpackhi_epi64(low_01, high_01),
            _mm256_unpacklo_epi64(low_23, high_23),
            _mm256_unpackhi_epi64(low_23, high_23),
        ]
    }

    /// The views of a row and the fourth after it, by the first bytes of both.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn views(&self, row: usize, head: __m256i, bytes: __m256i) -> __m256i {
        // In every byte of a row's view, how many bytes of text it has.
        let kept = _mm256_shuffle_epi8(self.kept, _mm256_set1_epi8((row * 4) as i8));
        // Which byte of the text goes to each byte of the view; none to the
        // first four, which 127 is more than any text keeps.
        let text_byte = _mm256_setr_epi8(
            127, 127, 127, 127, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, //
            127, 127, 127, 127, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
        );
        let is_text = _mm256_cmpgt_epi8(kept, text_byte);
        let text = _mm256_shuffle_epi8(bytes, text_byte);
        _mm256_or_si256(head, _mm256_and_si256(text, is_text))
    }
}

/// The 16 bytes from each of two places on.
///
/// # Safety
/// They can be read.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn load_2_rows(text: *const u8, low: u32, high: u32) -> __m256i {
    // SAFETY: as the caller promises.
    unsafe {
        let low = _mm_loadu_si128(text.add(low as usize).cast());
        let high = _mm_loadu_si128(text.add(high as usize).cast());
        _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(low), high)
    }
}
