//! The background: ordinary conversations, and unwanted packets.

use std::sync::Arc;

use crate::internet::Internet;
use crate::legs::{Endpoint, Leg, Socket, answering, opening};
use crate::network::{Interface, Network, Role};
use crate::record::{Action, Direction, Flow, Observation, Record};
use crate::sampling::{Random, Weighted};
use crate::scenario::{ICMP, NOISE_PORTS, Party, SCENARIOS, Scenario, TCP, UDP};

/// AWS closes an aggregation interval of a Nitro instance after a minute
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>).
pub(crate) const INTERVAL_SECS: i64 = 60;

const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const SYN_ACK: u8 = 18;

// Shares are of draws, not of records: one draw of a conversation gives four
// to five records, one of the others a single record.
const NOISE_PER_MILLE: u64 = 270;
const SKIPPED_PER_MILLE: u64 = 13;
const IPV6_PER_MILLE: u64 = 37;

/// From when on an interface has no records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Silence {
    pub(crate) interface: usize,
    pub(crate) from: i64,
}

impl Silence {
    /// Whether an interval that starts at `start` would reach into the silence.
    fn covers(self, interface: &Interface, start: i64) -> bool {
        interface.index == self.interface && start + INTERVAL_SECS > self.from
    }
}

/// Draws the background.
#[derive(Debug)]
pub(crate) struct Traffic {
    network: Network,
    internet: Internet,
    random: Random,
    scenarios: Vec<&'static Scenario>,
    scenario_weights: Weighted,
    noise_weights: Weighted,
    silence: Option<Silence>,
}

impl Traffic {
    pub(crate) fn new(
        network: Network,
        internet: Internet,
        random: Random,
        silence: Option<Silence>,
    ) -> Self {
        let scenarios: Vec<_> = SCENARIOS
            .iter()
            .filter(|scenario| scenario.is_possible(&network))
            .collect();
        Self {
            scenario_weights: Weighted::new(scenarios.iter().map(|scenario| scenario.weight)),
            noise_weights: Weighted::new(NOISE_PORTS.iter().map(|(weight, _)| *weight)),
            scenarios,
            network,
            internet,
            random,
            silence,
        }
    }

    pub(crate) fn interfaces(&self) -> &[Arc<Interface>] {
        &self.network.interfaces
    }

    /// Appends what begins at `start`: the records of one conversation, which
    /// may go on for some minutes, or one record of something else, or nothing
    /// if the draw fell on an interface that is silent by then.
    pub(crate) fn draw(&mut self, start: i64, out: &mut Vec<Record>) {
        let draw = self.random.below(1000);
        if draw < NOISE_PER_MILLE {
            out.extend(self.noise(start));
        } else if draw < NOISE_PER_MILLE + SKIPPED_PER_MILLE {
            out.extend(self.skipped(start));
        } else {
            self.conversation(start, out);
        }
    }

    fn is_silent(&self, interface: &Interface, start: i64) -> bool {
        self.silence
            .is_some_and(|silence| silence.covers(interface, start))
    }

    /// A packet or two from a scanner, turned away.
    fn noise(&mut self, start: i64) -> Option<Record> {
        let interface = Arc::clone(self.random.mostly_first(&self.network.public)?);
        let scanner = self.internet.scanner(&mut self.random);
        let (_, port) = NOISE_PORTS[self.noise_weights.draw(&mut self.random)];
        // One in twenty comes by UDP, to ports that amplify.
        let (protocol, port) = match self.random.below(60) {
            0 => (UDP, 53),
            1 => (UDP, 1900),
            2 => (UDP, 5060),
            _ => (TCP, port),
        };
        let from = Socket::new(scanner, self.random.ephemeral_port());
        let to = Socket::new(interface.ipv4, port);
        let packets = self.random.between(1, 3);
        let bytes = packets * self.random.between(40, 60);
        let mut flow =
            Flow::between(Direction::Ingress, protocol, from, to, None).carrying((packets, bytes));
        flow.action = Action::Reject;
        flow.tcp_flags = if protocol == TCP { SYN } else { 0 };
        Some(Record {
            interface,
            start,
            end: start + self.random.below(30) as i64,
            observation: Observation::Flow(flow),
        })
    }

    /// AWS lost records of an interface.
    fn skipped(&mut self, start: i64) -> Option<Record> {
        let interface = self.random.mostly_first(&self.network.active)?;
        let interface = Arc::clone(interface);
        (!self.is_silent(&interface, start)).then(|| Record {
            interface,
            start,
            end: start + INTERVAL_SECS - 1,
            observation: Observation::SkipData,
        })
    }

