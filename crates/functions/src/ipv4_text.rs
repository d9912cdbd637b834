//! IPv4 networks as the beginnings of texts.
//!
//! An address in `10.0.0.0/8` is text that begins with `10.`; in `172.16.0.0/12`, one
//! that begins with `172.` and goes on with a number from 16 to 31. So most rows of a
//! column are decided by a comparison of words, and what is left needs to be looked at
//! for nothing else but whether it is an address at all.

use datafusion_common::arrow::array::StringViewArray;
use datafusion_common::arrow::buffer::{BooleanBuffer, Buffer};
use ipnet::{IpNet, Ipv4Net};
use vpcflow_record::Ipv4Texts;

/// Networks that are compared one by one.
const MAX_NETWORKS: usize = 8;
/// What a view has room for itself.
const INLINE_BYTES: u32 = 12;
/// The longest address: `255.255.255.255`.
const MAX_BYTES: u32 = 15;

/// A few networks, all of IPv4.
#[derive(Debug)]
pub(crate) struct Beginnings(Vec<Beginning>);

/// How the text of each address of a network begins.
#[derive(Debug, Clone, Copy)]
struct Beginning {
    /// The text of the octets that all have in common, with their dots.
    octets: u128,
    /// The bytes that it has.
    mask: u128,
    /// The number after it.
    next: Option<Octet>,
}

/// An octet that is text from a bit on, between two numbers.
#[derive(Debug, Clone, Copy)]
struct Octet {
    shift: u32,
    first: u32,
    span: u32,
}

impl Beginnings {
    /// Of these networks, unless some are of IPv6 or there are too many.
    pub(crate) fn of(networks: &[IpNet]) -> Option<Beginnings> {
        let beginning = |network: &IpNet| match network {
            IpNet::V4(network) => Some(Beginning::of(*network)),
            IpNet::V6(_) => None,
        };
        let all: Option<Vec<_>> = networks.iter().map(beginning).collect();
        all.filter(|all| all.len() <= MAX_NETWORKS).map(Beginnings)
    }

    /// For each text, whether it is an address in one of the networks.
    pub(crate) fn contain(&self, texts: &StringViewArray) -> BooleanBuffer {
        match self.0.as_slice() {
            [only] => contained(
                texts,
                |head| only.may_match(head),
                |text| only.matches(text),
            ),
            all => contained(
                texts,
                |head| all.iter().fold(false, |any, one| any | one.may_match(head)),
                |text| all.iter().fold(false, |any, one| any | one.matches(text)),
            ),
        }
    }
}

impl Beginning {
    fn of(network: Ipv4Net) -> Beginning {
        let whole = usize::from(network.prefix_len() / 8);
        let octets = network.network().octets();
        let text = common_octets(network);
        // An address has less than 16 bytes, and so has what it begins with.
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let bits = 8 * text.len() as u32;
        // After all four octets there is nothing more.
        let end = 8 * u32::from(whole == octets.len());
        let next = (!network.prefix_len().is_multiple_of(8)).then(|| Octet {
            shift: bits,
            first: octets[whole].into(),
            span: u32::from(network.broadcast().octets()[whole] - octets[whole]),
        });
        Beginning {
            octets: u128::from_le_bytes(bytes),
            mask: u128::MAX.checked_shr(128 - bits - end).unwrap_or(0),
            next,
        }
    }

    /// Whether text that begins with these four bytes may be an address of it.
    #[inline]
    fn may_match(&self, head: u32) -> bool {
        (head ^ self.octets as u32) & self.mask as u32 == 0
    }

    /// Whether text is an address of it, given that it is an address.
    #[inline]
    fn matches(&self, text: u128) -> bool {
        let begins = (text ^ self.octets) & self.mask == 0;
        begins & self.next.is_none_or(|octet| octet.contains(text))
    }
}

