//! Why a wish is refused before anything is asked of AWS.

use thiserror::Error;
use vpcflow_record::Field;

use super::{RETENTION_DAYS, TagField, USER_TAGS_MAX};
use crate::resource::ResourceKind;

/// Why a wish cannot be carried out by anyone.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WishError {
    /// An id of none of the three kinds of resource.
    #[error("`{id}` is not the id of a VPC, a subnet or a network interface")]
    ResourceId {
        /// The id as given.
        id: String,
    },
    /// An id of another kind than it was given as.
    #[error("`{id}` is not the id of a {expected}")]
    ResourceKind {
        /// The id as given.
        id: String,
        /// What it was given as.
        expected: ResourceKind,
    },
    /// No resource at all.
    #[error("no VPC, subnet or network interface is named")]
    NoResource,
    /// Several resources share a log group, but nobody named it.
    #[error("{count} resources are named, but no log group for them to share")]
    NoLogGroup {
        /// How many resources.
        count: usize,
    },
    /// A log group name that cannot be used.
    #[error("`{name}` cannot be the log group: {reason}")]
    LogGroup {
        /// The name as given.
        name: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A word that is no kind of traffic.
    #[error("`{word}` is no kind of traffic")]
    Traffic {
        /// The word as given.
        word: String,
    },
    /// An aggregation interval that AWS does not offer.
    #[error("`{seconds}` is no aggregation interval")]
    Interval {
        /// The interval as given.
        seconds: String,
    },
    /// Fields that a flow log cannot have.
    #[error("{reason}")]
    Fields {
        /// The fields as given.
        text: String,
        /// What is wrong with them.
        reason: String,
    },
    /// A tag field that AWS does not take.
    #[error("`{text}` cannot be a tag field: {reason}")]
    TagField {
        /// The tag field as given.
        text: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A tag key was chosen whose field the records do not have.
    #[error("`{tag_field}` is chosen, but `{field}` is not among the fields")]
    TagFieldUnused {
        /// What was chosen.
        tag_field: TagField,
        /// The field that it would fill.
        field: Field,
    },
    /// A text that is not the ARN of a KMS key.
    #[error("`{key}` is not the ARN of a KMS key")]
    KmsKey {
        /// The key as given.
        key: String,
    },
    /// A word that is no class of log group.
    #[error("`{word}` is no class of log group")]
    LogClass {
        /// The word as given.
        word: String,
    },
    /// Something that a CloudFormation template cannot have.
    #[error("CloudFormation does not know {what}")]
    NotInTemplates {
        /// What it is.
        what: &'static str,
    },
    /// A text that selects no tag.
    #[error("`{text}` selects no tag")]
    TagFilter {
        /// The text as given.
        text: String,
    },
    /// A retention that AWS does not offer.
    #[error("log events cannot be kept for `{days}` days")]
    Retention {
        /// The retention as given.
        days: u32,
    },
    /// A role name that IAM would refuse.
    #[error("`{name}` cannot be the name of a role")]
    RoleName {
        /// The name as given.
        name: String,
    },
    /// A tag that one of the services would refuse.
    #[error("`{tag}` cannot be a tag: {reason}")]
    Tag {
        /// The tag as given.
        tag: String,
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// A tag key given twice, also in another case: IAM takes them for one.
    #[error("the tag key `{key}` is given twice")]
    TagTwice {
        /// The key as given the second time.
        key: String,
    },
    /// More tags than a resource can carry.
    #[error(
        "{count} tags are given, but a resource takes {USER_TAGS_MAX} besides those of vpcflow"
    )]
    TooManyTags {
        /// How many tags.
        count: usize,
    },
}

impl WishError {
    /// The way out, if there is more to say than the error itself does.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            WishError::ResourceId { .. } | WishError::ResourceKind { .. } => {
                "ids look like `vpc-0a1b2c3d`, `subnet-0a1b2c3d` or `eni-0a1b2c3d`".to_owned()
            }
            WishError::NoResource => {
                "name at least one with --vpc, --subnet or --eni, or choose by tag with --vpc-tag, \
                 --subnet-tag or --eni-tag"
                    .to_owned()
            }
            WishError::NoLogGroup { .. } => "name it with --log-group".to_owned(),
            WishError::LogGroup { .. } => "name another one with --log-group".to_owned(),
            WishError::Traffic { .. } => "choose `all`, `accept` or `reject`".to_owned(),
            WishError::Interval { .. } => "choose `60` or `600` seconds".to_owned(),
            WishError::Fields { .. } => {
                "write `default`, `all`, `v3` to `v11`, or names as in `srcaddr,dstaddr,action`"
                    .to_owned()
            }
            WishError::TagFieldUnused { field, .. } => format!("add `{field}` to --fields"),
            WishError::KmsKey { .. } => {
                "keys look like `arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-…`".to_owned()
            }
            WishError::LogClass { .. } => "choose `standard` or `infrequent-access`".to_owned(),
            WishError::NotInTemplates { .. } => {
                "leave it out of the template, or let vpcflow make the flow logs".to_owned()
            }
            WishError::TagFilter { .. } => "write `KEY` or `KEY=VALUE`".to_owned(),
            WishError::Retention { days } => {
                let longer = RETENTION_DAYS.iter().find(|allowed| *allowed > days);
                let nearest = longer.unwrap_or(&RETENTION_DAYS[RETENTION_DAYS.len() - 1]);
                format!("AWS offers {RETENTION_DAYS:?}; the next one is {nearest}")
            }
            WishError::RoleName { .. } => {
                "role names have 1 to 64 letters, digits or `_ + = , . @ -`, and no path".to_owned()
            }
            WishError::Tag { .. }
            | WishError::TagField { .. }
            | WishError::TagTwice { .. }
            | WishError::TooManyTags { .. } => {
                return None;
            }
        };
        Some(hint)
    }
}
