//! Which keys a user means.

use glob::{MatchOptions, Pattern};

use crate::input::{is_pattern, is_records};

/// `*` is within a directory, as in a shell.
const OPTIONS: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The keys that a prefix or a pattern stands for.
#[derive(Debug)]
pub(super) enum Keys {
    /// Everything below.
    Below(String),
    /// What matches.
    Matching {
        /// The directory that all of it is in.
        base: String,
        whole: Pattern,
        /// Between slashes; `None` is `**`.
        parts: Vec<Option<Pattern>>,
    },
}

impl Keys {
    /// Understands the keys of a location, which were checked there.
    pub(super) fn new(keys: &str) -> Keys {
        let parse = |text: &str| Pattern::new(text).ok();
        let parts = keys.split('/').map(|part| match part {
            "**" => Some(None),
            part => parse(part).map(Some),
        });
        let parts: Option<Vec<_>> = parts.collect();
        let (true, Some(whole), Some(parts)) = (is_pattern(keys), parse(keys), parts) else {
            return Keys::Below(keys.to_owned());
        };
        let literal: Vec<_> = keys
            .split('/')
            .take_while(|part| !is_pattern(part))
            .collect();
        Keys::Matching {
            base: literal.join("/"),
            whole,
            parts,
        }
    }

    /// The directory that all keys are in; empty: the bucket.
    pub(super) fn base(&self) -> &str {
        match self {
            Keys::Below(prefix) => prefix,
            Keys::Matching { base, .. } => base,
        }
    }

    /// Whether keys below a directory may be meant.
    pub(super) fn may_be_below(&self, directory: &str) -> bool {
        let Keys::Matching { parts, .. } = self else {
            return true;
        };
        let mut parts = parts.iter();
        for name in directory.split('/').filter(|name| !name.is_empty()) {
            match parts.next() {
                Some(Some(part)) if part.matches_with(name, OPTIONS) => {}
                Some(None) => return true,
                _ => return false,
            }
        }
        // The last part is the name of an object.
        parts.next().is_some()
    }

    /// Whether no directory below this one is out of the question by its name.
    pub(super) fn takes_all_below(&self, directory: &str) -> bool {
        let Keys::Matching { parts, .. } = self else {
            return true;
        };
        let depth = directory.split('/').filter(|name| !name.is_empty()).count();
        parts.iter().take(depth + 1).any(Option::is_none)
    }

    /// Whether an object is meant. Of a directory those are meant that have the name
    /// of a log file.
    pub(super) fn matches(&self, key: &str) -> bool {
        let name = key.rsplit('/').next().unwrap_or_default();
        match self {
            Keys::Below(_) => is_records(name),
            Keys::Matching { whole, .. } => whole.matches_with(key, OPTIONS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_all_logs_below_it() {
        let keys = Keys::new("team/AWSLogs");
        assert_eq!(keys.base(), "team/AWSLogs");
        assert!(keys.may_be_below("team/AWSLogs/x") && keys.takes_all_below("team/AWSLogs"));
        assert!(keys.matches("team/AWSLogs/1/a.log.gz") && keys.matches("team/AWSLogs/a.parquet"));
        assert!(!keys.matches("team/AWSLogs/index.html"));
        assert_eq!(Keys::new("").base(), "");
    }

    #[test]
    fn directories_that_no_match_is_in_are_not_looked_at() {
        let keys = Keys::new("AWSLogs/12*/vpcflowlogs/**/*.log.gz");
        assert_eq!(keys.base(), "AWSLogs");
        for (directory, may_be, takes_all) in [
            ("", true, false),
            ("AWSLogs", true, false),
            ("AWSLogs/123", true, false),
            ("AWSLogs/345", false, false),
            ("AWSLogs/123/elb", false, true),
            ("AWSLogs/123/vpcflowlogs", true, true),
            ("AWSLogs/123/vpcflowlogs/eu/2026", true, true),
        ] {
            assert_eq!(keys.may_be_below(directory), may_be, "{directory}");
            assert_eq!(keys.takes_all_below(directory), takes_all, "{directory}");
        }
        assert!(keys.matches("AWSLogs/123/vpcflowlogs/eu/2026/11/a.log.gz"));
        assert!(!keys.matches("AWSLogs/123/vpcflowlogs/eu/2026/11/a.txt"));

        let keys = Keys::new("a/b*/c.log");
        assert!(keys.may_be_below("a/bc") && !keys.may_be_below("a/bc/d"));
        assert!(!keys.takes_all_below("a/bc") && !keys.takes_all_below("a"));
        assert!(keys.matches("a/bc/c.log") && !keys.matches("a/bc/d/c.log"));
        assert_eq!(Keys::new("*.log").base(), "");
    }
}