impl Octet {
    /// Of an address: there are a digit or several, and then something that is none.
    #[inline]
    fn contains(&self, text: u128) -> bool {
        let [first, second, third, _] = ((text >> self.shift) as u32).to_le_bytes();
        let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
        let longer = |number: u32, byte: u8| match byte >= b'0' {
            true => number * 10 + digit(byte),
            false => number,
        };
        let two = longer(digit(first), second);
        let number = match second >= b'0' {
            true => longer(two, third),
            false => two,
        };
        number.wrapping_sub(self.first) <= self.span
    }
}

/// The text of the whole octets of a network's prefix, each with the dot after it.
pub(crate) fn common_octets(network: Ipv4Net) -> String {
    let octets = network.network().octets();
    let whole = usize::from(network.prefix_len() / 8);
    let mut text: String = octets[..whole]
        .iter()
        .map(|octet| format!("{octet}."))
        .collect();
    if whole == octets.len() {
        text.pop();
    }
    text
}

/// For each text, whether it is an address for which both hold: of its first four
/// bytes, and of all of it.
#[inline(always)]
fn contained(
    texts: &StringViewArray,
    may_match: impl Fn(u32) -> bool,
    matches: impl Fn(u128) -> bool,
) -> BooleanBuffer {
    let mut words = vec![0_u64; texts.views().len().div_ceil(64)];
    let mut pending = Pending {
        texts: Ipv4Texts::new(),
        rows: [0; Ipv4Texts::MAX],
    };
    let mut candidates = [0_u32; Ipv4Texts::MAX];
    for (chunk, views) in texts.views().chunks(Ipv4Texts::MAX).enumerate() {
        let mut count = 0;
        for (row, view) in views.iter().enumerate() {
            candidates[count] = row as u32;
            count += usize::from(may_match((*view >> 32) as u32));
        }
        for row in &candidates[..count] {
            let view = views[*row as usize];
            let (text, len) = short_text(view, texts.data_buffers()).unwrap_or_default();
            if matches(text) {
                pending.push(
                    chunk * Ipv4Texts::MAX + *row as usize,
                    text,
                    len,
                    &mut words,
                );
            }
        }
    }
    pending.decide(&mut words);
    BooleanBuffer::new(Buffer::from_vec(words), 0, texts.views().len())
}

/// Texts that are in a network if they are addresses.
struct Pending {
    texts: Ipv4Texts,
    rows: [usize; Ipv4Texts::MAX],
}

impl Pending {
    #[inline]
    fn push(&mut self, row: usize, text: u128, len: u32, words: &mut [u64]) {
        self.rows[self.texts.len()] = row;
        self.texts.push(text.to_le_bytes(), len as usize);
        if self.texts.len() == Ipv4Texts::MAX {
            self.decide(words);
        }
    }

    fn decide(&mut self, words: &mut [u64]) {
        let count = self.texts.len();
        let are = self.texts.are_addresses();
        for (index, row) in self.rows[..count].iter().enumerate() {
            words[row / 64] |= (are[index / 64] >> (index % 64) & 1) << (row % 64);
        }
    }
}

/// The text of a view, with zeros after it, and its length; `None` where it is too long
/// for an address of IPv4.
///
/// Without a branch on where the text is, which changes at random.
///
/// ```
/// use datafusion_common::arrow::array::StringViewArray;
/// use vpcflow_functions::short_text;
///
/// let texts = StringViewArray::from(vec!["10.1.2.3", "2001:db8::1234:5678"]);
/// let text = |row: usize| short_text(texts.views()[row], texts.data_buffers());
/// assert_eq!(text(0), Some((u128::from_le_bytes(*b"10.1.2.3\0\0\0\0\0\0\0\0"), 8)));
/// assert_eq!(text(1), None);
/// ```
#[inline]
pub fn short_text(view: u128, buffers: &[Buffer]) -> Option<(u128, u32)> {
    let len = view as u32;
    let is_long = len > INLINE_BYTES;
    let (buffer, offset) = match is_long {
        true => ((view >> 64) as u32, (view >> 96) as u32),
        false => (0, 0),
    };
    let buffer = buffers.get(buffer as usize).map(Buffer::as_slice);
    let long = buffer
        .and_then(|buffer| buffer.get(offset as usize..))
        .map(|rest| match rest.first_chunk() {
            Some(chunk) => u128::from_le_bytes(*chunk),
            None => last_bytes(rest),
        });
    let text = match is_long {
        true => long.unwrap_or_default() & (u128::MAX >> (128 - 8 * len.min(MAX_BYTES))),
        false => view >> 32,
    };
    (len <= MAX_BYTES).then_some((text, len))
}

