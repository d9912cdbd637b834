//! Planted incidents: records, and what a query must find about them.
//!
//! Planted addresses outside of the VPC come from the ranges kept for
//! documentation, which nothing else uses.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::config::Config;
use crate::legs::Socket;
use crate::network::{Interface, Network, Role};
use crate::record::{Action, Direction, Flow, Observation, Record};
use crate::sampling::{Random, Sequence};
use crate::scenario::TCP;
use crate::traffic::{INTERVAL_SECS, SYN, SYN_ACK, Silence};

const SCANNER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 23);
const INTRUDER: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
const DROP_SITE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 144);

/// Something in the traffic that is worth finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incident {
    /// One source tries many ports of one target.
    PortScan(PortScan),
    /// One source tries to log in to several targets, and at last gets in.
    BruteForce(BruteForce),
    /// One host sends far more than any other, to one address.
    LargeTransfer(LargeTransfer),
    /// An interface stops having records while the others go on.
    SilentInterface(SilentInterface),
}

/// A source that tried many TCP ports of one target; every packet rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortScan {
    /// `srcaddr` of the records.
    pub source: IpAddr,
    /// `dstaddr` of the records.
    pub target: IpAddr,
    /// The interface of the target.
    pub interface_id: String,
    /// How many distinct ports were tried, one record each.
    pub ports: u64,
    /// `start` of the first record, in Unix seconds.
    pub first_start: i64,
    /// `start` of the last record, in Unix seconds.
    pub last_start: i64,
}

/// A source that tried TCP port 22 of several targets, and at last got in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BruteForce {
    /// `srcaddr` of the records.
    pub source: IpAddr,
    /// `dstaddr` of the rejected records, in order.
    pub targets: Vec<IpAddr>,
    /// How many records were rejected, all targets together.
    pub rejects: u64,
    /// `dstaddr` of the one accepted record. The target's answer is one more
    /// record, in the other direction.
    pub accepted_target: IpAddr,
    /// `start` of the accepted record, in Unix seconds, after all the rejects.
    pub accepted_start: i64,
}

/// A host that sent tens of gigabytes to one address, TCP port 443.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeTransfer {
    /// `srcaddr` of the records, an address of the VPC.
    pub source: IpAddr,
    /// `dstaddr` of the records.
    pub destination: IpAddr,
    /// The interface of the source.
    pub interface_id: String,
    /// Bytes sent, acknowledgements from the destination not counted.
    pub bytes: u64,
    /// How many records these bytes are in.
    pub records: u64,
}

/// An interface without any record, `NODATA` too, from some time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SilentInterface {
    /// The interface.
    pub interface_id: String,
    /// No record of it ends after this, in Unix seconds.
    pub silent_from: i64,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PortScan(scan) => write!(
                f,
                "port scan: {} tried {} ports of {}",
                scan.source, scan.ports, scan.target
            ),
            Self::BruteForce(attack) => write!(
                f,
                "SSH brute force: {} was rejected {} times by {} targets, then accepted by {}",
                attack.source,
                attack.rejects,
                attack.targets.len(),
                attack.accepted_target
            ),
            Self::LargeTransfer(transfer) => write!(
                f,
                "large transfer: {} sent {} bytes to {}",
                transfer.source, transfer.bytes, transfer.destination
            ),
            Self::SilentInterface(silent) => write!(
                f,
                "silent interface: {} has no records after {}",
                silent.interface_id, silent.silent_from
            ),
        }
    }
}

/// All that is planted.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) records: Vec<Record>,
    pub(crate) silence: Option<Silence>,
}

impl Plan {
    /// The plan that a configuration asks for, which may be an empty one.
    pub(crate) fn new(config: &Config, network: &Network) -> Self {
        if config.incidents && config.has_room_for_incidents() {
            Self::full(config, network).unwrap_or_default()
        } else {
            Self::default()
        }
    }

    /// `None` if the network lacks a role.
    fn full(config: &Config, network: &Network) -> Option<Self> {
        let mut planner = Planner {
            config,
            random: Random::new(config.seed, Sequence::Incidents),
            records: Vec::new(),
        };
        let (silent, silence) = planner.silent(network.of_role(Role::KubernetesNode).last()?);
        let incidents = vec![
            Incident::PortScan(planner.port_scan(network.of_role(Role::LoadBalancer).first()?)),
            Incident::BruteForce(planner.brute_force(
                &network.public[..network.public.len().min(4)],
                network.of_role(Role::Bastion).first()?,
            )),
            Incident::LargeTransfer(planner.large_transfer(network.of_role(Role::Web).first()?)),
            Incident::SilentInterface(silent),
        ];
        Some(Self {
            incidents,
            records: planner.records,
            silence: Some(silence),
        })
    }
}

struct Planner<'a> {
    config: &'a Config,
    random: Random,
    records: Vec<Record>,
}

