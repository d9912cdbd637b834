//! What is an address: as the standard library reads it.

use std::net::Ipv6Addr;

use crate::number::{bits, equal};

/// Whether the first `len` bytes are an IPv4 or IPv6 address; more may follow,
/// and is read along. An octet of IPv4 has no leading zero, since some would
/// read it as octal.
#[inline]
pub(crate) fn is_address(ahead: &[u8], len: usize) -> bool {
    let word = &ahead[..len];
    if (IPV4_BYTES).contains(&len) {
        let chunk = ahead.first_chunk().copied().unwrap_or_else(|| {
            let mut chunk = [0; 16];
            chunk[..len].copy_from_slice(word);
            chunk
        });
        if is_ipv4(chunk, len) {
            return true;
        }
    }
    std::str::from_utf8(word).is_ok_and(|word| word.parse::<Ipv6Addr>().is_ok())
}

/// The bytes of `0.0.0.0` up to those of `255.255.255.255`.
const IPV4_BYTES: std::ops::RangeInclusive<usize> = 7..=15;

/// Whether the first `len` bytes are an IPv4 address: octet by octet, without
/// a loop over the characters.
#[inline(always)]
fn is_ipv4(chunk: [u8; 16], len: usize) -> bool {
    let [low, high] = [0, 8].map(|at| {
        let bytes = chunk[at..].first_chunk().copied().unwrap_or_default();
        equal(u64::from_le_bytes(bytes), b'.')
    });
    let end = 1 << len;
    let mut ends = (bits(low) | bits(high) << 8) & (end - 1) | end;
    if ends.count_ones() != 4 {
        return false;
    }
    let chunk = u128::from_le_bytes(chunk);
    let (mut start, mut all) = (0, true);
    for _ in 0..4 {
        let end = ends.trailing_zeros();
        all &= is_octet((chunk >> (start * 8)) as u32, end - start);
        start = end + 1;
        ends &= ends - 1;
    }
    all
}

/// Whether the first `len` bytes of a little-endian word are a number up to
/// 255 without leading zeros.
#[inline(always)]
fn is_octet(word: u32, len: u32) -> bool {
    const LEAST: [u32; 4] = [256, 0, 10, 100];
    let len = if len > 3 { 0 } else { len };
    let digits = (word ^ 0x3030_3030).wrapping_shl(32 - 8 * len);
    let [_, hundreds, tens, ones] = digits.to_le_bytes();
    let octet = u32::from(hundreds) * 100 + u32::from(tens) * 10 + u32::from(ones);
    let least = LEAST[len as usize];
    hundreds <= 9 && tens <= 9 && ones <= 9 && octet >= least && octet <= 255
}

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

    proptest! {
        #[test]
        fn equals_the_standard_library(word in "[0-9a-f.:]{0,20}|([0-9]{1,3}\\.){3}[0-9]{1,3}\\.?") {
            check(&word);
        }
    }
}
