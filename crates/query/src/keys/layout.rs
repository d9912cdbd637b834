//! Which keys are in a number, and where.

use datafusion::arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType};

/// The type of numbers of 128 bits.
pub(super) const WIDE: DataType = DataType::Decimal128(DECIMAL128_MAX_PRECISION, 0);

/// What a key is of a number of keys, with the bits before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) shift: u32,
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum PartKind {
    /// A text, by its number.
    Text,
    /// A number of 32 bits, and a bit that says that it is NULL.
    Number,
}

impl PartKind {
    fn bits(self) -> u32 {
        match self {
            PartKind::Text => 32,
            PartKind::Number => 33,
        }
    }
}

/// The keys of a number, each after the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Layout {
    bits: u32,
}

impl Layout {
    /// Makes room for some more keys; `None` if there is not enough.
    pub(super) fn add<const N: usize>(&mut self, kind: PartKind) -> Option<[Part; N]> {
        let bits = self.bits + kind.bits() * N as u32;
        if bits > u128::BITS {
            return None;
        }
        let mut shift = self.bits;
        self.bits = bits;
        Some([(); N].map(|()| {
            let part = Part { kind, shift };
            shift += kind.bits();
            part
        }))
    }

    /// The type of such numbers.
    pub(super) fn data_type(&self) -> DataType {
        match self.is_wide() {
            true => WIDE,
            false => DataType::UInt64,
        }
    }

    /// Whether a number of 64 bits has no room for them.
    pub(super) fn is_wide(&self) -> bool {
        self.bits > u64::BITS
    }
}
