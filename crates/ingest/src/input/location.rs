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
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `-`: standard input.
    Stdin,
    /// `logs:GROUP`: a CloudWatch log group, by name or ARN.
    LogGroup(String),
    /// A pattern with `*`, `?` or `[…]`; `**` matches directories at any depth.
    Glob(String),
    /// A file or a directory.
    Path(PathBuf),
}

/// Why a text is no source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// An empty text.
    #[error("the source is empty: name a file, a directory, a pattern, `-` or `logs:GROUP`")]
    Empty,
    /// `logs:` without a name.
    #[error("`logs:` names no log group: write `logs:GROUP`")]
    NoGroup,
    /// A URL of a kind that cannot be read.
    #[error("`{0}` cannot be read: sources are files, directories, patterns, `-` and `logs:GROUP`")]
    Scheme(String),
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
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Location::Path(path.into()));
        }
        if text.contains("://") {
            return Err(LocationError::Scheme(text.to_owned()));
        }
        // A file whose name has such a character is still found by its name.
        if text.contains(['*', '?', '[']) && !std::path::Path::new(text).exists() {
            return Ok(Location::Glob(text.to_owned()));
        }
        Ok(Location::Path(text.into()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Stdin => f.write_str("-"),
            Location::LogGroup(group) => write!(f, "logs:{group}"),
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
}
