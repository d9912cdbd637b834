//! The longest prefix that an address has, of many.

use ipnet::IpNet;

use crate::address::Address;
use crate::network::range;

/// Networks with a value each; finds that of the smallest network around an
/// address in a binary search, however the networks lie in each other.
#[derive(Debug, Clone)]
pub(crate) struct PrefixMap<T> {
    v4: Boundaries<u32>,
    v6: Boundaries<u128>,
    values: Vec<T>,
}

/// From each address on up to the next one: the network that counts, as an
/// index into the values.
#[derive(Debug, Clone)]
struct Boundaries<A>(Vec<(A, Option<usize>)>);

impl<T> PrefixMap<T> {
    /// Of equal networks the first counts.
    pub(crate) fn new(networks: impl IntoIterator<Item = (IpNet, T)>) -> PrefixMap<T> {
        let (mut v4, mut v6, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (network, value) in networks {
            let index = values.len();
            match range(network) {
                (Address::V4(first), Address::V4(last)) => v4.push((first, last, index)),
                (Address::V6(first), Address::V6(last)) => v6.push((first, last, index)),
                // Both ends of a network are of one family.
                _ => {}
            }
            values.push(value);
        }
        PrefixMap {
            v4: Boundaries::new(v4, |address| address.checked_add(1)),
            v6: Boundaries::new(v6, |address| address.checked_add(1)),
            values,
        }
    }

    /// The value of the smallest network around the address.
    pub(crate) fn longest(&self, address: Address) -> Option<&T> {
        let index = match address {
            Address::V4(address) => self.v4.at(address),
            Address::V6(address) => self.v6.at(address),
        };
        self.values.get(index?)
    }
}

impl<A: Copy + Ord> Boundaries<A> {
    fn new(mut ranges: Vec<(A, A, usize)>, next: impl Fn(A) -> Option<A>) -> Boundaries<A> {
        // Outer networks before those inside of them, the first of equals last.
        ranges.sort_by_key(|&(first, last, index)| {
            (first, std::cmp::Reverse(last), std::cmp::Reverse(index))
        });
        let mut boundaries = Vec::new();
        let mut open: Vec<(A, usize)> = Vec::new();
        let close = |open: &mut Vec<(A, usize)>, boundaries: &mut Vec<_>| {
            if let Some((last, _)) = open.pop()
                && let Some(after) = next(last)
            {
                boundaries.push((after, open.last().map(|(_, index)| *index)));
            }
        };
        for (first, last, index) in ranges {
            while open.last().is_some_and(|(end, _)| *end < first) {
                close(&mut open, &mut boundaries);
            }
            boundaries.push((first, Some(index)));
            open.push((last, index));
        }
        while !open.is_empty() {
            close(&mut open, &mut boundaries);
        }
        // Of several at one address the last tells.
        boundaries.reverse();
        boundaries.dedup_by_key(|(address, _)| *address);
        boundaries.reverse();
        Boundaries(boundaries)
    }

    fn at(&self, address: A) -> Option<usize> {
        let after = self.0.partition_point(|(start, _)| *start <= address);
        self.0[..after].last().and_then(|(_, index)| *index)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::network::parse_network;

    fn naive(networks: &[IpNet], address: Address) -> Option<usize> {
        let found = networks
            .iter()
            .enumerate()
            .filter(|(_, network)| network.contains(&std::net::IpAddr::from(address)));
        let longest = found.min_by_key(|(index, network)| (255 - network.prefix_len(), *index));
        longest.map(|(index, _)| index)
    }

    #[test]
    fn the_smallest_network_counts() {
        let networks = [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.0.0.0/24",
            "255.255.255.255",
            "::/0",
        ];
        let map = PrefixMap::new(networks.map(|text| (parse_network(text).unwrap(), text)));
        let longest = |text| map.longest(Address::parse(text).unwrap()).copied();
        assert_eq!(longest("10.0.0.255"), Some("10.0.0.0/24"));
        assert_eq!(longest("10.0.1.0"), Some("10.0.0.0/8"));
        assert_eq!(longest("11.0.0.0"), Some("0.0.0.0/0"));
        assert_eq!(longest("255.255.255.255"), Some("255.255.255.255"));
        assert_eq!(longest("ffff::"), Some("::/0"));
    }

    proptest! {
        #[test]
        fn as_a_search_through_all(
            networks in prop::collection::vec((0_u32..64, 26_u8..=32), 0..12),
            addresses in prop::collection::vec(0_u32..72, 1..20),
        ) {
            let networks: Vec<IpNet> = networks
                .into_iter()
                .map(|(bits, len)| IpNet::new(std::net::Ipv4Addr::from(bits).into(), len).unwrap().trunc())
                .collect();
            let map = PrefixMap::new(networks.iter().copied().enumerate().map(|(index, network)| (network, index)));
            for address in addresses {
                let address = Address::V4(address);
                prop_assert_eq!(map.longest(address).copied(), naive(&networks, address));
            }
        }
    }
}
