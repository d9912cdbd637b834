//! What the user wants, checked before anything is asked of AWS.

use std::fmt;
use std::str::FromStr;

use vpcflow_record::Format;

use crate::account::Account;
use crate::log_class::LogClass;
use crate::resource::Resource;
use crate::tags::{self, Tags};

mod builder;
mod error;
mod fields;
pub use builder::WishBuilder;
pub use error::WishError;
pub use fields::{Fields, TagField, TaggedKind};
pub(crate) use fields::{is_ecs_field, is_tag_field};

/// The retention of a new log group when the user names none, in days.
pub const DEFAULT_RETENTION_DAYS: u32 = 30;

/// The retentions that CloudWatch Logs knows, in days:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>.
pub const RETENTION_DAYS: [u32; 22] = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// The tags that one resource can carry, less those of vpcflow.
pub(crate) const USER_TAGS_MAX: usize = 50 - 3;

/// Which traffic a flow log records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Traffic {
    /// Accepted and rejected.
    #[default]
    All,
    /// Accepted only.
    Accept,
    /// Rejected only.
    Reject,
}

impl FromStr for Traffic {
    type Err = WishError;

    fn from_str(word: &str) -> Result<Traffic, WishError> {
        match word.to_ascii_lowercase().as_str() {
            "all" => Ok(Traffic::All),
            "accept" => Ok(Traffic::Accept),
            "reject" => Ok(Traffic::Reject),
            _ => Err(WishError::Traffic {
                word: word.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Traffic::All => "all",
            Traffic::Accept => "accept",
            Traffic::Reject => "reject",
        })
    }
}

/// The longest time that AWS gathers a flow before it writes a record.
///
/// Interfaces of Nitro-based instances are never gathered for longer than a
/// minute: <https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interval {
    /// 60 seconds: sooner and finer, but more records, which AWS bills.
    OneMinute,
    /// 600 seconds, AWS's default.
    #[default]
    TenMinutes,
}

impl Interval {
    /// The interval in seconds.
    pub fn seconds(self) -> u32 {
        match self {
            Interval::OneMinute => 60,
            Interval::TenMinutes => 600,
        }
    }
}

impl FromStr for Interval {
    type Err = WishError;

    fn from_str(seconds: &str) -> Result<Interval, WishError> {
        match seconds {
            "60" => Ok(Interval::OneMinute),
            "600" => Ok(Interval::TenMinutes),
            _ => Err(WishError::Interval {
                seconds: seconds.to_owned(),
            }),
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seconds().fmt(f)
    }
}

/// The flow logs that a user wants: valid, but not yet compared with what
/// exists. Made by [`Wish::builder`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    pub(crate) resources: Vec<Resource>,
    pub(crate) log_group: String,
    pub(crate) traffic: Traffic,
    pub(crate) interval: Interval,
    pub(crate) format: Format,
    /// What to ask for where the account refuses the `ecs-*` fields; `None`
    /// when there are none or the user named them.
    pub(crate) format_without_ecs: Option<Format>,
    pub(crate) tag_fields: Vec<TagField>,
    pub(crate) retention_days: Option<u32>,
    pub(crate) kms_key: Option<String>,
    pub(crate) log_class: Option<LogClass>,
    pub(crate) role_name: Option<String>,
    pub(crate) may_leave_gap: bool,
    tags: Tags,
}

impl Wish {
    /// A wish for nothing yet, with AWS's defaults.
    pub fn builder() -> WishBuilder {
        WishBuilder::default()
    }

    /// The log group that the flow logs deliver to.
    pub fn log_group(&self) -> &str {
        &self.log_group
    }

    /// What is watched, each once, in the order given.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// The role that delivers: the one named, else the one derived from the
    /// log group.
    pub fn role_name(&self, account: &Account) -> String {
        self.role_name
            .clone()
            .unwrap_or_else(|| account.delivery_name(&self.log_group))
    }

    /// The tags of a log group or flow log that vpcflow makes.
    pub(crate) fn regional_tags(&self) -> Tags {
        let mut tags = self.tags.clone();
        tags.set(tags::MANAGED_BY, tags::MANAGER);
        tags
    }

    /// The tags of a role or policy that vpcflow makes. They also say whom it
    /// serves, which a log group or flow log shows by itself.
    pub(crate) fn iam_tags(&self, account: &Account) -> Tags {
        let mut tags = self.regional_tags();
        tags.set(tags::LOG_GROUP, &self.log_group);
        tags.set(tags::REGION, account.region());
        tags
    }
}

#[cfg(test)]
mod tests;
