//! From lines of places to columns of places, eight lines at a time.

use std::arch::x86_64::{
    __m256i, _mm256_loadu_si256, _mm256_permute2x128_si256, _mm256_setzero_si256,
    _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64, _mm256_unpacklo_epi32,
    _mm256_unpacklo_epi64,
};

use super::Avx2;

/// Lines and values of a tile.
const TILE: usize = 8;

impl Avx2 {
    /// Writes the places of `rows` lines of `values` places each as columns,
    /// each `column_rows` apart; whole tiles, so that there may be anything in
    /// the columns after the last row. `lines` goes on for a tile after the last
    /// line, and `columns` has room for whole tiles of rows.
    pub(in crate::simd) fn transpose(
        self,
        lines: &[u32],
        values: usize,
        rows: usize,
        columns: &mut [u32],
        column_rows: usize,
    ) {
        let tile_rows = rows.next_multiple_of(TILE);
        assert!(lines.len() >= tile_rows * values + TILE);
        assert!(tile_rows <= column_rows && columns.len() >= values * column_rows);
        // SAFETY: the CPU has the features, since there is an `Avx2`, and the
        // slices were just checked.
        unsafe { transpose(lines, values, rows, columns, column_rows) }
    }
}

/// # Safety
/// The slices are as long as [`Avx2::transpose`] checks.
#[target_feature(enable = "avx2")]
unsafe fn transpose(
    lines: &[u32],
    values: usize,
    rows: usize,
    columns: &mut [u32],
    column_rows: usize,
) {
    for row in (0..rows).step_by(TILE) {
        for value in (0..values).step_by(TILE) {
            let mut tile = [_mm256_setzero_si256(); TILE];
            for (index, line) in tile.iter_mut().enumerate() {
                let at = (row + index) * values + value;
                // SAFETY: the lines go on for a tile after the last one.
                *line = unsafe { _mm256_loadu_si256(lines.as_ptr().add(at).cast()) };
            }
            let tile = transpose_tile(tile);
            for (index, column) in tile.iter().take(values - value).enumerate() {
                let at = (value + index) * column_rows + row;
                // SAFETY: columns have room for whole tiles of rows.
                unsafe { _mm256_storeu_si256(columns.as_mut_ptr().add(at).cast(), *column) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn transpose_tile(rows: [__m256i; TILE]) -> [__m256i; TILE] {
    let mut pairs = rows;
    for at in (0..TILE).step_by(2) {
        pairs[at] = _mm256_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm256_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    // Four rows each: lane `l` of the n-th has column `4 * l + n`.
    let mut fours = pairs;
    for at in (0..TILE).step_by(4) {
        fours[at] = _mm256_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm256_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm256_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm256_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    let mut columns = fours;
    for at in 0..4 {
        columns[at] = _mm256_permute2x128_si256::<0x20>(fours[at], fours[at + 4]);
        columns[at + 4] = _mm256_permute2x128_si256::<0x31>(fours[at], fours[at + 4]);
    }
    columns
}
