//! Where a conversation is recorded: at which interfaces, with which addresses.

use std::net::IpAddr;
use std::sync::Arc;

use crate::internet::Host;
use crate::network::Interface;
use crate::record::{Action, AwsService, Direction, Flow};

/// Either end of a conversation.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    Inside(Arc<Interface>),
    Outside(Host),
}

impl Endpoint {
    pub(crate) fn interface(&self) -> Option<&Arc<Interface>> {
        match self {
            Self::Inside(interface) => Some(interface),
            Self::Outside(_) => None,
        }
    }

    pub(crate) fn socket(&self, port: u16, ipv6: bool) -> Socket {
        match self {
            Self::Inside(interface) => Socket::new(interface.address(ipv6), port),
            Self::Outside(host) => Socket {
                service: host.service,
                ..Socket::new(host.address(ipv6), port)
            },
        }
    }
}

/// Address and port as they stand in a record.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Socket {
    pub(crate) address: IpAddr,
    port: u16,
    /// The address in the packet itself, which differs at a NAT gateway.
    packet_address: IpAddr,
    service: Option<AwsService>,
}

impl Socket {
    pub(crate) fn new(address: impl Into<IpAddr>, port: u16) -> Self {
        let address = address.into();
        Self {
            address,
            port,
            packet_address: address,
            service: None,
        }
    }

    /// The same address, as recorded for packets that it passes on to or from
    /// `beyond`.
    pub(crate) fn in_place_of(self, beyond: Self) -> Self {
        Self {
            address: self.address,
            ..beyond
        }
    }
}

impl Flow {
    /// An accepted flow that carries nothing yet.
    pub(crate) fn between(
        direction: Direction,
        protocol: u8,
        from: Socket,
        to: Socket,
        next_hop: Option<&Arc<Interface>>,
    ) -> Self {
        Self {
            source: from.address,
            destination: to.address,
            source_port: from.port,
            destination_port: to.port,
            protocol,
            packets: 0,
            bytes: 0,
            action: Action::Accept,
            tcp_flags: 0,
            direction,
            packet_source: from.packet_address,
            packet_destination: to.packet_address,
            source_service: from.service,
            destination_service: to.service,
            next_hop: next_hop.map(Arc::clone),
        }
    }

    /// The same flow with so many packets and bytes.
    pub(crate) fn carrying(self, (packets, bytes): (u64, u64)) -> Self {
        Self {
            packets,
            bytes,
            ..self
        }
    }
}

/// One interface, one direction. The flow carries nothing yet.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) interface: Arc<Interface>,
    pub(crate) flow: Flow,
    /// Whether the packets go back to who opened the conversation.
    pub(crate) is_answer: bool,
}

/// The records of a conversation at the interface that opens it: `here` calls
/// `there`, through or at the interface `next_hop` if that is in the VPC.
pub(crate) fn opening(
    interface: &Arc<Interface>,
    protocol: u8,
    here: Socket,
    there: Socket,
    next_hop: Option<&Arc<Interface>>,
) -> [Leg; 2] {
    let out = Flow::between(Direction::Egress, protocol, here, there, next_hop);
    let back = Flow::between(Direction::Ingress, protocol, there, here, next_hop);
    [(out, false), (back, true)].map(|(flow, is_answer)| Leg {
        interface: Arc::clone(interface),
        flow,
        is_answer,
    })
}

/// The records at the interface that is called: `there` calls `here`.
pub(crate) fn answering(
    interface: &Arc<Interface>,
    protocol: u8,
    here: Socket,
    there: Socket,
    next_hop: Option<&Arc<Interface>>,
) -> [Leg; 2] {
    let [out, back] = opening(interface, protocol, here, there, next_hop);
    let request = Leg {
        is_answer: false,
        ..back
    };
    let answer = Leg {
        is_answer: true,
        ..out
    };
    [request, answer]
}
