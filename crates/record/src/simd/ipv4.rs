//! Whether text is an IPv4 address, told by where its dots and digits are.
//!
//! An address has at most 15 characters, so that one bit a character fits 16
//! bits. All rows of a block are then checked at once by plain arithmetic on
//! such words, which compilers turn into vector instructions: up to 32 rows at
//! a time.

use super::block::{BLOCK_ROWS, Block};

/// A bit a character of one text; those after the end may be anything.
#[derive(Debug, Clone, Copy)]
pub(super) struct Character {
    /// `.`
    pub(super) dots: u16,
    /// `0` to `9`
    pub(super) digits: u16,
    /// The low four bits of each character: of a digit, its value.
    pub(super) values: [u16; 4],
    /// The bit after the last character; 0 when that is not one of 16.
    pub(super) end: u16,
}

/// The same for each row of a block.
#[derive(Debug)]
pub(super) struct Characters {
    pub(super) dots: [u16; BLOCK_ROWS],
    pub(super) digits: [u16; BLOCK_ROWS],
    pub(super) values: [[u16; BLOCK_ROWS]; 4],
    pub(super) ends: [u16; BLOCK_ROWS],
}

impl Characters {
    pub(super) const fn new() -> Characters {
        Characters {
            dots: [0; BLOCK_ROWS],
            digits: [0; BLOCK_ROWS],
            values: [[0; BLOCK_ROWS]; 4],
            ends: [0; BLOCK_ROWS],
        }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, row: usize, character: Character) {
        self.dots[row] = character.dots;
        self.digits[row] = character.digits;
        for (values, value) in self.values.iter_mut().zip(character.values) {
            values[row] = value;
        }
        self.ends[row] = character.end;
    }

    /// For each row, 0 if it is an address.
    #[inline(always)]
    pub(super) fn violations(&self, rows: usize) -> [u16; BLOCK_ROWS] {
        let mut violations = [0; BLOCK_ROWS];
        let [ones, twos, fours, eights] = &self.values;
        let rows = rows.min(BLOCK_ROWS);
        for (row, violations) in violations.iter_mut().enumerate().take(rows) {
            *violations = violation(Character {
                dots: self.dots[row],
                digits: self.digits[row],
                values: [ones[row], twos[row], fours[row], eights[row]],
                end: self.ends[row],
            });
        }
        violations
    }
}

/// For each row of a field, 0 if it is an IPv4 address. Inlined into a function
/// for each level of CPU, with that level's `character`.
#[inline(always)]
pub(super) fn violations_with(
    block: &Block<'_>,
    value: usize,
    character: impl Fn(&[u8; 16], u16) -> Character,
) -> [u16; BLOCK_ROWS] {
    let (starts, after) = (block.starts(value), block.after(value));
    let mut characters = Characters::new();
    for (row, (start, after)) in starts.iter().zip(after).enumerate().take(BLOCK_ROWS) {
        let end = 1_u32.checked_shl(after - start - 1).unwrap_or(0) as u16;
        if let Some(chunk) = block.text()[*start as usize..].first_chunk() {
            characters.set(row, character(chunk, end));
        }
    }
    characters.violations(starts.len())
}

/// Bits where a text breaks a rule of IPv4 addresses.
#[inline(always)]
pub(super) fn violation(character: Character) -> u16 {
    let Character {
        dots,
        digits,
        values: [ones, twos, fours, eights],
        end,
    } = character;
    let inside = end.wrapping_sub(1);
    let (dots, digits) = (dots & inside, digits & inside);
    let mut found = inside & !(dots | digits);
    // Exactly three dots: with the end, four bits.
    let ends = dots | end;
    let without_lowest = |bits: u16| bits & bits.wrapping_sub(1);
    found |= without_lowest(without_lowest(without_lowest(ends))) ^ end;
    // No octet is empty or has four digits. Each bit below is a digit's place.
    let first = dots << 1 | 1;
    found |= first & ends;
    let second = first << 1 & !ends;
    let third = second << 1 & !ends;
    found |= third << 1 & !ends;
    // No octet of more digits starts with 0, none of three with more than 2.
    let zero = !(ones | twos | fours | eights);
    let one_or_two = (ones ^ twos) & !(fours | eights);
    found |= second >> 1 & zero | third >> 2 & !one_or_two;
    // After 2 there is 5 at most, after 25 too.
    let is_two = twos & !ones;
    let is_five = ones & !twos & fours & !eights;
    let above_five = eights | fours & twos;
    let after_two = (third >> 2 & is_two) << 1;
    found | after_two & above_five | (after_two & is_five) << 1 & above_five
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn is_address(text: &[u8]) -> bool {
        let bits = |test: &dyn Fn(u8) -> bool| {
            let characters = text.iter().take(16).enumerate();
            characters.fold(0_u16, |bits, (at, byte)| {
                bits | u16::from(test(*byte)) << at
            })
        };
        let value = |bit: u8| bits(&move |byte| byte >> bit & 1 == 1);
        let end = 1_u16.checked_shl(text.len() as u32).unwrap_or(0);
        let digits = bits(&|byte| byte.is_ascii_digit());
        let values = [0, 1, 2, 3].map(value);
        let dots = bits(&|byte| byte == b'.');
        violation(Character {
            dots,
            digits,
            values,
            end,
        }) == 0
    }

    #[test]
    fn every_octet_in_every_place() {
        for place in 0..4 {
            for octet in (0..=1100).map(|octet| octet.to_string()).chain(
                [
                    "", "00", "01", "000", "001", "010", "099", "0255", "x", "1x", "-", " ",
                ]
                .map(String::from),
            ) {
                for others in ["1", "23", "255"] {
                    let mut octets = [others; 4];
                    octets[place] = &octet;
                    let word = octets.join(".");
                    let expected = word.parse::<Ipv4Addr>().is_ok();
                    assert_eq!(is_address(word.as_bytes()), expected, "{word}");
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn equals_the_standard_library(
            word in "([0-9]{0,4}[.]){0,5}[0-9]{0,4}|[0-9.:a ]{0,20}|([1-2]?[0-9]?[0-9][.]){3}[1-2]?[0-9]?[0-9]"
        ) {
            prop_assert_eq!(is_address(word.as_bytes()), word.parse::<Ipv4Addr>().is_ok());
        }
    }
}
