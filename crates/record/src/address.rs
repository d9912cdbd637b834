//! What is an address: as the standard library reads it.

use crate::simd;

/// Whether the first `len` bytes are an IPv4 or IPv6 address; more may follow,
/// and is read along. An octet of IPv4 has no leading zero, since some would
/// read it as octal.
#[inline]
pub(crate) fn is_address(ahead: &[u8], len: usize) -> bool {
    is_ipv4_word(ahead, len) || is_ipv6_word(ahead, len)
}

#[inline]
fn is_ipv6_word(ahead: &[u8], len: usize) -> bool {
    let quick = ahead
        .first_chunk()
        .and_then(|ahead| simd::is_ipv6(ahead, len));
    quick.unwrap_or_else(|| is_ipv6(&ahead[..len]))
}

/// Eight groups of up to four hexadecimal digits; one `::` for the zeros that
/// are missing; an IPv4 address for the last two. The standard library says
/// the same in a third of the speed.
fn is_ipv6(word: &[u8]) -> bool {
    let (mut groups, mut compressed, mut rest) = (0, false, word);
    if let [b':', b':', after @ ..] = word {
        (compressed, rest) = (true, after);
    }
    while !rest.is_empty() {
        let digits = rest
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit())
            .count();
        rest = match &rest[digits..] {
            [b'.', ..] if is_ipv4_word(rest, rest.len()) => {
                groups += 1;
                &[]
            }
            _ if !(1..=4).contains(&digits) => return false,
            [b':', b':', after @ ..] if !compressed => {
                compressed = true;
                after
            }
            [b':', after @ ..] if !after.is_empty() => after,
            [] => &[],
            _ => return false,
        };
        groups += 1;
    }
    if compressed { groups < 8 } else { groups == 8 }
}

#[inline]
fn is_ipv4_word(ahead: &[u8], len: usize) -> bool {
    if !IPV4_BYTES.contains(&len) {
        return false;
    }
    let chunk = ahead.first_chunk().copied().unwrap_or_else(|| {
        let mut chunk = [0; 16];
        chunk[..len].copy_from_slice(&ahead[..len]);
        chunk
    });
    simd::is_ipv4(&chunk, len)
}

/// The bytes of `0.0.0.0` up to those of `255.255.255.255`.
const IPV4_BYTES: std::ops::RangeInclusive<usize> = 7..=15;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    /// With and without bytes to read along.
    fn check(word: &str) {
        let expected = word.parse::<IpAddr>().is_ok();
        for after in ["", " ", " 1.2.3.4 1.2.3.4 1.2.3.4", "................"] {
            let ahead = format!("{word}{after}");
            assert_eq!(
                is_address(ahead.as_bytes(), word.len()),
                expected,
                "{ahead}"
            );
        }
    }

    #[test]
    fn every_octet_in_every_place() {
        for place in 0..4 {
            for octet in [
                "", "0", "00", "01", "9", "10", "099", "99", "100", "255", "256", "300", "1000",
                "x", " 1",
            ] {
                let mut octets = ["1"; 4];
                octets[place] = octet;
                let word = octets.join(".");
                check(&word);
            }
        }
    }

    #[test]
    fn ways_to_write_ipv6() {
        for word in [
            "::",
            "::1",
            "1::",
            "1::2",
            "1:2:3:4:5:6:7:8",
            "1:2:3:4:5:6:7::",
            "::2:3:4:5:6:7:8",
            "1:2:3:4:5:6:1.2.3.4",
            "::1.2.3.4",
            "1::1.2.3.4",
            "::ffff:255.255.255.255",
            "A:b::C",
            "1:2:3:4:5::1.2.3.4",
            "",
            ":",
            ":::",
            "1:",
            ":1",
            "1::2::3",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7::8",
            "1:2:3:4::5:6:7:8",
            "12345::",
            "::12345",
            "1:2:3:4:5:6:7:1.2.3.4",
            "1:2:3:4:5:6::1.2.3.4",
            "1.2.3.4::",
            "1.2.3.4:1::",
            "::1.2.3",
            "::1.2.3.256",
            "::1.2.3.4:5",
            "g::",
            "fe80::1%eth0",
            "::1 ",
            "1:::2",
            "::a.2.3.4",
            "0000:0000:0000:0000:0000:ffff:192.168.100.228",
            "\u{431}::",
        ] {
            check(word);
        }
    }

    proptest! {
        #[test]
        fn equals_the_standard_library(word in "[0-9a-f.:]{0,20}|([0-9]{1,3}\\.){3}[0-9]{1,3}\\.?|([0-9a-fA-F]{0,5}:){0,8}([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f]{0,4})") {
            check(&word);
        }
    }
}
