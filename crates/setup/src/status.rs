//! How the flow logs and their log groups do: a doctor.
//!
//! Reading and judging are apart. `read` looks at everything that the caller may
//! look at and notes what it may not; [`checks`] is a pure function from what
//! was seen to findings, each with the way out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::account::Account;
use crate::flow_logs::FlowLog;
use crate::observe::LogGroup;

mod check;
mod checks;
mod json;
mod read;
mod text;

pub use check::{Check, Topic, Verdict};

/// The flow logs of some log groups, or all of vpcflow's, and what is wrong
/// with them.
///
/// Its [`Display`](std::fmt::Display) is text for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The account and region asked about.
    pub account: Account,
    /// When it was asked, in milliseconds since 1970.
    pub now_ms: i64,
    /// The flow logs, in the order of their log group and resource.
    pub flow_logs: Vec<FlowLog>,
    /// The log groups that they deliver to, and the ones asked about.
    pub log_groups: Vec<LogGroupStatus>,
    /// What was looked into, the worst first.
    pub checks: Vec<Check>,
    /// What the caller may not look at.
    pub unseen: Vec<Unseen>,
}

impl Status {
    /// Whether no check found a problem. Warnings are none.
    pub fn is_healthy(&self) -> bool {
        self.number_of(Verdict::Problem) == 0
    }

    fn number_of(&self, verdict: Verdict) -> usize {
        let of_verdict = |check: &&Check| check.verdict == verdict;
        self.checks.iter().filter(of_verdict).count()
    }
}

/// Something that was looked at, if the caller may.
#[derive(Clone, Debug, PartialEq)]
pub enum Sight<T> {
    /// It exists.
    Seen(T),
    /// It does not exist.
    Absent,
    /// The caller may not look at it: see [`Status::unseen`].
    Unseen,
}

impl<T> Sight<T> {
    /// What was seen.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Sight::Seen(it) => Some(it),
            Sight::Absent | Sight::Unseen => None,
        }
    }
}

/// A permission that the caller lacks, and what remains unknown for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unseen {
    /// The IAM action.
    pub action: &'static str,
    /// What it would have told.
    pub about: &'static str,
}

/// A log group and what arrived in it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogGroupStatus {
    /// Its name.
    pub name: String,
    /// The log group itself. Its tags are empty when they could not be read.
    pub existing: Sight<LogGroup>,
    /// Whether vpcflow made it; `None` when its tags could not be read.
    pub is_managed: Option<bool>,
    /// Its log streams; `None` when they could not be listed.
    pub streams: Option<Streams>,
    /// The network interfaces that its flow logs watch; `None` when they could
    /// not be listed.
    pub interfaces: Option<Vec<Interface>>,
}

/// The log streams of a log group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Streams {
    /// How many there are: one for each network interface.
    pub count: usize,
    /// Whether there are more than were counted.
    pub has_more: bool,
    /// The ids of the network interfaces that have one.
    pub interfaces: BTreeSet<String>,
    /// The time of the newest event, in milliseconds since 1970: for a flow
    /// log, the start of its newest record. `None` before the first event.
    ///
    /// AWS updates it only now and then, usually within an hour; where that is
    /// too old, the log group itself was asked.
    pub newest_event_ms: Option<i64>,
    /// When the newest event arrived, in milliseconds since 1970.
    pub newest_ingestion_ms: Option<i64>,
}

/// A network interface that a flow log watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its id.
    pub id: String,
    /// The VPC that it is in.
    pub vpc_id: String,
    /// The subnet that it is in.
    pub subnet_id: String,
    /// What AWS or the owner says that it is for; often empty.
    pub description: String,
    /// Whether it is attached to something, so that there can be traffic.
    pub is_in_use: bool,
    /// When it was attached, in milliseconds since 1970.
    pub attached_ms: Option<i64>,
}

/// Everything that the checks look at.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) account: Account,
    pub(crate) now_ms: i64,
    /// The names of log groups that the user asked about; empty for all of
    /// vpcflow's.
    pub(crate) asked: Vec<String>,
    /// The flow logs asked about.
    pub(crate) flow_logs: Vec<FlowLog>,
    /// All flow logs of the region that deliver to CloudWatch Logs; `None` when
    /// they could not be listed.
    pub(crate) all_flow_logs: Option<Vec<FlowLog>>,
    pub(crate) log_groups: Vec<LogGroupStatus>,
    /// The delivery roles, by ARN.
    pub(crate) roles: BTreeMap<String, Sight<RoleFacts>>,
    /// The network interfaces, by id; `None` when they could not be listed.
    pub(crate) interfaces: Option<BTreeMap<String, Interface>>,
    /// The VPC of each subnet; `None` when they could not be listed.
    pub(crate) subnets: Option<BTreeMap<String, String>>,
    /// Roles that vpcflow made, with the log group that they serve.
    pub(crate) own_roles: Vec<(String, String)>,
}

/// A delivery role that exists.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RoleFacts {
    pub(crate) is_managed: bool,
    pub(crate) trust: Value,
    /// The documents of all its policies; `None` when they could not be read.
    pub(crate) policies: Option<Vec<Value>>,
    /// The document that bounds it: none, or one that may be unreadable.
    pub(crate) boundary: Option<Value>,
}

/// The network interface that a stream's name tells of, as in
/// `eni-0a1b2c3d-all`.
fn interface_of_stream(name: &str) -> Option<&str> {
    let id = match name.rsplit_once('-') {
        Some((id, "all" | "accept" | "reject")) => id,
        _ => name,
    };
    let digits = id.strip_prefix("eni-")?;
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (!digits.is_empty() && digits.bytes().all(is_hex)).then_some(id)
}

#[cfg(test)]
mod tests;
