//! Kernels with AVX2: separators of 32 bytes at a time, numbers of four rows,
//! text of two.

#![expect(
    unsafe_code,
    reason = "instructions that `Avx2` proves to be there, and loads from the places of a block"
)]

mod addresses;
mod numbers;
mod runs;
mod transpose;
mod views;

use std::arch::x86_64::{
    __m256i, _mm256_and_si256, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_min_epu8,
    _mm256_movemask_epi8, _mm256_or_si256, _mm256_set1_epi8, _mm256_setzero_si256,
};

use super::separators::{CHUNK_BYTES, Masks, Scan, scan_with, write_bits};
use super::sse2::prefetch;

pub(super) use numbers::{Int32, Int64, Timestamp};

/// Proof that the CPU has AVX2 and the bit instructions that came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Avx2(());

impl Avx2 {
    pub(super) fn detect() -> Option<Avx2> {
        let detected = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("popcnt");
        detected.then_some(Avx2(()))
    }

    pub(super) fn scan(self, text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
        // SAFETY: the CPU has the features, since there is an `Avx2`.
        unsafe { scan(text, places, wanted) }
    }
}

/// The highest bit of each of 64 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn bits(low: __m256i, high: __m256i) -> u64 {
    let (low, high) = (_mm256_movemask_epi8(low), _mm256_movemask_epi8(high));
    u64::from(low as u32) | u64::from(high as u32) << 32
}

#[target_feature(enable = "avx2,bmi1,bmi2,popcnt")]
fn scan(text: &[u8], places: &mut [u32], wanted: usize) -> Scan {
    let space = _mm256_set1_epi8(b' ' as i8);
    let (mut least, mut all) = (space, _mm256_setzero_si256());
    let classify = |chunk: &[u8; CHUNK_BYTES]| {
        prefetch(chunk);
        let lanes = chunk.as_ptr().cast::<__m256i>();
        // SAFETY: a chunk has the 64 bytes that are loaded.
        let (low, high) = unsafe { (_mm256_loadu_si256(lanes), _mm256_loadu_si256(lanes.add(1))) };
        let separators = |bytes| _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, space), bytes);
        let line_feeds = |bytes| _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8(b'\n' as i8));
        let (low_feeds, high_feeds) = (line_feeds(low), line_feeds(high));
        // A line feed is no control character here: it passes for a `*`.
        let feed = _mm256_set1_epi8(b' ' as i8);
        let low_visible = _mm256_or_si256(low, _mm256_and_si256(low_feeds, feed));
        let high_visible = _mm256_or_si256(high, _mm256_and_si256(high_feeds, feed));
        least = _mm256_min_epu8(least, _mm256_min_epu8(low_visible, high_visible));
        all = _mm256_or_si256(all, _mm256_or_si256(low, high));
        Masks {
            separators: bits(separators(low), separators(high)),
            line_feeds: bits(low_feeds, high_feeds).count_ones(),
            controls: 0,
            non_ascii: 0,
        }
    };
    let mut scan = scan_with(text, places, wanted, classify, write_bits);
    scan.odd |= _mm256_movemask_epi8(_mm256_cmpeq_epi8(least, space)) != -1;
    scan.ascii &= _mm256_movemask_epi8(all) == 0;
    scan
}
