//! Flow logs as EC2 describes them, and as we ask for them.

use std::fmt;

use aws_sdk_ec2::types::{Filter, TaggableResourceType, TrafficType};
use vpcflow_record::Format;

use crate::Provisioner;
use crate::error::{Error, Result};
use crate::resource::{FILTER_VALUES_MAX, Resource};
use crate::tags::Tags;
use crate::wish::{Interval, TagField, TaggedKind, Traffic};

mod request;
pub use request::Destination;
pub(crate) use request::{FlowLogRequest, Settings};

/// A flow log that exists and delivers to CloudWatch Logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowLog {
    /// Its id, such as `fl-0a1b2c3d`.
    pub id: String,
    /// The id of the VPC, subnet, network interface or other resource.
    pub resource_id: String,
    /// The log group that it delivers to.
    pub log_group: String,
    /// Which traffic it records; `None` for resources without that choice.
    pub traffic: Option<Traffic>,
    /// The aggregation interval, in seconds.
    pub interval_seconds: u32,
    /// The fields of a record, as in `${version} ${account-id}`.
    pub log_format: String,
    /// The tags whose values the records have.
    pub tag_fields: Vec<TagField>,
    /// The ARN of the role that delivers.
    pub role_arn: Option<String>,
    /// How the delivery goes.
    pub delivery: Delivery,
    /// When it was made, in milliseconds since 1970.
    pub created_ms: Option<i64>,
    /// Its tags.
    pub tags: Tags,
}

/// How AWS says the delivery of a flow log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// AWS sees no trouble. A new flow log says so before it has delivered
    /// anything, which can take ten minutes.
    Succeeds,
    /// AWS cannot deliver.
    Fails {
        /// `Access error`, `Rate limited` or `Unknown error`.
        reason: String,
    },
    /// AWS says neither.
    Unknown,
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Delivery::Succeeds => f.write_str("delivery succeeds"),
            Delivery::Fails { reason } => write!(f, "delivery fails: {reason}"),
            Delivery::Unknown => f.write_str("delivery unknown"),
        }
    }
}

impl FlowLog {
    /// The format of its records.
    ///
    /// # Errors
    /// When AWS describes the format in a way that cannot be read.
    pub fn format(&self) -> Result<Format> {
        Format::parse(&self.log_format).map_err(|source| Error::Format {
            flow_log_id: self.id.clone(),
            source,
        })
    }

    /// `None` for a flow log that delivers elsewhere than to CloudWatch Logs,
    /// or that EC2 describes without an id.
    fn of_ec2(described: &aws_sdk_ec2::types::FlowLog) -> Option<FlowLog> {
        let log_group = described
            .log_group_name()
            .or_else(|| log_group_of_arn(described.log_destination()?))?;
        Some(FlowLog {
            id: described.flow_log_id()?.to_owned(),
            resource_id: described.resource_id()?.to_owned(),
            log_group: log_group.to_owned(),
            traffic: described.traffic_type().and_then(traffic_of_ec2),
            interval_seconds: described
                .max_aggregation_interval()
                .and_then(|seconds| u32::try_from(seconds).ok())
                .unwrap_or(Interval::default().seconds()),
            log_format: described.log_format().unwrap_or("default").to_owned(),
            tag_fields: tag_fields_of_ec2(described),
            role_arn: described.deliver_logs_permission_arn().map(str::to_owned),
            delivery: match described.deliver_logs_status() {
                Some("SUCCESS") => Delivery::Succeeds,
                Some("FAILED") => {
                    let reason = described.deliver_logs_error_message();
                    Delivery::Fails {
                        reason: reason.unwrap_or("no reason given").to_owned(),
                    }
                }
                _ => Delivery::Unknown,
            },
            created_ms: described
                .creation_time()
                .and_then(|time| time.to_millis().ok()),
            tags: Tags::from_ec2(described.tags()),
        })
    }
}

/// A flow log can be made with either the name or the ARN of its log group.
fn log_group_of_arn(arn: &str) -> Option<&str> {
    let (_, name) = arn.split_once(":log-group:")?;
    Some(name.strip_suffix(":*").unwrap_or(name))
}

fn tag_fields_of_ec2(described: &aws_sdk_ec2::types::FlowLog) -> Vec<TagField> {
    let mut tag_fields = Vec::new();
    for specification in described.tag_field_specifications() {
        let kind = match specification.resource_type() {
            Some(TaggableResourceType::Instance) => TaggedKind::Instance,
            Some(TaggableResourceType::NetworkInterface) => TaggedKind::NetworkInterface,
            Some(TaggableResourceType::AutoScalingGroup) => TaggedKind::AutoScalingGroup,
            _ => continue,
        };
        let keys = specification.tag_keys().iter().cloned();
        tag_fields.extend(keys.map(|key| TagField { kind, key }));
    }
    tag_fields
}

fn traffic_of_ec2(traffic: &TrafficType) -> Option<Traffic> {
    match traffic {
        TrafficType::All => Some(Traffic::All),
        TrafficType::Accept => Some(Traffic::Accept),
        TrafficType::Reject => Some(Traffic::Reject),
        _ => None,
    }
}

