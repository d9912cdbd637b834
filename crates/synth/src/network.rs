//! The VPC: its subnets, its network interfaces and what each of them does.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::config::Config;
use crate::sampling::{Random, Sequence};

/// Addresses of one subnet that interfaces may have: a /18 less the four that
/// AWS keeps at its start and the last one
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>),
/// rounded down.
const ADDRESSES_OF_A_SUBNET: u32 = 16_376;

/// What the three subnets hold together.
pub(crate) const MAX_INTERFACES: u32 = 3 * ADDRESSES_OF_A_SUBNET;

pub(crate) const REGION: &str = "us-east-1";

/// What an interface does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A network load balancer: clients of the Internet arrive here.
    LoadBalancer,
    /// A web server behind the load balancer.
    Web,
    /// An application server.
    App,
    /// The database.
    Database,
    /// A NAT gateway: the way out for interfaces without a public address.
    NatGateway,
    /// The host that administrators log in to.
    Bastion,
    /// A node of a Kubernetes cluster.
    KubernetesNode,
    /// A cache in memory.
    Cache,
    /// A standby: no traffic, `NODATA` records only.
    Standby,
}

/// The roles of the first twenty interfaces; the next twenty have the same.
/// Each role comes early, so that a small network is still a whole one.
const ROLES: [Role; 20] = [
    Role::LoadBalancer,
    Role::Web,
    Role::App,
    Role::Database,
    Role::NatGateway,
    Role::Bastion,
    Role::KubernetesNode,
    Role::Standby,
    Role::Web,
    Role::App,
    Role::Cache,
    Role::KubernetesNode,
    Role::Standby,
    Role::Web,
    Role::App,
    Role::LoadBalancer,
    Role::Standby,
    Role::KubernetesNode,
    Role::Standby,
    Role::Standby,
];

const ROLE_COUNT: usize = Role::Standby as usize + 1;

impl Role {
    /// Whether the Internet reaches interfaces of this role.
    #[must_use]
    pub fn is_public(self) -> bool {
        matches!(
            self,
            Self::LoadBalancer | Self::Web | Self::NatGateway | Self::Bastion
        )
    }

    /// Whether AWS runs the interface for a service, so that no instance of
    /// the account stands behind it.
    fn is_managed(self) -> bool {
        matches!(self, Self::LoadBalancer | Self::NatGateway)
    }

    /// The value of `interface-type`, `None` for an ordinary interface.
    pub(crate) fn interface_type(self) -> Option<&'static str> {
        match self {
            Self::LoadBalancer => Some("network_load_balancer"),
            Self::NatGateway => Some("nat_gateway"),
            _ => None,
        }
    }

    /// The value of the instance's tag, percent-encoded as AWS does.
    pub(crate) fn tag(self) -> Option<&'static str> {
        match self {
            Self::Web => Some("web"),
            Self::App => Some("app"),
            Self::Database => Some("database"),
            Self::Bastion => Some("bastion"),
            Self::KubernetesNode => Some("kubernetes%2Dnode"),
            Self::Cache => Some("cache"),
            Self::Standby => Some("standby"),
            Self::LoadBalancer | Self::NatGateway => None,
        }
    }

    /// The value of the Auto Scaling group's tag, for roles that are scaled.
    pub(crate) fn scaling_group_tag(self) -> Option<&'static str> {
        match self {
            Self::Web => Some("web%2Dfleet"),
            Self::App => Some("app%2Dfleet"),
            Self::KubernetesNode => Some("cluster%2Dnodes"),
            _ => None,
        }
    }
}

/// A network interface. Each has a log stream of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its number, from 0 on.
    pub index: usize,
    /// What it does.
    pub role: Role,
    /// `eni-` and 17 hexadecimal digits.
    pub id: String,
    /// The owner.
    pub account_id: String,
    /// The VPC, the same for all.
    pub vpc_id: String,
    /// One of three subnets, each in an availability zone of its own.
    pub subnet_id: String,
    /// The zone of the subnet, such as `use1-az1`.
    pub az_id: &'static str,
    /// `None` for interfaces that AWS runs for a service.
    pub instance_id: Option<String>,
    /// The primary private address.
    pub ipv4: Ipv4Addr,
    /// The IPv6 address, from the range kept for documentation.
    pub ipv6: Ipv6Addr,
}

impl Interface {
    /// The log stream that CloudWatch Logs keeps for this interface.
    #[must_use]
    pub fn stream_name(&self) -> String {
        format!("{}-all", self.id)
    }

