//! Kernels with AVX-512: separators of 64 bytes at a time, numbers of eight
//! rows, text of four.

#![expect(
    unsafe_code,
    reason = "instructions that `Avx512` proves to be there, and stores to checked slices"
)]

mod addresses;
mod numbers;
mod runs;
mod transpose;
mod views;

use std::arch::x86_64::{
    __m512i, _mm_loadu_si128, _mm512_add_epi32, _mm512_castsi128_si512, _mm512_castsi512_si128,
    _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask, _mm512_cmplt_epu8_mask, _mm512_cvtepu8_epi32,
    _mm512_extracti32x4_epi32, _mm512_inserti32x4, _mm512_loadu_si512, _mm512_mask_mov_epi8,
    _mm512_maskz_compress_epi8, _mm512_min_epu8, _mm512_movepi8_mask, _mm512_or_si512,
    _mm512_set1_epi8, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::avx2::Avx2;
use super::separators::{CHUNK_BYTES, Masks, Scan, scan_with};
use super::sse2::prefetch;

pub(super) use numbers::{Int32, Int64, Timestamp};

/// Proof that the CPU has AVX-512 with the byte instructions of VBMI, beside
/// AVX2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Avx512(());

impl Avx512 {
    pub(super) fn detect() -> Option<Avx512> {
        let detected = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vbmi")
            && is_x86_feature_detected!("avx512vbmi2");
        Avx2::detect().filter(|_| detected).map(|_| Avx512(()))
    }

    pub(super) fn scan(self, text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
        // SAFETY: the CPU has the features, since there is an `Avx512`.
        unsafe { scan(text, places, wanted) }
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi2,bmi1,bmi2,popcnt")]
fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    let space = _mm512_set1_epi8(b' ' as i8);
    let (mut least, mut all) = (space, _mm512_setzero_si512());
    let classify = |chunk: &[u8; CHUNK_BYTES]| {
        prefetch(chunk);
        // SAFETY: a chunk has the 64 bytes that are loaded.
        let bytes = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
        let separators = _mm512_cmple_epu8_mask(bytes, space);
        let line_feeds = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(b'\n' as i8));
        least = _mm512_min_epu8(least, _mm512_mask_mov_epi8(bytes, line_feeds, space));
        all = _mm512_or_si512(all, bytes);
        Masks {
            separators,
            line_feeds: line_feeds.count_ones(),
            controls: 0,
            non_ascii: 0,
        }
    };
    // SAFETY: the array has the 64 bytes that are loaded.
    let indexes = unsafe { _mm512_loadu_si512(INDEXES.as_ptr().cast()) };
    let write = |bits: u64, base: u32, places: &mut [u32]| {
        let found = _mm512_maskz_compress_epi8(bits, indexes);
        let base = _mm512_set1_epi32(base as i32);
        let count = bits.count_ones();
        let rounds = places.as_chunks_mut::<16>().0;
        let mut rounds = rounds.iter_mut();
        let mut round = |bytes| {
            let Some(round) = rounds.next() else { return };
            let places = _mm512_add_epi32(base, _mm512_cvtepu8_epi32(bytes));
            // SAFETY: a round has the 16 places that are stored.
            unsafe { _mm512_storeu_si512(round.as_mut_ptr().cast(), places) };
        };
        round(_mm512_castsi512_si128(found));
        if count > 16 {
            round(_mm512_extracti32x4_epi32::<1>(found));
            round(_mm512_extracti32x4_epi32::<2>(found));
            round(_mm512_extracti32x4_epi32::<3>(found));
        }
    };
    let mut scan = scan_with(text, places, wanted, classify, write);
    scan.odd |= _mm512_cmplt_epu8_mask(least, space) != 0;
    scan.ascii &= _mm512_movepi8_mask(all) == 0;
    scan
}

/// 0 to 63.
static INDEXES: [u8; CHUNK_BYTES] = {
    let mut indexes = [0; CHUNK_BYTES];
    let mut index = 0;
    while index < CHUNK_BYTES {
        indexes[index] = index as u8;
        index += 1;
    }
    indexes
};

/// The 16 bytes from each of four places on.
///
/// # Safety
/// They can be read.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_4_rows(text: *const u8, places: &[u32; 4]) -> __m512i {
    // Not with `map`, which is not inlined into functions with target features.
    // SAFETY: as the caller promises.
    let (a, b, c, d) = unsafe {
        (
            _mm_loadu_si128(text.add(places[0] as usize).cast()),
            _mm_loadu_si128(text.add(places[1] as usize).cast()),
            _mm_loadu_si128(text.add(places[2] as usize).cast()),
            _mm_loadu_si128(text.add(places[3] as usize).cast()),
        )
    };
    let rows = _mm512_castsi128_si512(a);
    let rows = _mm512_inserti32x4::<1>(rows, b);
    let rows = _mm512_inserti32x4::<2>(rows, c);
    _mm512_inserti32x4::<3>(rows, d)
}
