//! Addresses as numbers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IPv4 or IPv6 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// An IPv4 address in host byte order.
    V4(u32),
    /// An IPv6 address in host byte order.
    V6(u128),
}

impl Address {
    /// Reads an address as the standard library does: octets of IPv4 have no
    /// leading zeros, and there is no zone.
    ///
    /// ```
    /// use vpcflow_functions::Address;
    ///
    /// assert_eq!(Address::parse("10.0.0.1"), Some(Address::V4(0x0a00_0001)));
    /// assert_eq!(Address::parse("::1"), Some(Address::V6(1)));
    /// assert_eq!(Address::parse("10.0.0.01"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Address> {
        match parse_ipv4(text.as_bytes()) {
            Some(address) => Some(Address::V4(address)),
            None => {
                let address: Ipv6Addr = text.parse().ok()?;
                Some(Address::V6(address.into()))
            }
        }
    }

    /// The number of its bits.
    pub(crate) fn bits(self) -> u8 {
        match self {
            Address::V4(_) => 32,
            Address::V6(_) => 128,
        }
    }
}

impl From<Address> for IpAddr {
    fn from(address: Address) -> IpAddr {
        match address {
            Address::V4(bits) => Ipv4Addr::from(bits).into(),
            Address::V6(bits) => Ipv6Addr::from(bits).into(),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

/// The longest IPv4 address: `255.255.255.255`.
const IPV4_MAX_BYTES: usize = 15;

/// Reads an IPv4 address.
#[inline]
pub(crate) fn parse_ipv4(text: &[u8]) -> Option<u32> {
    if text.len() > IPV4_MAX_BYTES {
        return None;
    }
    let mut chunk = [0; 16];
    chunk[..text.len()].copy_from_slice(text);
    parse_ipv4_chunk(u128::from_le_bytes(chunk), text.len())
}

/// Reads an IPv4 address of `len` bytes, of which the first is the lowest byte
/// of `chunk`: octet by octet, without a loop over the characters. The bytes
/// after it are zero.
#[inline]
pub(crate) fn parse_ipv4_chunk(chunk: u128, len: usize) -> Option<u32> {
    const DOTS: u128 = u128::from_le_bytes([b'.'; 16]);
    const LOW: u128 = u128::from_le_bytes([0x7f; 16]);
    if len > IPV4_MAX_BYTES {
        return None;
    }
    let other = chunk ^ DOTS;
    // The high bit of each byte that is a dot, and of the one after the last.
    let mut ends = !(((other & LOW) + LOW) | other | LOW) | 0x80 << (8 * len);
    if ends.count_ones() != 4 {
        return None;
    }
    let (mut address, mut start, mut valid) = (0_u32, 0, true);
    for _ in 0..4 {
        let end = ends.trailing_zeros() / 8;
        let (octet, fits) = parse_octet((chunk >> (8 * start)) as u32, end - start);
        address = address << 8 | octet;
        valid &= fits;
        start = end + 1;
        ends &= ends - 1;
    }
    valid.then_some(address)
}

/// The number that the first `len` bytes of a little-endian word are, and
/// whether it is an octet without leading zeros.
#[inline(always)]
fn parse_octet(word: u32, len: u32) -> (u32, bool) {
    /// The least number of so many digits.
    const LEAST: [u32; 4] = [u32::MAX, 0, 10, 100];
    let len = if len > 3 { 0 } else { len };
    let digits = (word ^ 0x3030_3030).wrapping_shl(32 - 8 * len);
    let [_, hundreds, tens, ones] = digits.to_le_bytes();
    let octet = u32::from(hundreds) * 100 + u32::from(tens) * 10 + u32::from(ones);
    let digits = hundreds <= 9 && tens <= 9 && ones <= 9;
    (
        octet,
        digits && octet <= 255 && octet >= LEAST[len as usize],
    )
}

/// Reads an address of a text that may be inside of a view: the length, and the
/// text where it has at most 12 bytes.
#[inline]
pub(crate) fn parse_view(view: u128, text: impl FnOnce() -> Option<Address>) -> Option<Address> {
    /// What a view has room for itself.
    const INLINE_BYTES: usize = 12;
    let len = view as u32 as usize;
    if len <= INLINE_BYTES
        && let Some(address) = parse_ipv4_chunk(view >> 32, len)
    {
        return Some(Address::V4(address));
    }
    text()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str) {
        let expected = text.parse::<IpAddr>().ok();
        assert_eq!(Address::parse(text).map(IpAddr::from), expected, "{text}");
    }

    #[test]
    fn every_octet_in_every_place() {
        for octet in 0..1100 {
            for place in 0..4 {
                let mut octets = ["1", "22", "33", "254"].map(str::to_owned);
                octets[place] = octet.to_string();
                check(&octets.join("."));
                octets[place] = format!("0{octet}");
                check(&octets.join("."));
            }
        }
    }

    proptest! {
        #[test]
        fn what_the_standard_library_reads_is_read(text in "[0-9a-f.:/ ]{0,17}|[0-9]{1,3}(\\.[0-9]{1,3}){3}") {
            check(&text);
        }

        #[test]
        fn addresses_are_read_back(bits: u128) {
            check(&Ipv6Addr::from(bits).to_string());
            check(&Ipv4Addr::from(bits as u32).to_string());
        }
    }
}
