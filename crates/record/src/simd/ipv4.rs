//! Whether text is an IPv4 address, told by where its dots and digits are.
//!
//! An address has at most 15 characters, so that one bit a character fits 16
//! bits. All rows of a block are then checked at once by plain arithmetic on
//! such words, which compilers turn into vector instructions: up to 32 rows at
//! a time.

use super::block::{BLOCK_ROWS, Block, GROUP_ROWS};
use super::cpu::{CpuLevel, Level};
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::portable;
#[cfg(target_arch = "x86_64")]
use super::sse2;

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

/// Words in a text: at most those of a block, in whole groups of rows.
///
/// From the start of each on, at least 16 bytes of the text can be read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    text: &'a [u8],
    starts: &'a [u32],
    after: &'a [u32],
}

impl<'a> Words<'a> {
    /// The values of a field.
    pub(super) fn of_block(block: &Block<'a>, value: usize) -> Words<'a> {
        Words {
            text: block.text(),
            starts: block.starts(value),
            after: block.after(value),
        }
    }

    pub(super) fn text(&self) -> &'a [u8] {
        self.text
    }

    pub(super) fn starts(&self) -> &'a [u32] {
        self.starts
    }

    /// For each word, one more than where it ends.
    pub(super) fn after(&self) -> &'a [u32] {
        self.after
    }

    /// For each word, 0 if it is an IPv4 address.
    pub(super) fn violations(&self, cpu: CpuLevel) -> [u16; BLOCK_ROWS] {
        match cpu.0 {
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(avx512) => avx512.ipv4_violations(self),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(avx2) => avx2.ipv4_violations(self),
            #[cfg(target_arch = "x86_64")]
            Level::Sse2 => sse2::ipv4_violations(self),
            #[cfg(target_arch = "aarch64")]
            Level::Neon => neon::ipv4_violations(self),
            _ => portable::ipv4_violations(self),
        }
    }
}

/// Texts to be looked at together, whether they are IPv4 addresses.
///
/// ```
/// use vpcflow_record::Ipv4Texts;
///
/// let mut texts = Ipv4Texts::new();
/// for text in ["10.0.0.1", "10.0.0.256"] {
///     let mut bytes = [0; 16];
///     bytes[..text.len()].copy_from_slice(text.as_bytes());
///     texts.push(bytes, text.len());
/// }
/// assert_eq!(texts.are_addresses()[0], 0b01);
/// ```
#[derive(Debug, Clone)]
pub struct Ipv4Texts {
    cpu: CpuLevel,
    text: [[u8; TEXT_BYTES]; BLOCK_ROWS],
    starts: [u32; BLOCK_ROWS],
    after: [u32; BLOCK_ROWS],
    len: usize,
}

/// Bytes of a text: one more than those of the longest address.
const TEXT_BYTES: usize = 16;

impl Ipv4Texts {
    /// How many there can be.
    pub const MAX: usize = BLOCK_ROWS;

    /// None so far.
    pub fn new() -> Ipv4Texts {
        Ipv4Texts {
            cpu: CpuLevel::detect(),
            text: [[0; TEXT_BYTES]; BLOCK_ROWS],
            starts: std::array::from_fn(|row| (row * TEXT_BYTES) as u32),
            after: [0; BLOCK_ROWS],
            len: 0,
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds the first `len` of these bytes; nothing when there are [`MAX`](Self::MAX)
    /// already.
    #[inline]
    pub fn push(&mut self, bytes: [u8; TEXT_BYTES], len: usize) {
        if let Some(text) = self.text.get_mut(self.len) {
            *text = bytes;
            self.after[self.len] = (self.len * TEXT_BYTES + len.min(TEXT_BYTES) + 1) as u32;
            self.len += 1;
        }
    }

    /// A bit for each text, set for addresses. There are no texts afterwards.
    pub fn are_addresses(&mut self) -> [u64; BLOCK_ROWS / 64] {
        let rows = self.len.next_multiple_of(GROUP_ROWS);
        for row in self.len..rows {
            self.after[row] = self.starts[row] + 1;
        }
        let words = Words {
            text: self.text.as_flattened(),
            starts: &self.starts[..rows],
            after: &self.after[..rows],
        };
        let violations = words.violations(self.cpu);
        self.len = 0;
        let mut bits = [0; BLOCK_ROWS / 64];
        for (bits, violations) in bits.iter_mut().zip(violations.as_chunks::<64>().0) {
            for (row, violations) in violations.iter().enumerate() {
                *bits |= u64::from(*violations == 0) << row;
            }
        }
        if rows < BLOCK_ROWS {
            // Of the others nothing is known.
            for (index, bits) in bits.iter_mut().enumerate() {
                let known = rows.saturating_sub(index * 64).min(64);
                *bits &= u64::MAX.checked_shr(64 - known as u32).unwrap_or(0);
            }
        }
        bits
    }
}

impl Default for Ipv4Texts {
    fn default() -> Ipv4Texts {
        Ipv4Texts::new()
    }
}

/// For each word, 0 if it is an IPv4 address. Inlined into a function for each
/// level of CPU, with that level's `character`.
#[inline(always)]
pub(super) fn violations_with(
    words: &Words<'_>,
    character: impl Fn(&[u8; 16], u16) -> Character,
) -> [u16; BLOCK_ROWS] {
    let mut characters = Characters::new();
    let places = words.starts.iter().zip(words.after);
    for (row, (start, after)) in places.enumerate().take(BLOCK_ROWS) {
        let end = 1_u32.checked_shl(after - start - 1).unwrap_or(0) as u16;
        if let Some(chunk) = words.text[*start as usize..].first_chunk() {
            characters.set(row, character(chunk, end));
        }
    }
    characters.violations(words.starts.len())
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

    #[test]
    fn texts_are_looked_at_together() {
        for cpu in CpuLevel::supported() {
            let mut texts = Ipv4Texts {
                cpu,
                ..Ipv4Texts::new()
            };
            for count in [0, 1, 15, 16, 17, 64, 65, 255, 256] {
                let all = [
                    "10.0.0.1",
                    "",
                    "192.168.100.200",
                    "1.2.3",
                    "255.255.255.2555",
                ];
                for text in all.iter().cycle().take(count) {
                    let mut bytes = [b'.'; 16];
                    bytes[..text.len()].copy_from_slice(text.as_bytes());
                    texts.push(bytes, text.len());
                }
                assert_eq!(texts.len(), count);
                let bits = texts.are_addresses();
                for row in 0..256 {
                    let expected = row < count && (row % 5 == 0 || row % 5 == 2);
                    let found = bits[row / 64] >> (row % 64) & 1 == 1;
                    assert_eq!(found, expected, "{cpu} {count} {row}");
                }
                assert!(texts.is_empty());
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
