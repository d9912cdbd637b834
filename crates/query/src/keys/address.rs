//! Addresses of IPv4 as numbers, by their text.

/// The same byte everywhere.
const fn every(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
}

const HIGH: u128 = every(0x80);
const LOW: u128 = every(0x7f);

/// The number of the address that is this text, of at most 15 bytes, with zeros
/// after it; `None` if it is none, or is not as AWS writes it: a number has one text.
#[inline]
pub(super) fn number(text: u128, len: u32) -> Option<u32> {
    let is_zero = |bytes: u128| !(((bytes & LOW) + LOW) | bytes | LOW);
    let dots = is_zero(text ^ every(b'.'));
    let digits = text ^ every(b'0');
    // Bytes from 10 on have their high bit when 118 is added.
    let others = (((digits & LOW) + every(0x76)) | digits) & HIGH;
    let after = HIGH.checked_shl(8 * len).unwrap_or(0);
    let mut valid = others == dots | after;

    let places = places(dots);
    let first = places.trailing_zeros();
    let places = places & places.wrapping_sub(1);
    let second = places.trailing_zeros();
    let places = places & places.wrapping_sub(1);
    let third = places.trailing_zeros();
    valid &= places != 0 && places & places.wrapping_sub(1) == 0;

    let mut octet = |start: u32, end: u32| {
        let len = end.wrapping_sub(start).wrapping_sub(1) & 0xff;
        let len = len.min(3);
        let bytes = (digits.checked_shr(8 * start).unwrap_or(0)) as u32 & 0x00ff_ffff;
        // As three digits, the first of them lowest.
        let three = bytes.wrapping_shl(8 * 2_u32.saturating_sub(len)) & 0x00ff_ffff;
        let in_order = three.swap_bytes() >> 8;
        const LEAST: [u32; 4] = [0, 0x100, 0x1_0000, u32::MAX];
        valid &= in_order >= LEAST[len as usize] && in_order <= 0x02_0505;
        three.wrapping_mul(100 << 16 | 10 << 8 | 1) >> 16 & 0xff
    };
    let number = octet(0, first) << 24
        | octet(first + 1, second) << 16
        | octet(second + 1, third) << 8
        | octet(third + 1, len);
    valid.then_some(number)
}

/// A bit for each byte that has its high bit, and no other.
#[inline]
fn places(high: u128) -> u32 {
    let of = |half: u64| ((half >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u32;
    of(high as u64) | of((high >> 64) as u64) << 8
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    fn number_of(text: &str) -> Option<u32> {
        let mut bytes = [0; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        number(u128::from_le_bytes(bytes), text.len() as u32)
    }

    #[test]
    fn every_octet_at_every_place() {
        for place in 0..4 {
            for octet in 0..=999_u32 {
                let mut octets = [7_u32, 10, 200, 0];
                octets[place] = octet;
                let text = octets.map(|octet| octet.to_string()).join(".");
                let expected = text.parse::<Ipv4Addr>().ok().map(u32::from);
                assert_eq!(number_of(&text), expected, "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_address_has_no_number() {
        for text in [
            "",
            "1",
            ".",
            "...",
            "1.2.3",
            "1.2.3.",
            ".1.2.3",
            "1..2.3",
            "1.2.3.4.",
            "1.2.3.4.5",
            "01.2.3.4",
            "1.2.3.00",
            "1.2.3.04",
            "1.2.3.4\0",
            "\x001.2.3.4",
            "1.2.3.256",
            "1.2.3.1000",
            "1.2.3.4 ",
            "1.2.3,4",
            "1.2.3.:",
            "1.2.3./",
            "1.2.3.\u{e9}",
            "::1.2.3.4",
            "111111111111111",
            "...............",
            "1.1.1.111111111",
            "255.255.255.256",
        ] {
            assert_eq!(number_of(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn as_by_the_standard_library(
            number: u32,
            text in "(0{0,2}[0-9]{1,3}\\.){3}[0-9]{1,3}|[0-9.]{0,15}|[0-9a-f:. \\x00-\\x7f]{0,15}",
        ) {
            let written = Ipv4Addr::from(number).to_string();
            prop_assert_eq!(number_of(&written), Some(number));
            if text.len() <= 15 {
                let expected = text.parse::<Ipv4Addr>().ok().map(u32::from);
                prop_assert_eq!(number_of(&text), expected, "{:?}", text);
            }
        }
    }
}
