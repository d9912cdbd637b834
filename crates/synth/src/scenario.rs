//! The kinds of conversations in the VPC, and the ports that scanners try.

use crate::network::{Network, Role};
use crate::sampling::LogNormal;

pub(crate) const ICMP: u8 = 1;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// One side of a kind of conversation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Party {
    /// Somebody on the Internet.
    Client,
    /// A server on the Internet, reached directly.
    Service,
    /// A server on the Internet, reached through the NAT gateway.
    ServiceBehindNat,
    /// An interface of this role.
    Role(Role),
    /// Any interface that carries traffic.
    Anyone,
}

/// A kind of conversation.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) weight: u64,
    pub(crate) from: Party,
    pub(crate) to: Party,
    pub(crate) protocol: u8,
    pub(crate) port: u16,
    /// Packets of a request during one interval.
    pub(crate) packets: LogNormal,
    /// Packets of the answer for each ten of the request.
    pub(crate) answer_packets_for_ten: u64,
    /// Least and greatest mean size of a packet, of requests and of answers.
    pub(crate) request_bytes: (u64, u64),
    pub(crate) answer_bytes: (u64, u64),
    /// How many in a hundred last longer than one interval.
    pub(crate) long_lived_percent: u64,
}

impl Scenario {
    /// Whether the network has both ends, and the gateway if one is needed.
    pub(crate) fn is_possible(&self, network: &Network) -> bool {
        [self.from, self.to].into_iter().all(|party| match party {
            Party::Role(role) => !network.of_role(role).is_empty(),
            Party::ServiceBehindNat => !network.of_role(Role::NatGateway).is_empty(),
            Party::Client | Party::Service | Party::Anyone => true,
        })
    }
}

/// The start of a scenario: who talks to whom, and how often.
const fn scenario(weight: u64, from: Party, to: Party) -> Scenario {
    Scenario {
        weight,
        from,
        to,
        protocol: TCP,
        port: 0,
        packets: LogNormal {
            median: 1,
            spread_tenths: 0,
        },
        answer_packets_for_ten: 10,
        request_bytes: (0, 0),
        answer_bytes: (0, 0),
        long_lived_percent: 0,
    }
}

impl Scenario {
    const fn over(self, protocol: u8, port: u16) -> Self {
        Self {
            protocol,
            port,
            ..self
        }
    }

    /// Median and spread of the packets, least and greatest size of one.
    const fn request(self, median: u64, spread_tenths: i64, bytes: (u64, u64)) -> Self {
        Self {
            packets: LogNormal {
                median,
                spread_tenths,
            },
            request_bytes: bytes,
            ..self
        }
    }

    const fn answer(self, packets_for_ten: u64, bytes: (u64, u64)) -> Self {
        Self {
            answer_packets_for_ten: packets_for_ten,
            answer_bytes: bytes,
            ..self
        }
    }

    const fn long_lived(self, percent: u64) -> Self {
        Self {
            long_lived_percent: percent,
            ..self
        }
    }
}

#[rustfmt::skip]
pub(crate) const SCENARIOS: [Scenario; 14] = {
    use Party::{Anyone, Client, Role as On, Service, ServiceBehindNat};
    use Role::{App, Bastion, Cache, Database, KubernetesNode, LoadBalancer, Web};
    [
        scenario(380, Client, On(LoadBalancer)).over(TCP, 443)
            .request(12, 18, (60, 300)).answer(14, (500, 1450)).long_lived(5),
        scenario(20, Client, On(LoadBalancer)).over(TCP, 80)
            .request(6, 8, (60, 120)).answer(8, (60, 400)),
        scenario(180, On(LoadBalancer), On(Web)).over(TCP, 8080)
            .request(12, 18, (80, 300)).answer(14, (500, 1450)).long_lived(10),
        scenario(110, On(Web), On(App)).over(TCP, 8443)
            .request(10, 16, (100, 600)).answer(12, (300, 1200)).long_lived(15),
        scenario(80, On(App), On(Database)).over(TCP, 5432)
            .request(20, 20, (80, 300)).answer(13, (200, 1400)).long_lived(40),
        scenario(70, On(App), On(Cache)).over(TCP, 6379)
            .request(30, 16, (60, 160)).answer(10, (80, 900)).long_lived(40),
        scenario(40, On(KubernetesNode), On(KubernetesNode)).over(UDP, 8472)
            .request(40, 20, (100, 1000)).answer(9, (100, 1000)).long_lived(30),
        scenario(30, On(KubernetesNode), On(KubernetesNode)).over(TCP, 10_250)
            .request(8, 10, (80, 300)).answer(10, (200, 1000)).long_lived(20),
        scenario(30, On(KubernetesNode), On(Database)).over(TCP, 5432)
            .request(20, 20, (80, 300)).answer(13, (200, 1400)).long_lived(30),
        scenario(25, On(App), ServiceBehindNat).over(TCP, 443)
            .request(14, 20, (80, 700)).answer(12, (200, 1400)).long_lived(10),
        scenario(25, On(KubernetesNode), ServiceBehindNat).over(TCP, 443)
            .request(14, 20, (80, 700)).answer(12, (200, 1400)).long_lived(10),
        scenario(25, On(Web), Service).over(TCP, 443)
            .request(8, 14, (80, 700)).answer(12, (200, 1400)),
        scenario(12, On(Bastion), Anyone).over(ICMP, 0)
            .request(4, 6, (84, 84)).answer(10, (84, 84)),
        scenario(3, On(Bastion), Anyone).over(TCP, 22)
            .request(60, 16, (60, 140)).answer(9, (80, 400)).long_lived(50),
    ]
};

/// Ports that scanners of the whole Internet try, with their weights.
#[rustfmt::skip]
pub(crate) const NOISE_PORTS: [(u64, u16); 20] = [
    (20, 23), (16, 22), (12, 445), (9, 3389), (8, 8080), (6, 80), (6, 443), (5, 5555), (4, 6379),
    (4, 1433), (3, 8443), (3, 2375), (3, 5900), (2, 3306), (2, 8888), (2, 9200), (2, 21), (2, 25),
    (1, 27_017), (1, 11_211),
];