    fn conversation(&mut self, start: i64, out: &mut Vec<Record>) {
        let scenario = self.scenarios[self.scenario_weights.draw(&mut self.random)];
        let Some(legs) = self.legs(scenario) else {
            return;
        };
        let intervals = self.intervals(scenario);
        for interval in 0..intervals {
            let start = start + interval * INTERVAL_SECS;
            if legs.iter().any(|leg| self.is_silent(&leg.interface, start)) {
                return;
            }
            let is_first = interval == 0;
            let is_last = interval == intervals - 1;
            let span = if is_last {
                self.random.below(55)
            } else {
                self.random.between(55, 59)
            };
            let request = self.request(scenario);
            let answer = self.answer(scenario, request);
            out.extend(legs.iter().map(|leg| {
                let carried = if leg.is_answer { answer } else { request };
                let mut flow = leg.flow.clone().carrying(carried);
                if scenario.protocol == TCP {
                    flow.tcp_flags = tcp_flags(leg.is_answer, is_first, is_last);
                }
                Record {
                    interface: Arc::clone(&leg.interface),
                    start,
                    end: start + span as i64,
                    observation: Observation::Flow(flow),
                }
            }));
        }
    }

    /// How many intervals a conversation lasts.
    fn intervals(&mut self, scenario: &Scenario) -> i64 {
        if self.random.below(100) < scenario.long_lived_percent {
            self.random.between(2, 6) as i64
        } else {
            1
        }
    }

    fn request(&mut self, scenario: &Scenario) -> (u64, u64) {
        let packets = scenario.packets.draw(&mut self.random);
        let (least, greatest) = scenario.request_bytes;
        (packets, packets * self.random.between(least, greatest))
    }

    fn answer(&mut self, scenario: &Scenario, (request_packets, _): (u64, u64)) -> (u64, u64) {
        let packets = (request_packets * scenario.answer_packets_for_ten / 10).max(1);
        let (least, greatest) = scenario.answer_bytes;
        (packets, packets * self.random.between(least, greatest))
    }

    /// Where a new conversation is recorded. `None` if both ends fell on the
    /// same interface.
    fn legs(&mut self, scenario: &Scenario) -> Option<Vec<Leg>> {
        let from = self.endpoint(scenario.from)?;
        let to = self.endpoint(scenario.to)?;
        let behind_nat = matches!(scenario.to, Party::ServiceBehindNat);
        // The gateway translates IPv4 only, and ICMP is another protocol in IPv6.
        let can_be_ipv6 = !behind_nat && scenario.protocol != ICMP;
        let ipv6 = can_be_ipv6 && self.random.per_mille(IPV6_PER_MILLE);
        let port = match scenario.protocol {
            ICMP => 0,
            _ => self.random.ephemeral_port(),
        };
        let here = from.socket(port, ipv6);
        let there = to.socket(scenario.port, ipv6);
        if here.address == there.address {
            return None;
        }
        let mut legs = Vec::with_capacity(6);
        let protocol = scenario.protocol;
        if behind_nat {
            let client = from.interface()?;
            let gateway = self
                .random
                .mostly_first(self.network.of_role(Role::NatGateway))?;
            let outer = Socket::new(gateway.ipv4, self.random.ephemeral_port());
            let inner = outer.in_place_of(there);
            legs.extend(opening(client, protocol, here, there, Some(gateway)));
            legs.extend(answering(gateway, protocol, inner, here, Some(client)));
            legs.extend(opening(gateway, protocol, outer, there, None));
        } else {
            if let Some(interface) = from.interface() {
                legs.extend(opening(interface, protocol, here, there, to.interface()));
            }
            if let Some(interface) = to.interface() {
                legs.extend(answering(
                    interface,
                    protocol,
                    there,
                    here,
                    from.interface(),
                ));
            }
        }
        Some(legs)
    }

    fn endpoint(&mut self, party: Party) -> Option<Endpoint> {
        let random = &mut self.random;
        let interfaces = match party {
            Party::Client => return Some(Endpoint::Outside(self.internet.client(random))),
            Party::Service | Party::ServiceBehindNat => {
                return Some(Endpoint::Outside(self.internet.service(random)));
            }
            Party::Role(role) => self.network.of_role(role),
            Party::Anyone => &self.network.active,
        };
        random
            .mostly_first(interfaces)
            .map(|interface| Endpoint::Inside(Arc::clone(interface)))
    }
}

/// Handshake in the first interval, FIN in the last. A plain ACK counts as 0
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>).
fn tcp_flags(is_answer: bool, is_first: bool, is_last: bool) -> u8 {
    let opening = match (is_first, is_answer) {
        (false, _) => 0,
        (true, false) => SYN,
        (true, true) => SYN_ACK,
    };
    opening | if is_last { FIN } else { 0 }
}
