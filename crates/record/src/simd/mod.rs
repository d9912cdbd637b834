//! The fast path: a block of records at a time, column by column.
//!
//! 1. `separators` finds every space and line feed of a block.
//! 2. [`Block::read`] checks that each line has as many values as the format,
//!    with single spaces between them, and lays their places out by column.
//! 3. Each column is then read over many rows at once, without a branch that
//!    depends on the data.
//!
//! Whatever is out of the ordinary, be it wrong or only rare, makes the whole
//! block fall back to the grammar: the fast path decides only that everything
//! is well.
//!
//! This folder is where the crate's `unsafe` is: instructions that
//! not every CPU has (`avx2`, `avx512`, `ipv4`), loads that were checked a block
//! at a time (these and `sse2`), and string arrays whose UTF-8 was (`views`).

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod cpu;
mod ipv4;
mod portable;
mod separators;
#[cfg(target_arch = "x86_64")]
mod sse2;
pub(crate) mod views;

pub(crate) use block::{BLOCK_ROWS, Block, BlockReader, GROUP_ROWS, NullWords, Place};
pub use cpu::CpuLevel;

/// Where the first space or control character is; 16 without one.
#[inline(always)]
pub(crate) fn first_separator(chunk: &[u8; 16]) -> usize {
    #[cfg(target_arch = "x86_64")]
    return sse2::first_separator(chunk);
    #[cfg(not(target_arch = "x86_64"))]
    return portable::first_separator(chunk);
}
