//! The text of a `SOURCE` argument.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where records come from.
///
/// ```
/// use vpcflow_ingest::Location;
///
/// assert_eq!("-".parse(), Ok(Location::Stdin));
/// assert_eq!("logs:/vpc/prod".parse(), Ok(Location::LogGroup("/vpc/prod".into())));
/// assert_eq!("logs/*.gz".parse(), Ok(Location::Glob("logs/*.gz".into())));
/// let (bucket, keys) = ("flow-logs".into(), "AWSLogs/*/vpcflowlogs".into());
/// assert_eq!(
///     "s3://flow-logs/AWSLogs/*/vpcflowlogs/".parse(),
///     Ok(Location::S3 { bucket, keys })
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `-`: standard input.
    Stdin,
    /// `logs:GROUP`: a CloudWatch log group, by name or ARN.
    LogGroup(String),
    /// `s3://BUCKET/KEYS`: objects of a bucket.
    S3 {
        /// The bucket.
        bucket: String,
        /// What their keys begin with, up to a slash, or a pattern as of
        /// [`Location::Glob`]; empty: all. It neither begins nor ends with a slash.
        keys: String,
    },
    /// A pattern with `*`, `?` or `[…]`; `**` matches directories at any depth.
    Glob(String),
    /// A file or a directory.
    Path(PathBuf),
}

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// An empty text.
    #[error(
        "the source is empty: name a file, a directory, a pattern, `-`, `s3://BUCKET/PREFIX` or \
         `logs:GROUP`"
    )]
    Empty,
    /// `logs:` without a name.
    #[error("`logs:` names no log group: write `logs:GROUP`")]
    NoGroup,
    /// A URL of a kind that cannot be read.
    #[error(
        "`{0}` cannot be read: sources are files, directories, patterns, `-`, `s3://BUCKET/PREFIX` \
         and `logs:GROUP`"
    )]
    Scheme(String),
    /// `s3://` without a name that a bucket may have.
    #[error("`{0}` names no bucket: write `s3://BUCKET/PREFIX`")]
    NoBucket(String),
    /// Keys that cannot be listed.
    #[error("`{location}` names no keys: {reason}")]
    Keys {
        /// The text.
        location: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

/// Whether a text is a pattern rather than a name.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Location, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if text == "-" {
            return Ok(Location::Stdin);
        }
        if let Some(group) = text.strip_prefix("logs:") {
            return match group {
                "" => Err(LocationError::NoGroup),
                group => Ok(Location::LogGroup(group.to_owned())),
            };
        }
        if let Some(name) = text.strip_prefix("s3://") {
            return objects(text, name);
        }
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Location::Path(path.into()));
        }
        if text.contains("://") {
            return Err(LocationError::Scheme(text.to_owned()));
        }
        // A file whose name has such a character is still found by its name.
        if is_pattern(text) && !std::path::Path::new(text).exists() {
            return Ok(Location::Glob(text.to_owned()));
        }
        Ok(Location::Path(text.into()))
    }
}

/// The objects that `text` names, which is `s3://` and `name`.
fn objects(text: &str, name: &str) -> Result<Location, LocationError> {
    let (bucket, keys) = name.split_once('/').unwrap_or((name, ""));
    // What DNS and older buckets allow: anything else would get into the host name.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if bucket.len() < 3 || !bucket.bytes().all(is_name) {
        return Err(LocationError::NoBucket(text.to_owned()));
    }
    let keys = keys.trim_matches('/');
    let wrong = |reason| LocationError::Keys {
        location: text.to_owned(),
        reason,
    };
    if keys.contains("//") {
        return Err(wrong("there is nothing between two of its slashes"));
    }
    if is_pattern(keys) {
        glob::Pattern::new(keys).map_err(|error| wrong(error.msg))?;
    }
    Ok(Location::S3 {
        bucket: bucket.to_owned(),
        keys: keys.to_owned(),
    })
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Stdin => f.write_str("-"),
            Location::LogGroup(group) => write!(f, "logs:{group}"),
            Location::S3 { bucket, keys } => write!(f, "s3://{bucket}/{keys}"),
            Location::Glob(pattern) => f.write_str(pattern),
            Location::Path(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_told() {
        assert_eq!("".parse::<Location>(), Err(LocationError::Empty));
        assert_eq!("logs:".parse::<Location>(), Err(LocationError::NoGroup));
        let error = "https://example.com/x.log".parse::<Location>().unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("`https://example.com/x.log` cannot be read")
        );
        assert_eq!("a.log".parse(), Ok(Location::Path("a.log".into())));
        assert_eq!("file:///a.log".parse(), Ok(Location::Path("/a.log".into())));
    }
    #[test]
    fn objects_are_named_by_bucket_and_keys() {
        let named = |text: &str| text.parse::<Location>().map(|found| found.to_string());
        assert_eq!(named("s3://flow-logs"), Ok("s3://flow-logs/".into()));
        assert_eq!(
            named("s3://flow-logs/a/b/"),
            Ok("s3://flow-logs/a/b".into())
        );
        let pattern = "s3://flow-logs/**/year=2026/*.parquet";
        assert_eq!(named(pattern), Ok(pattern.into()));
        for text in [
            "s3://",
            "s3:///a",
            "s3://a b/c",
            "s3://ab/c",
            "s3://user@host/c",
        ] {
            let error = text.parse::<Location>();
            assert_eq!(error, Err(LocationError::NoBucket(text.into())));
        }
        for (text, reason) in [
            (
                "s3://flow-logs/a//b",
                "there is nothing between two of its slashes",
            ),
            (
                "s3://flow-logs/a***",
                "wildcards are either regular `*` or recursive `**`",
            ),
        ] {
            let location = text.to_owned();
            let error = LocationError::Keys { location, reason };
            assert_eq!(text.parse::<Location>(), Err(error));
        }
    }
}