/// One format of a log group's records, and the flow logs that write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupFormat {
    /// The format.
    pub format: Format,
    /// The ids of the flow logs, at least one.
    pub flow_log_ids: Vec<String>,
}

impl Provisioner {
    /// The formats in which flow logs write to a log group at present: none if
    /// no flow log does, and more than one if their records cannot be told
    /// apart. Fields that this version does not know are no error.
    ///
    /// # Errors
    /// When AWS cannot be asked, or describes a format that cannot be read.
    pub async fn log_formats(&self, log_group: &str) -> Result<Vec<GroupFormat>> {
        let mut formats: Vec<GroupFormat> = Vec::new();
        for flow_log in self.flow_logs_of_group(log_group).await? {
            let format = flow_log.format()?;
            match formats.iter_mut().find(|known| known.format == format) {
                Some(known) => known.flow_log_ids.push(flow_log.id),
                None => formats.push(GroupFormat {
                    format,
                    flow_log_ids: vec![flow_log.id],
                }),
            }
        }
        Ok(formats)
    }

    /// The flow logs that deliver to a log group.
    pub(crate) async fn flow_logs_of_group(&self, log_group: &str) -> Result<Vec<FlowLog>> {
        self.describe_flow_logs(Some(filter("log-group-name", log_group)))
            .await
    }

    /// The flow logs that watch these resources.
    pub(crate) async fn flow_logs_of_resources(
        &self,
        resources: &[Resource],
    ) -> Result<Vec<FlowLog>> {
        let mut flow_logs = Vec::new();
        for chunk in resources.chunks(FILTER_VALUES_MAX) {
            let ids = chunk.iter().map(|resource| resource.id().to_owned());
            let by_resource = Filter::builder()
                .name("resource-id")
                .set_values(Some(ids.collect()))
                .build();
            flow_logs.extend(self.describe_flow_logs(Some(by_resource)).await?);
        }
        Ok(flow_logs)
    }

    /// The flow logs of these ids that exist, 200 ids at most.
    pub(crate) async fn flow_logs_of_ids(&self, ids: &[String]) -> Result<Vec<FlowLog>> {
        let by_id = Filter::builder().name("flow-log-id");
        let by_id = by_id.set_values(Some(ids.to_vec())).build();
        self.describe_flow_logs(Some(by_id)).await
    }

    /// All flow logs in this region that deliver to CloudWatch Logs.
    pub(crate) async fn all_flow_logs(&self) -> Result<Vec<FlowLog>> {
        self.describe_flow_logs(None).await
    }

    async fn describe_flow_logs(&self, filter: Option<Filter>) -> Result<Vec<FlowLog>> {
        let request = self
            .ec2
            .describe_flow_logs()
            .set_filter(filter.map(|filter| vec![filter]));
        let described = request.into_paginator().items().send().try_collect().await;
        let described = described.map_err(|e| Error::of_call("ec2:DescribeFlowLogs", e))?;
        Ok(described.iter().filter_map(FlowLog::of_ec2).collect())
    }
}

fn filter(name: &str, value: &str) -> Filter {
    Filter::builder().name(name).values(value).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_group_is_in_the_name_or_in_the_destination() {
        let described = || {
            aws_sdk_ec2::types::FlowLog::builder()
                .flow_log_id("fl-1")
                .resource_id("vpc-1")
        };
        let by_arn = described()
            .log_destination("arn:aws:logs:us-east-1:123456789012:log-group:/flows:*")
            .build();
        assert_eq!(FlowLog::of_ec2(&by_arn).unwrap().log_group, "/flows");
        let by_name = described().log_group_name("/flows").build();
        assert_eq!(FlowLog::of_ec2(&by_name).unwrap().log_group, "/flows");
        let to_s3 = described()
            .log_destination("arn:aws:s3:::bucket/prefix")
            .build();
        assert_eq!(FlowLog::of_ec2(&to_s3), None);
    }

    #[test]
    fn what_ec2_leaves_out_is_its_default() {
        let described = aws_sdk_ec2::types::FlowLog::builder()
            .flow_log_id("fl-1")
            .resource_id("vpc-1")
            .log_group_name("/flows")
            .deliver_logs_status("FAILED")
            .deliver_logs_error_message("Access error")
            .build();
        let flow_log = FlowLog::of_ec2(&described).unwrap();
        assert_eq!(flow_log.interval_seconds, 600);
        assert!(flow_log.format().unwrap().is_default());
        assert_eq!(flow_log.traffic, None);
        assert_eq!(
            flow_log.delivery.to_string(),
            "delivery fails: Access error"
        );
    }

    #[test]
    fn fields_of_the_future_are_no_error() {
        let described = aws_sdk_ec2::types::FlowLog::builder()
            .flow_log_id("fl-1")
            .resource_id("vpc-1")
            .log_group_name("/flows")
            .log_format("${srcaddr} ${field-of-tomorrow}")
            .build();
        let format = FlowLog::of_ec2(&described).unwrap().format().unwrap();
        assert_eq!(format.to_string(), "srcaddr field-of-tomorrow");
    }
}
