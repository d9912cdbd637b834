//! Flow logs as we ask for them.

use std::fmt;

use aws_sdk_ec2::types::{
    FlowLogsResourceType, LogDestinationType, TagFieldSpecificationRequest, TaggableResourceType,
    TrafficType,
};
use vpcflow_record::Format;

use super::FlowLog;
use crate::resource::ResourceKind;
use crate::tags::Tags;
use crate::wish::{Interval, TagField, TaggedKind, Traffic};

/// Where flow logs deliver to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Destination {
    /// The log group of this name, in the account and region of the flow log.
    LogGroup(String),
}

impl Destination {
    pub(crate) fn to_ec2(&self) -> LogDestinationType {
        match self {
            Destination::LogGroup(_) => LogDestinationType::CloudWatchLogs,
        }
    }
}

/// Flow logs to create: the same settings for resources of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FlowLogRequest {
    pub(crate) kind: ResourceKind,
    pub(crate) resource_ids: Vec<String>,
    pub(crate) settings: Settings,
    pub(crate) role_arn: String,
    pub(crate) tags: Tags,
    /// The ids of the flow logs that delivered to the group when the plan was
    /// made: none of them is one that this request made.
    pub(crate) known_ids: Vec<String>,
    /// Flow logs of ours that may go first, if AWS does not take the new ones
    /// beside them.
    pub(crate) gives_way: Vec<FlowLog>,
}

impl FlowLogRequest {
    /// Whether a flow log is one of those that this asks for. The role counts:
    /// a flow log that is to be replaced for its role must not pass for its
    /// own replacement.
    pub(crate) fn is_met_by(&self, flow_log: &FlowLog) -> bool {
        self.resource_ids.contains(&flow_log.resource_id)
            && flow_log.log_group == self.settings.log_group()
            && flow_log.role_arn.as_ref() == Some(&self.role_arn)
            && self.settings.has_format_of(flow_log)
            && self.settings.difference(flow_log).is_none()
    }
}

/// What two flow logs must have in common to be interchangeable. AWS cannot
/// change any of it afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) destination: Destination,
    pub(crate) traffic: Traffic,
    pub(crate) interval: Interval,
    pub(crate) format: Format,
    /// The format to fall back to where the account refuses the `ecs-*` fields.
    pub(crate) format_without_ecs: Option<Format>,
    pub(crate) tag_fields: Vec<TagField>,
}

impl Settings {
    pub(crate) fn log_group(&self) -> &str {
        match &self.destination {
            Destination::LogGroup(name) => name,
        }
    }

    /// What a flow log of the same group and format has otherwise, for people;
    /// `None` if nothing.
    pub(crate) fn difference(&self, flow_log: &FlowLog) -> Option<String> {
        if flow_log.traffic != Some(self.traffic) {
            let traffic = flow_log
                .traffic
                .map_or("unknown".to_owned(), |t| t.to_string());
            return Some(format!("its traffic is {traffic}, not {}", self.traffic));
        }
        if flow_log.interval_seconds != self.interval.seconds() {
            let seconds = flow_log.interval_seconds;
            return Some(format!(
                "its interval is {seconds} s, not {} s",
                self.interval
            ));
        }
        // In any order of kinds, but the keys of a kind in theirs.
        let sorted = |tag_fields: &[TagField]| {
            let mut tag_fields = tag_fields.to_vec();
            tag_fields.sort_by_key(|tag_field| tag_field.kind);
            tag_fields
        };
        if sorted(&flow_log.tag_fields) != sorted(&self.tag_fields) {
            return Some("its tag fields are others".to_owned());
        }
        None
    }

    /// Whether a flow log has the wanted format, or the one that is wanted where
    /// the account refuses the `ecs-*` fields.
    pub(crate) fn has_format_of(&self, flow_log: &FlowLog) -> bool {
        flow_log.format().is_ok_and(|format| {
            format == self.format || self.format_without_ecs.as_ref() == Some(&format)
        })
    }

    /// Settles for the format without the `ecs-*` fields. The names of those
    /// left out; `None` when there is no such format.
    pub(crate) fn leave_out_ecs(&mut self) -> Option<Vec<String>> {
        let smaller = self.format_without_ecs.take()?;
        let is_left_out = |field: &&vpcflow_record::FormatField| !smaller.fields().contains(field);
        let left_out = self.format.fields().iter().filter(is_left_out);
        let names = left_out.map(|field| field.name().to_owned()).collect();
        self.format = smaller;
        Some(names)
    }

    /// The format as CreateFlowLogs takes it; `None` is AWS's default.
    pub(crate) fn log_format(&self) -> Option<String> {
        (!self.format.is_default()).then(|| self.format.to_log_format())
    }

    /// The chosen tag keys as CreateFlowLogs takes them; `None` for none.
    pub(crate) fn tag_field_specifications(&self) -> Option<Vec<TagFieldSpecificationRequest>> {
        let specification = |kind: TaggedKind| {
            let of_kind = self.tag_fields.iter().filter(|t| t.kind == kind);
            let keys: Vec<String> = of_kind.map(|t| t.key.clone()).collect();
            let builder = TagFieldSpecificationRequest::builder().resource_type(kind.to_ec2());
            (!keys.is_empty()).then(|| builder.set_tag_keys(Some(keys)).build())
        };
        let specifications: Vec<_> = TaggedKind::ALL
            .into_iter()
            .filter_map(specification)
            .collect();
        (!specifications.is_empty()).then_some(specifications)
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = self.format.fields().len();
        write!(
            f,
            "{} traffic, {} s, {fields} fields",
            self.traffic, self.interval
        )
    }
}

impl ResourceKind {
    pub(crate) fn to_ec2(self) -> FlowLogsResourceType {
        match self {
            ResourceKind::Vpc => FlowLogsResourceType::Vpc,
            ResourceKind::Subnet => FlowLogsResourceType::Subnet,
            ResourceKind::NetworkInterface => FlowLogsResourceType::NetworkInterface,
        }
    }
}

impl Traffic {
    pub(crate) fn to_ec2(self) -> TrafficType {
        match self {
            Traffic::All => TrafficType::All,
            Traffic::Accept => TrafficType::Accept,
            Traffic::Reject => TrafficType::Reject,
        }
    }
}

impl TaggedKind {
    fn to_ec2(self) -> TaggableResourceType {
        match self {
            TaggedKind::Instance => TaggableResourceType::Instance,
            TaggedKind::NetworkInterface => TaggableResourceType::NetworkInterface,
            TaggedKind::AutoScalingGroup => TaggableResourceType::AutoScalingGroup,
        }
    }
}
