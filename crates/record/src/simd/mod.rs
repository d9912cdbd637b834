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
//! time (these, `sse2` and `neon`), and string arrays whose UTF-8 was (`views`). The
//! rest is in `memory`, where batches get theirs from.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod block;
mod cpu;
mod ipv4;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod ipv6;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod runs;
mod separators;
mod some_rows;
#[cfg(target_arch = "x86_64")]
mod sse2;
pub(crate) mod views;

pub(crate) use block::{BLOCK_ROWS, Block, BlockReader, GROUP_ROWS, NullWords, Place, RowWords};
pub use cpu::CpuLevel;
pub use ipv4::Ipv4Texts;
pub(crate) use separators::{CHUNK_BYTES, Marks, WRITE_ROOM, write_bits};

/// What is where in a chunk, for the grammar.
#[inline(always)]
pub(crate) fn marks(chunk: &[u8; CHUNK_BYTES]) -> Marks {
    #[cfg(target_arch = "x86_64")]
    return sse2::marks(chunk);
    #[cfg(target_arch = "aarch64")]
    return neon::marks(chunk);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    portable::marks(chunk)
}

/// Whether the first `len` of 16 bytes are an IPv4 address.
#[inline(always)]
pub(crate) fn is_ipv4(chunk: &[u8; 16], len: usize) -> bool {
    let end = 1_u32.checked_shl(len as u32).unwrap_or(0) as u16;
    #[cfg(target_arch = "x86_64")]
    let character = sse2::character(chunk, end);
    #[cfg(target_arch = "aarch64")]
    let character = neon::character(chunk, end);
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let character = portable::character(chunk, end);
    ipv4::violation(character) == 0
}

/// Whether the first `len` bytes are an IPv6 address. `None` for those that end
/// as IPv4, and everything that is too long without it.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline]
pub(crate) fn is_ipv6(ahead: &[u8; 64], len: usize) -> Option<bool> {
    #[cfg(target_arch = "x86_64")]
    let characters = sse2::ipv6_characters(ahead);
    #[cfg(target_arch = "aarch64")]
    let characters = neon::ipv6_characters(ahead);
    ipv6::is_address(characters, len)
}

/// Where there is nothing faster than to look at one byte after the other.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline]
pub(crate) fn is_ipv6(_: &[u8; 64], _: usize) -> Option<bool> {
    None
}
