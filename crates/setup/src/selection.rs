//! Choosing resources by their tags.

use std::fmt;
use std::str::FromStr;

use aws_sdk_ec2::types::Filter;

use crate::Provisioner;
use crate::error::{Error, Result};
use crate::resource::{Resource, ResourceKind};
use crate::wish::WishError;

/// A tag that a resource must have: `KEY` with any value, or `KEY=VALUE`, where
/// EC2 reads `*` and `?` in both as wildcards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagFilter {
    key: String,
    value: Option<String>,
}

impl TagFilter {
    fn to_ec2(&self) -> Filter {
        match &self.value {
            Some(value) => {
                let name = format!("tag:{}", self.key);
                Filter::builder().name(name).values(value).build()
            }
            None => Filter::builder().name("tag-key").values(&self.key).build(),
        }
    }
}

impl FromStr for TagFilter {
    type Err = WishError;

    fn from_str(text: &str) -> std::result::Result<TagFilter, WishError> {
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key, Some(value.to_owned())),
            None => (text, None),
        };
        if key.is_empty() {
            return Err(WishError::TagFilter {
                text: text.to_owned(),
            });
        }
        Ok(TagFilter {
            key: key.to_owned(),
            value,
        })
    }
}

impl fmt::Display for TagFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "{}={value}", self.key),
            None => f.write_str(&self.key),
        }
    }
}

impl Provisioner {
    /// The resources of one kind that have all of these tags, by id.
    ///
    /// # Errors
    /// When AWS cannot be asked, and [`Error::NothingTagged`] when there is
    /// none: what was meant to be watched would silently not be.
    pub async fn tagged(&self, kind: ResourceKind, filters: &[TagFilter]) -> Result<Vec<Resource>> {
        let by_tag = filters.iter().map(TagFilter::to_ec2).collect();
        let mut ids = self.ids_of(kind, by_tag).await?;
        if ids.is_empty() {
            let tags: Vec<String> = filters.iter().map(ToString::to_string).collect();
            return Err(Error::NothingTagged {
                kind,
                tags: tags.join(" "),
                region: self.region().to_owned(),
            });
        }
        ids.sort_unstable();
        // AWS's own ids are valid ones.
        Ok(ids.iter().filter_map(|id| id.parse().ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_or_without_a_value() {
        for text in [
            "env",
            "env=prod",
            "env=",
            "aws:cloudformation:stack-name=a=b",
        ] {
            assert_eq!(text.parse::<TagFilter>().unwrap().to_string(), text);
        }
        for text in ["", "=prod"] {
            assert!(text.parse::<TagFilter>().is_err(), "{text}");
        }
        let filter = |text: &str| text.parse::<TagFilter>().unwrap().to_ec2();
        assert_eq!(filter("env=prod").name(), Some("tag:env"));
        assert_eq!(filter("env").name(), Some("tag-key"));
        assert_eq!(filter("env").values(), ["env"]);
    }
}
