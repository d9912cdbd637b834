//! The shape of the network: which interface is in which subnet and VPC.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::{Filter, NetworkInterface, NetworkInterfaceStatus};

use super::{Error, Reader, Result};
use crate::flow_logs::FlowLog;
use crate::resource::{Resource, ResourceKind};
use crate::status::Interface;

/// The most that AWS gives; without a number it fails where they are many.
const INTERFACES_A_PAGE: i32 = 1000;

/// EC2 takes up to 200 values a filter.
const FILTER_VALUES_MAX: usize = 200;

impl Reader<'_> {
    /// The interfaces that these flow logs watch, and those that any flow log
    /// of the region watches by itself.
    pub(super) async fn interfaces(
        &self,
        flow_logs: &[FlowLog],
        all: Option<&[FlowLog]>,
    ) -> Result<Option<BTreeMap<String, Interface>>> {
        let all = all.unwrap_or_default();
        let mut interfaces = BTreeMap::new();
        for (filter, ids) in [
            ("vpc-id", watched(flow_logs, ResourceKind::Vpc)),
            ("subnet-id", watched(flow_logs, ResourceKind::Subnet)),
            (
                "network-interface-id",
                watched(all, ResourceKind::NetworkInterface),
            ),
        ] {
            for ids in ids.chunks(FILTER_VALUES_MAX) {
                let described = self.interfaces_by(filter, ids).await;
                let about = "which interfaces there are, and whether each has a log stream";
                let Some(described) = self.if_allowed(about, described)? else {
                    return Ok(None);
                };
                let described = described.iter().filter_map(Interface::of_ec2);
                interfaces.extend(described.map(|interface| (interface.id.clone(), interface)));
            }
        }
        Ok(Some(interfaces))
    }

    async fn interfaces_by(&self, filter: &str, ids: &[String]) -> Result<Vec<NetworkInterface>> {
        let request = self
            .aws
            .ec2
            .describe_network_interfaces()
            .filters(by(filter, ids))
            .max_results(INTERFACES_A_PAGE);
        let described = request.into_paginator().items().send().try_collect().await;
        described.map_err(|e| Error::of_call("ec2:DescribeNetworkInterfaces", e))
    }

    /// The VPC of each subnet that any flow log of the region watches.
    pub(super) async fn subnets(
        &self,
        all: Option<&[FlowLog]>,
    ) -> Result<Option<BTreeMap<String, String>>> {
        let mut subnets = BTreeMap::new();
        let ids = watched(all.unwrap_or_default(), ResourceKind::Subnet);
        for ids in ids.chunks(FILTER_VALUES_MAX) {
            let request = self
                .aws
                .ec2
                .describe_subnets()
                .filters(by("subnet-id", ids));
            let described = request.into_paginator().items().send().try_collect().await;
            let described = described.map_err(|e| Error::of_call("ec2:DescribeSubnets", e));
            let about = "which flow logs record the same traffic";
            let Some(described) = self.if_allowed(about, described)? else {
                return Ok(None);
            };
            let pair =
                |subnet: aws_sdk_ec2::types::Subnet| Some((subnet.subnet_id?, subnet.vpc_id?));
            subnets.extend(described.into_iter().filter_map(pair));
        }
        Ok(Some(subnets))
    }
}

impl Interface {
    fn of_ec2(described: &NetworkInterface) -> Option<Interface> {
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let attached = described
            .attachment()
            .and_then(|attachment| attachment.attach_time());
        Some(Interface {
            id: described.network_interface_id()?.to_owned(),
            vpc_id: text(described.vpc_id()),
            subnet_id: text(described.subnet_id()),
            description: text(described.description()),
            is_in_use: described.status() == Some(&NetworkInterfaceStatus::InUse),
            attached_ms: attached.and_then(|time| time.to_millis().ok()),
        })
    }
}

/// The ids of the resources of a kind that flow logs watch, each once.
fn watched(flow_logs: &[FlowLog], kind: ResourceKind) -> Vec<String> {
    let of_kind = |id: &&String| {
        let resource: Option<Resource> = id.parse().ok();
        resource.is_some_and(|resource| resource.kind() == kind)
    };
    let ids = flow_logs.iter().map(|flow_log| &flow_log.resource_id);
    let ids: BTreeSet<&String> = ids.filter(of_kind).collect();
    ids.into_iter().cloned().collect()
}

fn by(filter: &str, ids: &[String]) -> Filter {
    Filter::builder()
        .name(filter)
        .set_values(Some(ids.to_vec()))
        .build()
}
