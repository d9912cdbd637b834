//! Why a wish is refused before anything is asked of AWS.

use thiserror::Error;

use super::{RETENTION_DAYS, USER_TAGS_MAX};
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
            WishError::NoResource => "name at least one with --vpc, --subnet or --eni".to_owned(),
            WishError::NoLogGroup { .. } => "name it with --log-group".to_owned(),
            WishError::LogGroup { .. } => "name another one with --log-group".to_owned(),
            WishError::Traffic { .. } => "choose `all`, `accept` or `reject`".to_owned(),
            WishError::Interval { .. } => "choose `60` or `600` seconds".to_owned(),
            WishError::Retention { days } => {
                let longer = RETENTION_DAYS.iter().find(|allowed| *allowed > days);
                let nearest = longer.unwrap_or(&RETENTION_DAYS[RETENTION_DAYS.len() - 1]);
                format!("AWS offers {RETENTION_DAYS:?}; the next one is {nearest}")
            }
            WishError::RoleName { .. } => {
                "role names have 1 to 64 letters, digits or `_ + = , . @ -`, and no path".to_owned()
            }
            WishError::Tag { .. } | WishError::TagTwice { .. } | WishError::TooManyTags { .. } => {
                return None;
            }
        };
        Some(hint)
    }
}
