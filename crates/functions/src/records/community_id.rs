//! `community_id`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use datafusion_common::arrow::array::{Array, ArrayRef, Int64Array, StringViewBuilder};
use datafusion_common::arrow::datatypes::DataType;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_expr::ScalarUDF;
use sha1::{Digest, Sha1};

use crate::address::Address;
use crate::arguments::{Arguments, addresses, integer, text};
use crate::function::{Function, document, signatures};
use crate::iana::{TCP, UDP};

const ICMP: i64 = 1;
const ICMPV6: i64 = 58;
const SCTP: i64 = 132;

/// Message types of ICMP and the types that answer them, both ways.
const ICMP_PAIRS: [(u16, u16); 5] = [(8, 0), (13, 14), (15, 16), (17, 18), (10, 9)];
/// The same of ICMPv6.
const ICMPV6_PAIRS: [(u16, u16); 6] = [
    (128, 129),
    (133, 134),
    (135, 136),
    (130, 131),
    (139, 140),
    (144, 145),
];

pub(super) fn udf() -> ScalarUDF {
    let tuple = vec![text(), text(), integer(), integer(), integer()];
    let seeded = [tuple.clone(), vec![integer()]].concat();
    Function {
        name: "community_id",
        signature: signatures([tuple, seeded]),
        returns: DataType::Utf8View,
        document: document(
            "community_id(srcaddr, dstaddr, srcport, dstport, protocol [, seed])",
            "The Community ID, version 1, of a flow: the same for both directions, and the same \
             that Zeek, Suricata and Arkime write, to find a flow in their logs. The ports of ICMP \
             are its type and code; protocols without ports need none.",
            "community_id('10.0.0.1', '10.0.0.2', 51234, 443, 6) = '1:3Wq31B/svcJh3Oj7C0+oub5devI='",
        ),
        check,
        compute,
    }
    .udf()
}

fn check(constants: &[Option<&ScalarValue>]) -> Result<()> {
    let seed = constants.get(5).copied().flatten();
    match seed.map(|seed| seed.cast_to(&DataType::Int64)) {
        Some(Ok(ScalarValue::Int64(Some(seed)))) if u16::try_from(seed).is_err() => {
            plan_err!("the seed of a Community ID is 0 to 65535, not {seed}")
        }
        _ => Ok(()),
    }
}

fn compute(arguments: &Arguments<'_>) -> Result<ArrayRef> {
    let (sources, destinations) = (arguments.texts(0)?, arguments.texts(1)?);
    let numbers = [2, 3, 4].map(|index| arguments.integers(index));
    let [source_ports, destination_ports, protocols] = numbers;
    let (source_ports, destination_ports, protocols) =
        (source_ports?, destination_ports?, protocols?);
    let seeds = match arguments.len() {
        6 => arguments.integers(5)?,
        _ => Int64Array::from(vec![0; arguments.rows()]),
    };
    let mut ids = StringViewBuilder::with_capacity(arguments.rows());
    for (row, ends) in addresses(&sources)
        .zip(addresses(&destinations))
        .enumerate()
    {
        let number = |array: &Int64Array| array.is_valid(row).then(|| array.value(row));
        let flow = || {
            Some(Flow {
                source: ends.0?,
                destination: ends.1?,
                source_port: number(&source_ports).and_then(|port| u16::try_from(port).ok()),
                destination_port: number(&destination_ports)
                    .and_then(|port| u16::try_from(port).ok()),
                protocol: number(&protocols)?,
            })
        };
        let seed = number(&seeds).and_then(|seed| u16::try_from(seed).ok());
        ids.append_option(flow().zip(seed).and_then(|(flow, seed)| flow.id(seed)));
    }
    Ok(Arc::new(ids.finish()))
}

/// A flow as a record has it.
struct Flow {
    source: Address,
    destination: Address,
    source_port: Option<u16>,
    destination_port: Option<u16>,
    protocol: i64,
}

impl Flow {
    /// <https://github.com/corelight/community-id-spec>; `None` where a value is
    /// missing, or ends are of two families.
    fn id(&self, seed: u16) -> Option<String> {
        let protocol = u8::try_from(self.protocol).ok()?;
        if self.source.bits() != self.destination.bits() {
            return None;
        }
        let mut hash = Sha1::new();
        hash.update(seed.to_be_bytes());
        match self.ports()? {
            None => {
                let (first, second) = (self.source, self.destination);
                update(&mut hash, first.min(second), first.max(second), protocol);
            }
            Some((source_port, destination_port, one_way)) => {
                let there = (self.source, source_port);
                let back = (self.destination, destination_port);
                let (first, second) = if one_way || there < back {
                    (there, back)
                } else {
                    (back, there)
                };
                update(&mut hash, first.0, second.0, protocol);
                hash.update(first.1.to_be_bytes());
                hash.update(second.1.to_be_bytes());
            }
        }
        Some(format!("1:{}", STANDARD.encode(hash.finalize())))
    }

