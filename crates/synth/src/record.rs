//! One flow log record.

use std::net::IpAddr;
use std::sync::Arc;

use crate::network::Interface;

/// What a security group or network ACL did with the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Let through.
    Accept,
    /// Turned away.
    Reject,
}

/// The direction of the packets as seen from the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the interface.
    Ingress,
    /// From the interface.
    Egress,
}

/// The AWS service that owns an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AwsService {
    /// Any service without a name of its own.
    Amazon,
    /// DynamoDB.
    DynamoDb,
    /// Simple Storage Service.
    S3,
}

impl AwsService {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Amazon => "AMAZON",
            Self::DynamoDb => "DYNAMODB",
            Self::S3 => "S3",
        }
    }
}

/// The packets of one conversation in one direction during one interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Source address, as the interface sees it.
    pub source: IpAddr,
    /// Destination address, as the interface sees it.
    pub destination: IpAddr,
    /// Source port, 0 for ICMP.
    pub source_port: u16,
    /// Destination port, 0 for ICMP.
    pub destination_port: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Number of packets, at least 1.
    pub packets: u64,
    /// Number of bytes, from 40 to 1,500 a packet.
    pub bytes: u64,
    /// Let through or turned away.
    pub action: Action,
    /// FIN 1, SYN 2, RST 4, SYN and ACK 18, or-ed over the interval.
    pub tcp_flags: u8,
    /// Seen from the interface.
    pub direction: Direction,
    /// Where the packets came from at first; differs from `source` behind NAT.
    pub packet_source: IpAddr,
    /// Where the packets go at last; differs from `destination` before NAT.
    pub packet_destination: IpAddr,
    /// The owner of `packet_source`, if it is an AWS service.
    pub source_service: Option<AwsService>,
    /// The owner of `packet_destination`, if it is an AWS service.
    pub destination_service: Option<AwsService>,
    /// The interface of the VPC that the packets go to or come from.
    pub next_hop: Option<Arc<Interface>>,
}

impl Flow {
    /// The value of `traffic-path`: 1 within the VPC, 8 through an Internet
    /// gateway, none for packets that come in.
    pub(crate) fn traffic_path(&self) -> Option<u64> {
        match (self.direction, &self.next_hop) {
            (Direction::Ingress, _) => None,
            (Direction::Egress, Some(_)) => Some(1),
            (Direction::Egress, None) => Some(8),
        }
    }

    /// The value of `encryption-status`: 1 (by Nitro) within the VPC, else 0.
    pub(crate) fn encryption_status(&self) -> u64 {
        u64::from(self.next_hop.is_some())
    }
}

/// What was seen at an interface during an interval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// Packets: log status `OK`.
    Flow(Flow),
    /// No traffic at all: log status `NODATA`.
    NoData,
    /// Some records were lost inside AWS: log status `SKIPDATA`.
    SkipData,
}

/// One flow log record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The interface that it belongs to.
    pub interface: Arc<Interface>,
    /// First packet, in Unix seconds.
    pub start: i64,
    /// Last packet, in Unix seconds, at most 60 after `start`.
    pub end: i64,
    /// What was seen.
    pub observation: Observation,
}

impl Record {
    /// The flow, `None` for `NODATA` and `SKIPDATA`.
    #[must_use]
    pub fn flow(&self) -> Option<&Flow> {
        match &self.observation {
            Observation::Flow(flow) => Some(flow),
            Observation::NoData | Observation::SkipData => None,
        }
    }
}
