//! Tags: how this project knows its own resources again.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use crate::account::Account;
use crate::wish::WishError;

/// The tag key that says who looks after a resource.
pub(crate) const MANAGED_BY: &str = "vpcflow:managed-by";
/// The value of [`MANAGED_BY`] on everything that vpcflow made.
pub(crate) const MANAGER: &str = "vpcflow";
/// The tag key, on roles and policies, of the log group that they serve.
pub(crate) const LOG_GROUP: &str = "vpcflow:log-group";
/// The tag key, on roles and policies, of the region of that log group: IAM is
/// global, log groups are not.
pub(crate) const REGION: &str = "vpcflow:region";

/// Keys with this prefix belong to vpcflow; users cannot set them.
const OWN_PREFIX: &str = "vpcflow:";
/// Keys with this prefix belong to AWS, in any case.
const AWS_PREFIX: &str = "aws:";

/// Limits that hold for IAM, EC2 and CloudWatch Logs alike, in characters:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>.
const KEY_MAX_CHARS: usize = 128;
pub(crate) const VALUE_MAX_CHARS: usize = 256;

/// A tag that the user asks for, written `KEY=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    key: String,
    value: String,
}

impl Tag {
    /// Checks a key and a value against the rules of all three services.
    ///
    /// # Errors
    /// When the key is empty, too long or reserved, when the value is too
    /// long, or when either has a character that one of the services refuses.
    pub fn new(key: &str, value: &str) -> Result<Tag, WishError> {
        let refuse = |reason| {
            let tag = format!("{key}={value}");
            Err(WishError::Tag { tag, reason })
        };
        if key.is_empty() || key.chars().count() > KEY_MAX_CHARS {
            return refuse("a key has 1 to 128 characters");
        }
        if value.chars().count() > VALUE_MAX_CHARS {
            return refuse("a value has at most 256 characters");
        }
        let lower_key = key.to_lowercase();
        if lower_key.starts_with(AWS_PREFIX) || lower_key.starts_with(OWN_PREFIX) {
            return refuse("keys that begin with `aws:` or `vpcflow:` are reserved");
        }
        if !is_tag_text(key) || !is_tag_text(value) {
            return refuse("only letters, digits, spaces and `_ . : / = + - @` are allowed");
        }
        Ok(Tag {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    }

    /// The key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The value; may be empty.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl FromStr for Tag {
    type Err = WishError;

    fn from_str(text: &str) -> Result<Tag, WishError> {
        let Some((key, value)) = text.split_once('=') else {
            return Err(WishError::Tag {
                tag: text.to_owned(),
                reason: "a tag is `KEY=VALUE`",
            });
        };
        Tag::new(key, value)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// Whether all three services take this text as a tag's key or value.
pub(crate) fn is_tag_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_alphanumeric() || c == ' ' || "_.:/=+-@".contains(c))
}

/// The tags of one resource, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(BTreeMap<String, String>);

impl Tags {
    /// Whether vpcflow made the resource and so may change and remove it.
    pub fn is_managed(&self) -> bool {
        self.get(MANAGED_BY) == Some(MANAGER)
    }

    /// Whether vpcflow made the role or policy for this log group.
    pub(crate) fn serve(&self, account: &Account, log_group: &str) -> bool {
        self.is_managed()
            && self.get(LOG_GROUP) == Some(log_group)
            && self.get(REGION) == Some(account.region())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Adds a tag or replaces its value.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), value.to_owned());
    }

    /// The tags of `self` that `existing` lacks or has with another value.
    pub(crate) fn missing_from(&self, existing: &Tags) -> Tags {
        let missing = self
            .0
            .iter()
            .filter(|(key, value)| existing.get(key) != Some(value));
        missing
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tags in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        self.iter()
            .map(|(key, value)| (key.to_owned(), serde_json::Value::from(value)))
            .collect()
    }

    pub(crate) fn to_map(&self) -> HashMap<String, String> {
        self.0.clone().into_iter().collect()
    }

    pub(crate) fn to_ec2(&self) -> Vec<aws_sdk_ec2::types::Tag> {
        let tag = |(key, value)| {
            aws_sdk_ec2::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        };
        self.iter().map(tag).collect()
    }

    pub(crate) fn to_iam(&self) -> Vec<aws_sdk_iam::types::Tag> {
        let tag = |(key, value)| {
            let tag = aws_sdk_iam::types::Tag::builder()
                .key(key)
                .value(value)
                .build();
            tag.expect("a tag with both key and value is complete")
        };
        self.iter().map(tag).collect()
    }

    pub(crate) fn from_ec2(tags: &[aws_sdk_ec2::types::Tag]) -> Tags {
        let pair = |tag: &aws_sdk_ec2::types::Tag| {
            Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))
        };
        tags.iter().filter_map(pair).collect()
    }

    pub(crate) fn from_iam(tags: &[aws_sdk_iam::types::Tag]) -> Tags {
        tags.iter()
            .map(|tag| (tag.key.clone(), tag.value.clone()))
            .collect()
    }
}

impl FromIterator<(String, String)> for Tags {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(tags: I) -> Tags {
        Tags(tags.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_split_at_the_first_equals_sign() {
        let tag: Tag = "expr=a=b".parse().unwrap();
        assert_eq!((tag.key(), tag.value()), ("expr", "a=b"));
        assert_eq!("empty=".parse::<Tag>().unwrap().value(), "");
    }

    #[test]
    fn refuses_tags_that_one_of_the_services_would_refuse() {
        let long_key = format!("{}=v", "k".repeat(129));
        let long_value = format!("k={}", "v".repeat(257));
        for text in [
            "team",
            "=v",
            "AWS:x=1",
            "vpcflow:managed-by=me",
            "a=b#c",
            "a*=b",
            &long_key,
            &long_value,
        ] {
            assert!(text.parse::<Tag>().is_err(), "{text}");
        }
        assert!("Kostenstelle=Zürich 4/2".parse::<Tag>().is_ok());
    }

    #[test]
    fn only_the_exact_value_marks_a_resource_as_ours() {
        let tags = |value: &str| Tags::from_iter([(MANAGED_BY.to_owned(), value.to_owned())]);
        assert!(tags("vpcflow").is_managed());
        assert!(!tags("terraform").is_managed());
        assert!(!Tags::default().is_managed());
    }

    #[test]
    fn missing_tags_are_the_absent_and_the_different() {
        let tags = |pairs: &[(&str, &str)]| -> Tags {
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect()
        };
        let wished = tags(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let existing = tags(&[("a", "1"), ("b", "other"), ("d", "4")]);
        assert_eq!(
            wished.missing_from(&existing),
            tags(&[("b", "2"), ("c", "3")])
        );
        assert!(wished.missing_from(&wished).is_empty());
    }
}
