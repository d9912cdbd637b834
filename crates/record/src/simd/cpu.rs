//! Which instructions to use.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use super::{avx2::Avx2, avx512::Avx512};

/// How records are decoded: by the grammar, or in blocks with the instructions
/// of a CPU. The result is the same at every level.
///
/// A value of this type is proof that the CPU has the instructions.
///
/// ```
/// use vpcflow_record::CpuLevel;
///
/// assert!(CpuLevel::supported().any(|level| level == CpuLevel::detect()));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuLevel(pub(super) Level);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Level {
    Grammar,
    Portable,
    #[cfg(target_arch = "aarch64")]
    Neon,
    #[cfg(target_arch = "x86_64")]
    Sse2,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
}

impl CpuLevel {
    /// No blocks: every record by the grammar, which is the reference.
    pub const GRAMMAR: CpuLevel = CpuLevel(Level::Grammar);

    /// Blocks, without any special instructions.
    pub const PORTABLE: CpuLevel = CpuLevel(Level::Portable);

    /// The best level that this CPU has.
    pub fn detect() -> CpuLevel {
        CpuLevel::supported().last().unwrap_or(CpuLevel::PORTABLE)
    }

    /// Every level that this CPU has, the slowest first.
    pub fn supported() -> impl Iterator<Item = CpuLevel> {
        let levels = [
            Some(Level::Grammar),
            Some(Level::Portable),
            #[cfg(target_arch = "aarch64")]
            Some(Level::Neon),
            #[cfg(target_arch = "x86_64")]
            Some(Level::Sse2),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Level::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Level::Avx512),
        ];
        levels.into_iter().flatten().map(CpuLevel)
    }

    /// The name, for messages and benches.
    pub fn name(self) -> &'static str {
        match self.0 {
            Level::Grammar => "grammar",
            Level::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Level::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => "sse2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
        }
    }
}

impl fmt::Debug for CpuLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CpuLevel({self})")
    }
}

impl fmt::Display for CpuLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