    /// Ports, or what stands for them, and whether nothing comes back;
    /// `Some(None)` for protocols without, `None` where one is missing.
    fn ports(&self) -> Option<Option<(u16, u16, bool)>> {
        let pairs: &[(u16, u16)] = match self.protocol {
            TCP | UDP | SCTP => &[],
            ICMP => &ICMP_PAIRS,
            ICMPV6 => &ICMPV6_PAIRS,
            _ => return Some(None),
        };
        let (source, destination) = (self.source_port?, self.destination_port?);
        if pairs.is_empty() {
            return Some(Some((source, destination, false)));
        }
        let answer = pairs.iter().find_map(|&(there, back)| match source {
            _ if source == there => Some(back),
            _ if source == back => Some(there),
            _ => None,
        });
        Some(Some(match answer {
            Some(answer) => (source, answer, false),
            None => (source, destination, true),
        }))
    }
}

fn update(hash: &mut Sha1, first: Address, second: Address, protocol: u8) {
    for address in [first, second] {
        match address {
            Address::V4(bits) => hash.update(bits.to_be_bytes()),
            Address::V6(bits) => hash.update(bits.to_be_bytes()),
        }
    }
    hash.update([protocol, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published baseline: <https://github.com/corelight/community-id-spec>
    #[test]
    fn ids_are_the_published_ones() {
        let flow =
            |protocol, source: &str, destination: &str, source_port, destination_port| Flow {
                source: Address::parse(source).unwrap(),
                destination: Address::parse(destination).unwrap(),
                source_port,
                destination_port,
                protocol,
            };
        let (a6, b6) = ("fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea");
        let (c6, d6) = (
            "3ffe:507:0:1:260:97ff:fe07:69ea",
            "3ffe:507:0:1:200:86ff:fe05:80da",
        );
        for (protocol, source, destination, ports, id, seeded) in [
            (
                6,
                "128.232.110.120",
                "66.35.250.204",
                Some((34855, 80)),
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
                "1:3V71V58M3Ksw/yuFALMcW0LAHvc=",
            ),
            (
                6,
                "66.35.250.204",
                "128.232.110.120",
                Some((80, 34855)),
                "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
                "1:3V71V58M3Ksw/yuFALMcW0LAHvc=",
            ),
            (
                17,
                "192.168.1.52",
                "8.8.8.8",
                Some((54585, 53)),
                "1:d/FP5EW3wiY1vCndhwleRRKHowQ=",
                "1:Q9We8WO3piVF8yEQBNJF4uiSVrI=",
            ),
            (
                1,
                "192.168.0.89",
                "192.168.0.1",
                Some((8, 0)),
                "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
                "1:03g6IloqVBdcZlPyX8r0hgoE7kA=",
            ),
            (
                1,
                "192.168.0.1",
                "192.168.0.89",
                Some((0, 0)),
                "1:X0snYXpgwiv9TZtqg64sgzUn6Dk=",
                "1:03g6IloqVBdcZlPyX8r0hgoE7kA=",
            ),
            (
                1,
                "192.168.0.89",
                "192.168.0.1",
                Some((20, 0)),
                "1:3o2RFccXzUgjl7zDpqmY7yJi8rI=",
                "1:lCXHHxavE1Vq3oX9NH5ladQg02o=",
            ),
            (
                58,
                a6,
                b6,
                Some((135, 0)),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
                "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=",
            ),
            (
                58,
                b6,
                a6,
                Some((136, 0)),
                "1:dGHyGvjMfljg6Bppwm3bg0LO8TY=",
                "1:kHa1FhMYIT6Ym2Vm2AOtoOARDzY=",
            ),
            (
                58,
                c6,
                d6,
                Some((3, 0)),
                "1:NdobDX8PQNJbAyfkWxhtL2Pqp5w=",
                "1:OlOWx9psIbBFi7lOCw/4MhlKR9M=",
            ),
            (
                132,
                "192.168.170.8",
                "192.168.170.56",
                Some((7, 7)),
                "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs=",
                "1:5w3ZRjeKBzqT3zsaEECDGjUbYeg=",
            ),
            (
                46,
                "10.1.24.4",
                "10.1.12.1",
                None,
                "1:/nQI4Rh/TtY3mf0R2gJFBkVlgS4=",
                "1:BK3BVW3U2eemuwVQVN3zd/GULno=",
            ),
        ] {
            let (source_port, destination_port) =
                (ports.map(|ports| ports.0), ports.map(|ports| ports.1));
            let flow = flow(protocol, source, destination, source_port, destination_port);
            assert_eq!(flow.id(0).as_deref(), Some(id));
            assert_eq!(flow.id(1).as_deref(), Some(seeded));
        }
        assert_eq!(flow(6, "10.0.0.1", "10.0.0.2", None, Some(80)).id(0), None);
        assert_eq!(flow(6, "10.0.0.1", "::1", Some(1), Some(80)).id(0), None);
        assert_eq!(flow(300, "10.0.0.1", "10.0.0.2", None, None).id(0), None);
    }
}
