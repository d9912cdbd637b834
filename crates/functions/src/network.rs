//! Networks, and sets of them.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use crate::address::Address;

/// Reads a network in CIDR notation, or an address as the network of itself.
/// Bits after the prefix count for nothing: `10.1.2.3/8` is `10.0.0.0/8`.
pub(crate) fn parse_network(text: &str) -> Option<IpNet> {
    match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => text.parse::<IpAddr>().ok().map(IpNet::from),
    }
}

/// The first and the last address of a network.
pub(crate) fn range(network: IpNet) -> (Address, Address) {
    match network {
        IpNet::V4(network) => (
            Address::V4(network.network().into()),
            Address::V4(network.broadcast().into()),
        ),
        IpNet::V6(network) => (
            Address::V6(network.network().into()),
            Address::V6(network.broadcast().into()),
        ),
    }
}

/// Addresses of some networks.
#[derive(Debug, Clone, Default)]
pub(crate) struct NetworkSet {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
}

impl NetworkSet {
    pub(crate) fn new(networks: impl IntoIterator<Item = IpNet>) -> NetworkSet {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match range(network) {
                (Address::V4(first), Address::V4(last)) => v4.push(first..=last),
                (Address::V6(first), Address::V6(last)) => v6.push(first..=last),
                // Both ends of a network are of one family.
                _ => {}
            }
        }
        NetworkSet {
            v4: Ranges::new(v4),
            v6: Ranges::new(v6),
        }
    }

    #[inline]
    pub(crate) fn contains(&self, address: Address) -> bool {
        match address {
            Address::V4(address) => self.v4.contain(address),
            Address::V6(address) => self.v6.contain(address),
        }
    }
}

/// Ranges that neither overlap nor touch, in order.
#[derive(Debug, Clone, Default)]
struct Ranges<T>(Vec<RangeInclusive<T>>);

impl<T: Copy + Ord> Ranges<T> {
    /// Networks contain each other or have nothing in common.
    fn new(mut ranges: Vec<RangeInclusive<T>>) -> Ranges<T> {
        ranges.sort_by_key(|range| (*range.start(), std::cmp::Reverse(*range.end())));
        ranges.dedup_by(|later, kept| later.end() <= kept.end());
        Ranges(ranges)
    }

    #[inline]
    fn contain(&self, address: T) -> bool {
        match self.0.as_slice() {
            [] => false,
            [only] => only.contains(&address),
            ranges => {
                let after = ranges.partition_point(|range| *range.start() <= address);
                after > 0 && ranges[after - 1].contains(&address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(networks: &str) -> NetworkSet {
        NetworkSet::new(networks.split(' ').map(|text| parse_network(text).unwrap()))
    }

    #[test]
    fn networks_inside_of_others_add_nothing() {
        let set = set("10.0.0.0/8 10.1.0.0/16 10.255.255.255 10.0.0.0/9 2001:db8::/32 192.0.2.1");
        for (address, contained) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
            ("2001:db8:ffff::", true),
            ("2001:db9::", false),
            ("::ffff:10.0.0.1", false),
        ] {
            let parsed = Address::parse(address).unwrap();
            assert_eq!(set.contains(parsed), contained, "{address}");
        }
    }

    #[test]
    fn what_is_a_network() {
        let text = |text| parse_network(text).map(|network| network.to_string());
        assert_eq!(text("10.1.2.3/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(text("10.1.2.3").as_deref(), Some("10.1.2.3/32"));
        assert_eq!(text("::1").as_deref(), Some("::1/128"));
        assert_eq!(text("0.0.0.0/0").as_deref(), Some("0.0.0.0/0"));
        for none in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "ten"] {
            assert_eq!(text(none), None, "{none}");
        }
    }
}
