//! The rest of the world: clients, services that the VPC uses, and scanners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Config;
use crate::record::AwsService;
use crate::sampling::{Random, Sequence, Weighted};

/// A host outside of the VPC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
    /// The AWS service that owns the address.
    pub(crate) service: Option<AwsService>,
}

impl Host {
    fn random(service: Option<AwsService>, random: &mut Random) -> Self {
        Self {
            ipv4: public_ipv4(random),
            ipv6: Ipv6Addr::from_bits(
                0x2001_0db8_u128 << 96 | 0xc << 92 | u128::from(random.next()),
            ),
            service,
        }
    }

    pub(crate) fn address(self, ipv6: bool) -> IpAddr {
        if ipv6 {
            self.ipv6.into()
        } else {
            self.ipv4.into()
        }
    }
}

/// Everybody whom the VPC talks to.
#[derive(Debug)]
pub(crate) struct Internet {
    clients: Vec<Host>,
    client_popularity: Weighted,
    services: Vec<Host>,
    service_popularity: Weighted,
    scanners: Vec<Ipv4Addr>,
}

impl Internet {
    pub(crate) fn new(config: &Config) -> Self {
        const CLIENTS: usize = 8192;
        const SERVICES: usize = 256;
        let mut random = Random::new(config.seed, Sequence::Internet);
        let clients = (0..CLIENTS)
            .map(|_| Host::random(None, &mut random))
            .collect();
        let services = (0..SERVICES)
            .map(|rank| Host::random(owner_of_service(rank), &mut random))
            .collect();
        // More traffic has more scanners, not busier ones: however much is
        // generated, no source of noise looks like an incident.
        let scanner_count = (config.records / 200).clamp(1000, 1 << 22);
        let scanners = (0..scanner_count)
            .map(|_| public_ipv4(&mut random))
            .collect();
        Self {
            clients,
            client_popularity: Weighted::zipf(CLIENTS),
            services,
            service_popularity: Weighted::zipf(SERVICES),
            scanners,
        }
    }

    /// A client, a few of them far more often than the rest.
    pub(crate) fn client(&self, random: &mut Random) -> Host {
        self.clients[self.client_popularity.draw(random)]
    }

    /// A server that the VPC's hosts talk to.
    pub(crate) fn service(&self, random: &mut Random) -> Host {
        self.services[self.service_popularity.draw(random)]
    }

    /// One of many sources of unwanted packets, all of them equally often.
    pub(crate) fn scanner(&self, random: &mut Random) -> Ipv4Addr {
        self.scanners[random.below(self.scanners.len() as u64) as usize]
    }
}

/// Half of the services in use are AWS's own.
fn owner_of_service(rank: usize) -> Option<AwsService> {
    match rank % 8 {
        0 | 3 => Some(AwsService::S3),
        1 => Some(AwsService::DynamoDb),
        5 => Some(AwsService::Amazon),
        _ => None,
    }
}

/// An address of the public Internet. Blocks that hold any special range
/// (private, shared, loopback, link-local, documentation) are left out whole.
fn public_ipv4(random: &mut Random) -> Ipv4Addr {
    loop {
        let bits = random.next() as u32;
        let block = bits >> 24;
        let special = matches!(
            block,
            0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..
        );
        if !special {
            return Ipv4Addr::from_bits(bits);
        }
    }
}
