//! Gathers what the user wants, and checks it.

use super::fields;
use super::{Fields, Interval, RETENTION_DAYS, TagField, Traffic, USER_TAGS_MAX, Wish, WishError};
use crate::log_class::LogClass;
use crate::resource::Resource;
use crate::tags::{self, Tag, Tags};

/// Gathers a [`Wish`]; [`build`](WishBuilder::build) checks it.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WishBuilder {
    resources: Vec<Resource>,
    log_group: Option<String>,
    traffic: Traffic,
    interval: Interval,
    fields: Fields,
    tag_fields: Vec<TagField>,
    retention_days: Option<u32>,
    kms_key: Option<String>,
    log_class: Option<LogClass>,
    role_name: Option<String>,
    may_leave_gap: bool,
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
    pub fn fields(mut self, fields: impl Into<Fields>) -> WishBuilder {
        self.fields = fields.into();
        self
    }

    /// One more tag whose value a record has.
    pub fn tag_field(mut self, tag_field: TagField) -> WishBuilder {
        self.tag_fields.push(tag_field);
        self
    }

    /// For how many days the log group keeps events.
    ///
    /// By default a new log group gets [`DEFAULT_RETENTION_DAYS`](crate::DEFAULT_RETENTION_DAYS) and an
    /// existing one keeps the retention that it has: leaving an option out
    /// must not delete anyone's events.
    pub fn retention_days(mut self, days: u32) -> WishBuilder {
        self.retention_days = Some(days);
        self
    }

    /// The KMS key, by its ARN, that encrypts the log group's new events. By
    /// default CloudWatch Logs' own encryption for a new group; an existing one
    /// keeps its key.
    pub fn kms_key(mut self, arn: impl Into<String>) -> WishBuilder {
        self.kms_key = Some(arn.into());
        self
    }

    /// The class of a new log group; the standard one by default. AWS cannot
    /// change the class of an existing group.
    pub fn log_class(mut self, class: LogClass) -> WishBuilder {
        self.log_class = Some(class);
        self
    }

    /// Whether an old flow log may go before its replacement is there, if AWS
    /// does not take both at once. Traffic of the seconds between is lost.
    pub fn allow_gap(mut self, is_allowed: bool) -> WishBuilder {
        self.may_leave_gap = is_allowed;
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
        if let Some(key) = &self.kms_key {
            check_kms_key(key)?;
        }
        let resolved = fields::resolve(&self.fields, &self.tag_fields)?;
        Ok(Wish {
            resources: self.resources,
            log_group,
            traffic: self.traffic,
            interval: self.interval,
            format: resolved.format,
            format_without_ecs: resolved.without_ecs,
            tag_fields: self.tag_fields,
            retention_days: self.retention_days,
            kms_key: self.kms_key,
            log_class: self.log_class,
            role_name: self.role_name,
            may_leave_gap: self.may_leave_gap,
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

/// CreateLogGroup takes the ARN of a key, and neither an id nor an alias.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
fn check_kms_key(arn: &str) -> Result<(), WishError> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "kms", region, account, key]
            if !region.is_empty() && !account.is_empty() && key.starts_with("key/") =>
        {
            Ok(())
        }
        _ => Err(WishError::KmsKey {
            key: arn.to_owned(),
        }),
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
