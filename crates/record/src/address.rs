//! What is an address: as the standard library reads it.

use std::net::Ipv6Addr;

/// Whether the word is an IPv4 or IPv6 address. An octet of IPv4 has no
/// leading zero, since some would read it as octal.
#[inline]
pub(crate) fn is_address(word: &str) -> bool {
    is_ipv4(word.as_bytes()) || word.parse::<Ipv6Addr>().is_ok()
}

#[inline]
fn is_ipv4(word: &[u8]) -> bool {
    let (mut dots, mut digits, mut octet) = (0, 0, 0_u32);
    for byte in word {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            if digits > 0 && octet == 0 {
                return false;
            }
            octet = octet * 10 + u32::from(digit);
            digits += 1;
            if octet > 255 {
                return false;
            }
        } else if *byte == b'.' && digits > 0 {
            dots += 1;
            (digits, octet) = (0, 0);
        } else {
            return false;
        }
    }
    dots == 3 && digits > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{IpAddr, Ipv4Addr};

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
                assert_eq!(
                    is_ipv4(word.as_bytes()),
                    word.parse::<Ipv4Addr>().is_ok(),
                    "{word}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn equals_the_standard_library(word in "[0-9a-f.:]{0,20}|([0-9]{1,3}\\.){3}[0-9]{1,3}\\.?") {
            prop_assert_eq!(is_address(&word), word.parse::<IpAddr>().is_ok());
        }
    }
}
