//! `is_private` and `is_global`.

use std::sync::LazyLock;

use datafusion_common::Result;
use datafusion_common::arrow::array::ArrayRef;
use datafusion_common::arrow::datatypes::DataType;
use datafusion_expr::ScalarUDF;

use super::predicate;
use crate::arguments::{Arguments, text};
use crate::function::{Function, document, signature, unchecked};
use crate::network::{NetworkSet, parse_network};

/// RFC 1918 and RFC 4193.
static PRIVATE: LazyLock<NetworkSet> =
    LazyLock::new(|| set(&["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"]));

/// IPv6 has one range of global unicast addresses, and one that IPv4 is
/// translated to.
static UNICAST: LazyLock<NetworkSet> =
    LazyLock::new(|| set(&["0.0.0.0/0", "2000::/3", "64:ff9b::/96"]));

/// What IANA's registries of special-purpose addresses do not call globally
/// reachable, and multicast.
/// <https://www.iana.org/assignments/iana-ipv4-special-registry>
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>
static SPECIAL: LazyLock<NetworkSet> = LazyLock::new(|| {
    set(&[
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    ])
});

/// Globally reachable inside of ranges that are not.
static EXCEPTIONS: LazyLock<NetworkSet> = LazyLock::new(|| {
    set(&[
        "192.0.0.9/32",
        "192.0.0.10/32",
        "2001:1::1/128",
        "2001:1::2/128",
        "2001:1::3/128",
        "2001:3::/32",
        "2001:4:112::/48",
        "2001:20::/28",
        "2001:30::/28",
    ])
});

fn set(networks: &[&str]) -> NetworkSet {
    NetworkSet::new(networks.iter().filter_map(|text| parse_network(text)))
}

pub(super) fn is_private() -> ScalarUDF {
    Function {
        name: "is_private",
        signature: signature(vec![text()]),
        returns: DataType::Boolean,
        document: document(
            "is_private(address)",
            "Whether an address is of a private network: 10.0.0.0/8, 172.16.0.0/12, \
             192.168.0.0/16 (RFC 1918) or fc00::/7 (RFC 4193).",
            "is_private('172.31.0.1') = true",
        ),
        check: unchecked,
        compute: |arguments: &Arguments<'_>| -> Result<ArrayRef> {
            let private = &*PRIVATE;
            predicate(arguments, 0, |address| private.contains(address))
        },
    }
    .udf()
}

pub(super) fn is_global() -> ScalarUDF {
    Function {
        name: "is_global",
        signature: signature(vec![text()]),
        returns: DataType::Boolean,
        document: document(
            "is_global(address)",
            "Whether an address is unicast and reachable from everywhere, by the registries of \
             IANA. Not only private addresses are not: shared (100.64.0.0/10), link-local, \
             loopback, multicast and documentation addresses are neither private nor global.",
            "is_global('100.64.0.1') = false",
        ),
        check: unchecked,
        compute: |arguments: &Arguments<'_>| -> Result<ArrayRef> {
            let (unicast, special, exceptions) = (&*UNICAST, &*SPECIAL, &*EXCEPTIONS);
            predicate(arguments, 0, |address| {
                unicast.contains(address)
                    && (!special.contains(address) || exceptions.contains(address))
            })
        },
    }
    .udf()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_networks_of_the_tables_are_read() {
        for (address, expected) in [("10.0.0.1", true), ("fd00::1", true), ("fec0::1", false)] {
            let address = crate::Address::parse(address).unwrap();
            assert_eq!(PRIVATE.contains(address), expected);
        }
        let all = [
            "3fff:fff::",
            "203.0.113.255",
            "255.255.255.255",
            "2001:1ff::",
        ];
        for special in all {
            let address = crate::Address::parse(special).unwrap();
            assert!(SPECIAL.contains(address), "{special}");
        }
    }
}
