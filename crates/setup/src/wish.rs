//! What the user wants, checked before anything is asked of AWS.

use std::fmt;
use std::str::FromStr;

use vpcflow_record::Format;

use crate::account::Account;
use crate::resource::Resource;
use crate::tags::{self, Tag, Tags};

mod error;
pub use error::WishError;

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
    pub(crate) retention_days: Option<u32>,
    pub(crate) role_name: Option<String>,
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

/// Gathers a [`Wish`]; [`build`](WishBuilder::build) checks it.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WishBuilder {
    resources: Vec<Resource>,
    log_group: Option<String>,
    traffic: Traffic,
    interval: Interval,
    format: Format,
    retention_days: Option<u32>,
    role_name: Option<String>,
    tags: Vec<Tag>,
}

impl WishBuilder {
    /// Watches one more resource. Naming it twice is naming it once.
    pub fn resource(mut self, resource: Resource) -> WishBuilder {
        if !self.resources.contains(&resource) {
            self.resources.push(resource);
        }
        self
    }

    /// The log group to deliver to. By default `/vpcflow/ID` for one
    /// resource; several resources need a name that says what they share.
    pub fn log_group(mut self, name: impl Into<String>) -> WishBuilder {
        self.log_group = Some(name.into());
        self
    }

    /// Which traffic to record; all of it by default.
    pub fn traffic(mut self, traffic: Traffic) -> WishBuilder {
        self.traffic = traffic;
        self
    }

    /// The aggregation interval; ten minutes, AWS's default, by default.
    pub fn interval(mut self, interval: Interval) -> WishBuilder {
        self.interval = interval;
        self
    }

    /// The fields of a record; AWS's version-2 format by default.
    pub fn format(mut self, format: Format) -> WishBuilder {
        self.format = format;
        self
    }

    /// For how many days the log group keeps events.
    ///
    /// By default a new log group gets [`DEFAULT_RETENTION_DAYS`] and an
    /// existing one keeps the retention that it has: leaving an option out
    /// must not delete anyone's events.
    pub fn retention_days(mut self, days: u32) -> WishBuilder {
        self.retention_days = Some(days);
        self
    }

    /// The role that delivers. By default one derived from the log group.
    ///
    /// A role of this name that vpcflow did not make is used as it is: its
    /// permissions are then the user's care.
    pub fn role_name(mut self, name: impl Into<String>) -> WishBuilder {
        self.role_name = Some(name.into());
        self
    }

    /// One more tag for everything that is created.
    pub fn tag(mut self, tag: Tag) -> WishBuilder {
        self.tags.push(tag);
        self
    }

    /// Checks the wish.
    ///
    /// # Errors
    /// When AWS would refuse it whatever exists, or when vpcflow could not
    /// mark what it creates as its own.
    pub fn build(self) -> Result<Wish, WishError> {
        let log_group = match (self.log_group, self.resources.as_slice()) {
            (_, []) => return Err(WishError::NoResource),
            (Some(name), _) => name,
            (None, [only]) => format!("/vpcflow/{}", only.id()),
            (None, several) => {
                return Err(WishError::NoLogGroup {
                    count: several.len(),
                });
            }
        };
        check_log_group(&log_group)?;
        if let Some(days) = self.retention_days
            && !RETENTION_DAYS.contains(&days)
        {
            return Err(WishError::Retention { days });
        }
        if let Some(name) = &self.role_name {
            check_role_name(name)?;
        }
        Ok(Wish {
            resources: self.resources,
            log_group,
            traffic: self.traffic,
            interval: self.interval,
            format: self.format,
            retention_days: self.retention_days,
            role_name: self.role_name,
            tags: collect_tags(&self.tags)?,
        })
    }
}

/// The rules of CreateLogGroup, and that the name can be a tag's value: the
/// role and the policy carry it there.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
fn check_log_group(name: &str) -> Result<(), WishError> {
    let refuse = |reason| {
        Err(WishError::LogGroup {
            name: name.to_owned(),
            reason,
        })
    };
    if name.is_empty() || name.len() > tags::VALUE_MAX_CHARS {
        return refuse("it must have 1 to 256 characters");
    }
    if name.starts_with("aws/") {
        return refuse("names that begin with `aws/` are reserved");
    }
    if !name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_-/.".contains(&b))
    {
        return refuse("only letters, digits and `_ - / .` are allowed");
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html>
fn check_role_name(name: &str) -> Result<(), WishError> {
    let is_valid = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if is_valid {
        Ok(())
    } else {
        Err(WishError::RoleName {
            name: name.to_owned(),
        })
    }
}

fn collect_tags(given: &[Tag]) -> Result<Tags, WishError> {
    if given.len() > USER_TAGS_MAX {
        return Err(WishError::TooManyTags { count: given.len() });
    }
    for (index, tag) in given.iter().enumerate() {
        let key = tag.key().to_lowercase();
        if given[..index]
            .iter()
            .any(|earlier| earlier.key().to_lowercase() == key)
        {
            return Err(WishError::TagTwice {
                key: tag.key().to_owned(),
            });
        }
    }
    Ok(given
        .iter()
        .map(|tag| (tag.key().to_owned(), tag.value().to_owned()))
        .collect())
}

#[cfg(test)]
mod tests;