    pub(crate) fn address(&self, ipv6: bool) -> IpAddr {
        if ipv6 {
            self.ipv6.into()
        } else {
            self.ipv4.into()
        }
    }
}

/// All interfaces of the VPC.
#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) interfaces: Vec<Arc<Interface>>,
    by_role: [Vec<Arc<Interface>>; ROLE_COUNT],
    /// Those that carry traffic.
    pub(crate) active: Vec<Arc<Interface>>,
    /// Those that the Internet reaches.
    pub(crate) public: Vec<Arc<Interface>>,
}

impl Network {
    pub(crate) fn new(config: &Config) -> Self {
        let mut random = Random::new(config.seed, Sequence::Network);
        let vpc_id = identifier("vpc", &mut random);
        let subnets = ["use1-az1", "use1-az2", "use1-az4"]
            .map(|az_id| (az_id, identifier("subnet", &mut random)));
        let interfaces: Vec<_> = (0..config.interface_count())
            .map(|number| {
                let (az_id, subnet_id) = &subnets[number as usize % 3];
                let role = ROLES[number as usize % ROLES.len()];
                let host = host_number(number);
                Arc::new(Interface {
                    index: number as usize,
                    role,
                    id: identifier("eni", &mut random),
                    account_id: config.account_id.clone(),
                    vpc_id: vpc_id.clone(),
                    subnet_id: subnet_id.clone(),
                    az_id,
                    instance_id: (!role.is_managed()).then(|| identifier("i", &mut random)),
                    ipv4: Ipv4Addr::from_bits(0x0a00_0000 | (number % 3) << 14 | host),
                    ipv6: ipv6_address(number % 3, host),
                })
            })
            .collect();
        let of = |wanted: &dyn Fn(Role) -> bool| -> Vec<_> {
            let mut chosen = interfaces.clone();
            chosen.retain(|interface| wanted(interface.role));
            chosen
        };
        let mut by_role = [const { Vec::new() }; ROLE_COUNT];
        for interface in &interfaces {
            by_role[interface.role as usize].push(Arc::clone(interface));
        }
        Self {
            by_role,
            active: of(&|role| role != Role::Standby),
            public: of(&Role::is_public),
            interfaces,
        }
    }

    /// The interfaces of a role, which may be none in a small network.
    pub(crate) fn of_role(&self, role: Role) -> &[Arc<Interface>] {
        &self.by_role[role as usize]
    }
}

/// An identifier as AWS makes them: 17 hexadecimal digits, the first a zero.
fn identifier(prefix: &str, random: &mut Random) -> String {
    format!("{prefix}-0{:016x}", random.next())
}

/// The host part of an address. The step has no factor in common with the
/// number of addresses, so all of them differ without lying side by side.
fn host_number(number: u32) -> u32 {
    4 + (number / 3) * 97 % ADDRESSES_OF_A_SUBNET
}

fn ipv6_address(subnet: u32, host: u32) -> Ipv6Addr {
    let bits = 0x2001_0db8_00aa_1a00_u128 << 64 | u128::from(subnet) << 64 | u128::from(host);
    Ipv6Addr::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn network(enis: u32) -> Network {
        Network::new(&Config {
            enis,
            ..Config::default()
        })
    }

    #[test]
    fn addresses_and_identifiers_are_unique_in_the_largest_network() {
        let network = network(u32::MAX);
        let count = network.interfaces.len();
        assert_eq!(count, MAX_INTERFACES as usize);
        let ids: HashSet<_> = network.interfaces.iter().map(|each| &each.id).collect();
        let ipv4: HashSet<_> = network.interfaces.iter().map(|each| each.ipv4).collect();
        let ipv6: HashSet<_> = network.interfaces.iter().map(|each| each.ipv6).collect();
        assert_eq!((ids.len(), ipv4.len(), ipv6.len()), (count, count, count));
        assert!(ipv4.iter().all(|address| address.octets()[..2] == [10, 0]));
    }

    #[test]
    fn eight_interfaces_have_every_role_that_incidents_need() {
        let network = network(8);
        for role in [
            Role::LoadBalancer,
            Role::Web,
            Role::Bastion,
            Role::KubernetesNode,
        ] {
            assert!(!network.of_role(role).is_empty(), "{role:?}");
        }
    }

    #[test]
    fn one_interface_is_the_least() {
        assert_eq!(network(0).interfaces.len(), 1);
        assert_eq!(network(0).public.len(), 1);
    }
}
