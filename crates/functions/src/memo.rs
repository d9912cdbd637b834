//! Answers for addresses that came before.

use crate::address::Address;

const SLOTS: usize = 1024;

/// Remembers the last answers of a slow function: flow logs repeat their
/// addresses, so most rows find theirs.
#[derive(Debug)]
pub(crate) struct Memo<T>(Vec<Option<(Address, T)>>);

impl<T: Clone> Memo<T> {
    pub(crate) fn new() -> Memo<T> {
        Memo(vec![None; SLOTS])
    }

    pub(crate) fn get(&mut self, address: Address, answer: impl FnOnce() -> T) -> &T {
        let folded = match address {
            Address::V4(bits) => u64::from(bits),
            Address::V6(bits) => (bits >> 64) as u64 ^ bits as u64,
        };
        // Fibonacci hashing: the highest bits depend on all others.
        let slot = folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SLOTS.ilog2());
        let slot = &mut self.0[slot as usize];
        if !matches!(slot, Some((known, _)) if *known == address) {
            *slot = None;
        }
        &slot.get_or_insert_with(|| (address, answer())).1
    }
}
