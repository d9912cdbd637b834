//! What a flow log can watch.

use std::fmt;
use std::str::FromStr;

use aws_sdk_ec2::types::Filter;

use crate::Provisioner;
use crate::error::{Error, Result};
use crate::wish::WishError;

/// The values that EC2 takes in one filter:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Query-Requests.html>.
pub(crate) const FILTER_VALUES_MAX: usize = 200;

/// The most that AWS gives. Without a number it gives all at once, and fails
/// where they are many:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNetworkInterfaces.html>.
const INTERFACES_A_PAGE: i32 = 1000;

/// What a flow log can watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceKind {
    /// A VPC: all its network interfaces, also future ones.
    Vpc,
    /// A subnet: all its network interfaces, also future ones.
    Subnet,
    /// One network interface.
    NetworkInterface,
}

impl ResourceKind {
    const ALL: [ResourceKind; 3] = [
        ResourceKind::Vpc,
        ResourceKind::Subnet,
        ResourceKind::NetworkInterface,
    ];

    /// The name of EC2's filter by id.
    fn id_filter(self) -> &'static str {
        match self {
            ResourceKind::Vpc => "vpc-id",
            ResourceKind::Subnet => "subnet-id",
            ResourceKind::NetworkInterface => "network-interface-id",
        }
    }

    fn id_prefix(self) -> &'static str {
        match self {
            ResourceKind::Vpc => "vpc-",
            ResourceKind::Subnet => "subnet-",
            ResourceKind::NetworkInterface => "eni-",
        }
    }
}

impl fmt::Display for ResourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ResourceKind::Vpc => "VPC",
            ResourceKind::Subnet => "subnet",
            ResourceKind::NetworkInterface => "network interface",
        })
    }
}

/// A VPC, subnet or network interface, by its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resource {
    kind: ResourceKind,
    id: String,
}

impl Resource {
    /// A resource that the user says is of this kind.
    ///
    /// # Errors
    /// When the id is none of that kind.
    pub fn new(kind: ResourceKind, id: &str) -> std::result::Result<Resource, WishError> {
        match Resource::from_str(id) {
            Ok(resource) if resource.kind == kind => Ok(resource),
            _ => Err(WishError::ResourceKind {
                id: id.to_owned(),
                expected: kind,
            }),
        }
    }

    /// The kind.
    pub fn kind(&self) -> ResourceKind {
        self.kind
    }

    /// The id, such as `vpc-0a1b2c3d`.
    pub fn id(&self) -> &str {
        &self.id
    }
}

/// Tells the kind by the id's prefix.
impl FromStr for Resource {
    type Err = WishError;

    fn from_str(id: &str) -> std::result::Result<Resource, WishError> {
        let is_of_kind = |kind: &ResourceKind| {
            let digits = id.strip_prefix(kind.id_prefix()).unwrap_or_default();
            !digits.is_empty()
                && digits
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        };
        match ResourceKind::ALL.into_iter().find(is_of_kind) {
            Some(kind) => Ok(Resource {
                kind,
                id: id.to_owned(),
            }),
            None => Err(WishError::ResourceId { id: id.to_owned() }),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl Provisioner {
    /// Those of `resources` that do not exist.
    ///
    /// Asks by filter: by id, one missing resource makes the whole call fail,
    /// and the answer names only that one.
    pub(crate) async fn missing_of(&self, resources: &[Resource]) -> Result<Vec<Resource>> {
        let mut missing = Vec::new();
        for chunk in resources.chunk_by(|one, next| one.kind() == next.kind()) {
            for chunk in chunk.chunks(FILTER_VALUES_MAX) {
                let existing = self.existing_ids(chunk).await?;
                let is_missing =
                    |resource: &&Resource| !existing.contains(&resource.id().to_owned());
                missing.extend(chunk.iter().filter(is_missing).cloned());
            }
        }
        Ok(missing)
    }

    /// The ids of those resources, all of one kind, that exist.
    async fn existing_ids(&self, resources: &[Resource]) -> Result<Vec<String>> {
        let Some(first) = resources.first() else {
            return Ok(Vec::new());
        };
        let ids = resources
            .iter()
            .map(|resource| resource.id().to_owned())
            .collect();
        let by_id = Filter::builder()
            .name(first.kind().id_filter())
            .set_values(Some(ids))
            .build();
        self.ids_of(first.kind(), vec![by_id]).await
    }

    /// The ids of the resources of one kind that pass these filters.
    pub(crate) async fn ids_of(
        &self,
        kind: ResourceKind,
        filters: Vec<Filter>,
    ) -> Result<Vec<String>> {
        let filters = Some(filters);
        let ids = match kind {
            ResourceKind::Vpc => {
                let request = self.ec2.describe_vpcs().set_filters(filters);
                let vpcs = request.into_paginator().items().send().try_collect().await;
                let vpcs = vpcs.map_err(|e| Error::of_call("ec2:DescribeVpcs", e))?;
                vpcs.into_iter().filter_map(|vpc| vpc.vpc_id).collect()
            }
            ResourceKind::Subnet => {
                let request = self.ec2.describe_subnets().set_filters(filters);
                let subnets = request.into_paginator().items().send().try_collect().await;
                let subnets = subnets.map_err(|e| Error::of_call("ec2:DescribeSubnets", e))?;
                subnets
                    .into_iter()
                    .filter_map(|subnet| subnet.subnet_id)
                    .collect()
            }
            ResourceKind::NetworkInterface => {
                let request = self
                    .ec2
                    .describe_network_interfaces()
                    .set_filters(filters)
                    .max_results(INTERFACES_A_PAGE);
                let found = request.into_paginator().items().send().try_collect().await;
                let found =
                    found.map_err(|e| Error::of_call("ec2:DescribeNetworkInterfaces", e))?;
                found
                    .into_iter()
                    .filter_map(|eni| eni.network_interface_id)
                    .collect()
            }
        };
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_shows_in_the_id() {
        for (id, kind) in [
            ("vpc-0a1b2c3d", ResourceKind::Vpc),
            ("subnet-0123456789abcdef0", ResourceKind::Subnet),
            ("eni-0f", ResourceKind::NetworkInterface),
        ] {
            assert_eq!(id.parse::<Resource>().unwrap().kind(), kind, "{id}");
        }
        for id in [
            "",
            "vpc-",
            "vpc-XYZ",
            "vpc-0A",
            "tgw-0a",
            "0a1b",
            "vpc-0a ",
            "subnet 0a",
        ] {
            assert!(id.parse::<Resource>().is_err(), "{id}");
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let error = Resource::new(ResourceKind::Vpc, "subnet-0a").unwrap_err();
        assert_eq!(error.to_string(), "`subnet-0a` is not the id of a VPC");
        assert!(error.hint().unwrap().contains("vpc-"));
    }
}