#[cold]
fn last_bytes(rest: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..rest.len()].copy_from_slice(rest);
    u128::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::address::Address;
    use crate::network::{NetworkSet, parse_network};

    fn check(networks: &[&str], texts: &[Option<String>]) {
        let networks: Vec<_> = networks
            .iter()
            .map(|text| parse_network(text).unwrap())
            .collect();
        let set = NetworkSet::new(networks.clone());
        let column: StringViewArray = texts.iter().map(Option::as_deref).collect();
        let found = Beginnings::of(&networks).unwrap().contain(&column);
        for (row, text) in texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let address = Address::parse(text);
            let expected = address.is_some_and(|address| set.contains(address));
            assert_eq!(found.value(row), expected, "{networks:?} {text}");
        }
        // A column that is a part of another one.
        let part = column.slice(texts.len() / 3, texts.len() / 2);
        let of_part = Beginnings::of(&networks).unwrap().contain(&part);
        assert_eq!(of_part, found.slice(texts.len() / 3, texts.len() / 2));
    }

    #[test]
    fn every_number_of_every_octet() {
        let octet = |octet: u32, place: usize| {
            let mut octets = [10, 172, 16, 1].map(|octet: u32| octet.to_string());
            octets[place] = octet.to_string();
            Some(octets.join("."))
        };
        let numbers = (0..=33).chain(60..=68).chain(95..=104).chain(120..=132);
        let numbers = numbers.chain(188..=202).chain(220..=260);
        let texts: Vec<_> = (0..4)
            .flat_map(|place| numbers.clone().map(move |number| octet(number, place)))
            .collect();
        for network in ["10.172.16.1", "255.255.255.255", "8.172.16.200"] {
            for bits in 0..=32 {
                check(&[&format!("{network}/{bits}")], &texts);
            }
        }
    }

    #[test]
    fn what_is_no_address_is_in_no_network() {
        let texts = [
            "",
            "1",
            "10",
            "10.",
            "10.x",
            "10.1.2",
            "10.1.2.3",
            "10.1.2.3.",
            "10.1.2.3.4",
            "10.001.2.3",
            "10.1.2.256",
            "10.255.255.255",
            "10.255.255.2555",
            "::10.1.2.3",
            "10.100.100.100 and more",
            "10.1.2.3\0",
            "10.1.2.3\0\0\0\0",
            "10.100.100.10\0",
        ];
        let texts: Vec<_> = texts.iter().map(|text| Some((*text).to_owned())).collect();
        check(&["10.0.0.0/8"], &texts);
        check(&["0.0.0.0/0"], &texts);
        check(
            &["10.0.0.0/9", "192.168.0.0/16", "10.255.255.252/30"],
            &texts,
        );
    }

    #[test]
    fn others_are_left_to_others() {
        let of = |networks: &[&str]| {
            let networks = networks.iter().map(|text| parse_network(text).unwrap());
            Beginnings::of(&networks.collect::<Vec<_>>()).is_some()
        };
        assert!(of(&["10.0.0.0/8"; 8]) && !of(&["10.0.0.0/8"; 9]));
        assert!(!of(&["10.0.0.0/8", "::/0"]));
    }

    proptest! {
        #[test]
        fn as_by_the_numbers(
            networks in proptest::collection::vec("(1?[0-9]{1,2}\\.){3}1?[0-9]{1,2}/(3[0-2]|[12]?[0-9])", 1..4),
            texts in proptest::collection::vec(
                proptest::option::weighted(0.9, "(1?[0-9]{1,2}\\.){3}1?[0-9]{1,2}|[0-9.:]{0,20}"),
                0..600,
            ),
        ) {
            let networks: Vec<_> = networks.iter().map(String::as_str).collect();
            check(&networks, &texts);
        }
    }
}
