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
//! This folder is where most of the crate's `unsafe` is: instructions that
//! not every CPU has (`avx2`, `avx512`), loads that were checked a block at a
//! time (these and `sse2`), and string arrays whose UTF-8 was (`views`). The
//! rest is in `memory`, where batches get theirs from.

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
pub(crate) use separators::{CHUNK_BYTES, Marks, WRITE_ROOM, write_bits};

/// What is where in a chunk, for the grammar.
#[inline(always)]
pub(crate) fn marks(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    #[cfg(target_arch = "x86_64")]
    return sse2::marks(chunk);
    #[cfg(not(target_arch = "x86_64"))]
    portable::marks(chunk)
}

/// Whether the first `len` of 16 bytes are an IPv4 address.
#[inline(always)]
pub(crate) fn is_ipv4(chunk: &[u8; 16], len: usize) -> bool {
    let end = 1_u32.checked_shl(len as u32).unwrap_or(0) as u16;
    #[cfg(target_arch = "x86_64")]
    let character = sse2::character(chunk, end);
    #[cfg(not(target_arch = "x86_64"))]
    let character = portable::character(chunk, end);
    ipv4::violation(character) == 0
}
