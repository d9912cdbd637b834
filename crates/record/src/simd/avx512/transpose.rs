//! From lines of places to columns of places, 16 lines at a time.

use std::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_setzero_si512, _mm512_shuffle_i32x4, _mm512_storeu_si512,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::Avx512;

/// Lines and values of a tile.
const TILE: usize = 16;

impl Avx512 {
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
        // SAFETY: the CPU has the features, since there is an `Avx512`, and the
        // slices were just checked.
        unsafe { transpose(lines, values, rows, columns, column_rows) }
    }
}

/// # Safety
/// The slices are as long as [`Avx512::transpose`] checks.
#[target_feature(enable = "avx512f")]
unsafe fn transpose(
    lines: &[u32],
    values: usize,
    rows: usize,
    columns: &mut [u32],
    column_rows: usize,
) {
    for row in (0..rows).step_by(TILE) {
        for value in (0..values).step_by(TILE) {
            let mut tile = [_mm512_setzero_si512(); TILE];
            for (index, line) in tile.iter_mut().enumerate() {
                let at = (row + index) * values + value;
                // SAFETY: the lines go on for a tile after the last one.
                *line = unsafe { _mm512_loadu_si512(lines.as_ptr().add(at).cast()) };
            }
            let tile = transpose_tile(tile);
            for (index, column) in tile.iter().take(values - value).enumerate() {
                let at = (value + index) * column_rows + row;
                // SAFETY: columns have room for whole tiles of rows.
                unsafe { _mm512_storeu_si512(columns.as_mut_ptr().add(at).cast(), *column) };
            }
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn transpose_tile(rows: [__m512i; TILE]) -> [__m512i; TILE] {
    let mut pairs = rows;
    for at in (0..TILE).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    // Four rows each: lane `l` of the n-th has column `4 * l + n`.
    let mut fours = pairs;
    for at in (0..TILE).step_by(4) {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    let mut columns = fours;
    for at in 0..4 {
        let [a, b, c, d] = [fours[at], fours[at + 4], fours[at + 8], fours[at + 12]];
        let (even_ab, odd_ab) = even_and_odd_lanes(a, b);
        let (even_cd, odd_cd) = even_and_odd_lanes(c, d);
        (columns[at], columns[at + 8]) = even_and_odd_lanes(even_ab, even_cd);
        (columns[at + 4], columns[at + 12]) = even_and_odd_lanes(odd_ab, odd_cd);
    }
    columns
}

#[inline]
#[target_feature(enable = "avx512f")]
fn even_and_odd_lanes(low: __m512i, high: __m512i) -> (__m512i, __m512i) {
    (
        _mm512_shuffle_i32x4::<0b10_00_10_00>(low, high),
        _mm512_shuffle_i32x4::<0b11_01_11_01>(low, high),
    )
}