impl Planner<'_> {
    /// In a minute and a half from 20 % of the window on.
    fn port_scan(&mut self, target: &Arc<Interface>) -> PortScan {
        const PORTS: usize = 400;
        const SPAN_SECS: usize = 90;
        let first_start = self.config.at_percent(20);
        let source_port = self.random.ephemeral_port();
        for (number, port) in self.shuffled_ports().into_iter().take(PORTS).enumerate() {
            let from = Socket::new(SCANNER, source_port);
            let to = Socket::new(target.ipv4, port);
            let start = first_start + (number * SPAN_SECS / PORTS) as i64;
            self.push_rejected(target, start, from, to, (1, 44));
        }
        PortScan {
            source: SCANNER.into(),
            target: target.ipv4.into(),
            interface_id: target.id.clone(),
            ports: PORTS as u64,
            first_start,
            last_start: first_start + ((PORTS - 1) * SPAN_SECS / PORTS) as i64,
        }
    }

    /// The well-known ports in a random order.
    fn shuffled_ports(&mut self) -> Vec<u16> {
        let mut ports: Vec<u16> = (1..=1024).collect();
        for last in (1..ports.len()).rev() {
            ports.swap(last, self.random.below(last as u64 + 1) as usize);
        }
        ports
    }

    /// From 30 to 55 % of the window; the accepted login comes at the end.
    fn brute_force(&mut self, targets: &[Arc<Interface>], open: &Arc<Interface>) -> BruteForce {
        const TRIES_OF_EACH: u64 = 120;
        let first_start = self.config.at_percent(30);
        let accepted_start = self.config.at_percent(55);
        let rejects = TRIES_OF_EACH * targets.len() as u64;
        for number in 0..TRIES_OF_EACH {
            let passed = (accepted_start - first_start) * number as i64 / TRIES_OF_EACH as i64;
            for target in targets {
                let from = Socket::new(INTRUDER, self.random.ephemeral_port());
                let to = Socket::new(target.ipv4, 22);
                let packets = self.random.between(1, 3);
                let sizes = (packets, packets * 60);
                self.push_rejected(target, first_start + passed, from, to, sizes);
            }
        }
        let from = Socket::new(INTRUDER, self.random.ephemeral_port());
        let to = Socket::new(open.ipv4, 22);
        let request = Flow::between(Direction::Ingress, TCP, from, to, None);
        let answer = Flow::between(Direction::Egress, TCP, to, from, None);
        let end = accepted_start + INTERVAL_SECS - 1;
        self.push(
            open,
            accepted_start,
            end,
            SYN,
            request.carrying((48, 6_912)),
        );
        self.push(
            open,
            accepted_start,
            end,
            SYN_ACK,
            answer.carrying((41, 9_430)),
        );
        BruteForce {
            source: INTRUDER.into(),
            targets: targets.iter().map(|target| target.ipv4.into()).collect(),
            rejects,
            accepted_target: open.ipv4.into(),
            accepted_start,
        }
    }

    /// Ten connections side by side, from 60 to at most 85 % of the window.
    fn large_transfer(&mut self, source: &Arc<Interface>) -> LargeTransfer {
        const CONNECTIONS: usize = 10;
        const INTERVALS: i64 = 15;
        const PACKET_BYTES: u64 = 1_460;
        // Grows with the background, which must not come near.
        let scale = 1 + self.config.records / 1_000_000;
        let first_start = self.config.at_percent(60);
        let interval_secs = (i64::from(self.config.duration_secs) / 4 / INTERVALS).min(60);
        let ports: [u16; CONNECTIONS] = std::array::from_fn(|_| self.random.ephemeral_port());
        let there = Socket::new(DROP_SITE, 443);
        let mut bytes = 0;
        for interval in 0..INTERVALS {
            let start = first_start + interval * interval_secs;
            let end = start + interval_secs - 1;
            let (syn, syn_ack) = if interval == 0 {
                (SYN, SYN_ACK)
            } else {
                (0, 0)
            };
            for here in ports.map(|port| Socket::new(source.ipv4, port)) {
                let packets = self.random.between(180_000, 380_000) * scale;
                let sent = Flow::between(Direction::Egress, TCP, here, there, None)
                    .carrying((packets, packets * PACKET_BYTES));
                let received = Flow::between(Direction::Ingress, TCP, there, here, None)
                    .carrying((packets / 12, packets / 12 * 52));
                bytes += sent.bytes;
                self.push(source, start, end, syn, sent);
                self.push(source, start, end, syn_ack, received);
            }
        }
        LargeTransfer {
            source: source.ipv4.into(),
            destination: DROP_SITE.into(),
            interface_id: source.id.clone(),
            bytes,
            records: CONNECTIONS as u64 * INTERVALS as u64,
        }
    }

    /// From half of the window on.
    fn silent(&self, interface: &Arc<Interface>) -> (SilentInterface, Silence) {
        let silent_from = self.config.at_percent(50);
        let incident = SilentInterface {
            interface_id: interface.id.clone(),
            silent_from,
        };
        let silence = Silence {
            interface: interface.index,
            from: silent_from,
        };
        (incident, silence)
    }

    fn push_rejected(
        &mut self,
        interface: &Arc<Interface>,
        start: i64,
        from: Socket,
        to: Socket,
        carried: (u64, u64),
    ) {
        let mut flow = Flow::between(Direction::Ingress, TCP, from, to, None).carrying(carried);
        flow.action = Action::Reject;
        self.push(interface, start, start, SYN, flow);
    }

    fn push(
        &mut self,
        interface: &Arc<Interface>,
        start: i64,
        end: i64,
        tcp_flags: u8,
        flow: Flow,
    ) {
        self.records.push(Record {
            interface: Arc::clone(interface),
            start,
            end,
            observation: Observation::Flow(Flow { tcp_flags, ..flow }),
        });
    }
}
