//! Numbers that nobody asks for: whether they are some, of a whole row at once.

use std::ops::Range;

use super::block::{Block, READ_AHEAD};
use super::separators::CHUNK_BYTES;

const _: () = assert!(
    READ_AHEAD >= CHUNK_BYTES,
    "a chunk can be read from any value on"
);

/// What the bytes of a chunk are: a bit a byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kinds {
    pub(super) digits: u64,
    pub(super) spaces: u64,
}

impl Kinds {
    /// Whether the first `len` bytes, of 1 to 64, are digits with spaces between them, or
    /// a `-` instead of digits. Hardly any record has one, so only then it is asked where
    /// they are.
    #[inline(always)]
    fn are_numbers(self, len: u32, dashes: impl FnOnce() -> u64) -> bool {
        let used = u64::MAX >> (u64::BITS - len);
        let others = used & !(self.digits | self.spaces);
        if others == 0 {
            return true;
        }
        let last = used ^ used >> 1;
        let alone = (self.spaces << 1 | 1) & (self.spaces >> 1 | last);
        others & !(dashes() & alone) == 0
    }
}

/// Whether neighbouring values of every row of a block are numbers or NULL, each of no
/// more digits than `longest` has for it. `false` may also mean that it is not known: the
/// values of a row together are more than a chunk.
///
/// Inlined into a function for each level of CPU, with that level's `classify` and
/// `dashes`, which read a chunk from an address on; the latter has a bit a byte.
#[inline(always)]
pub(super) fn are_numbers_with(
    block: &Block<'_>,
    values: Range<usize>,
    longest: impl Iterator<Item = u32>,
    classify: impl Fn(*const u8) -> Kinds,
    dashes: impl Fn(*const u8) -> u64,
) -> bool {
    let bytes = |starts: &[u32], after: &[u32]| {
        let places = starts.iter().zip(after);
        places.fold(0, |most: u32, (start, after)| most.max(after - start)) - 1
    };
    let (starts, after) = (block.starts(values.start), block.after(values.end - 1));
    if bytes(starts, after) as usize > CHUNK_BYTES {
        return false;
    }
    for (value, longest) in values.zip(longest) {
        if bytes(block.starts(value), block.after(value)) > longest {
            return false;
        }
    }
    let text = block.text();
    let mut all = true;
    for (start, after) in starts.iter().zip(after) {
        let chunk = text[*start as usize..].as_ptr();
        all &= classify(chunk).are_numbers(after - start - 1, || dashes(chunk));
    }
    all
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_told_from_other_text(
            text in "(-|[0-9]{1,5}|[0-9]{0,2}[-/:a\\x80][0-9]{0,2}| )( (-|[0-9]{1,9}|[-]?[0-9]-?)){0,6}",
            after in "[ a0-]{0,3}",
        ) {
            let len = text.len().min(CHUNK_BYTES);
            let all = [text.as_bytes(), after.as_bytes()].concat();
            let bits = |is: fn(u8) -> bool| {
                let bytes = all.iter().take(CHUNK_BYTES).enumerate();
                bytes.fold(0, |bits, (at, byte)| bits | u64::from(is(*byte)) << at)
            };
            let kinds = Kinds {
                digits: bits(|byte| byte.is_ascii_digit()),
                spaces: bits(|byte| byte == b' '),
            };
            let dashes = || bits(|byte| byte == b'-');
            let words = all[..len].split(|byte| *byte == b' ');
            let expected = words.into_iter().all(|word| {
                word == b"-" || word.iter().all(u8::is_ascii_digit)
            });
            prop_assert_eq!(kinds.are_numbers(len as u32, dashes), expected);
        }
    }
}
