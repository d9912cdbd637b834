//! What a check found.

use std::fmt;

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Records are not delivered, or cannot be read.
    Problem,
    /// Records are delivered, but something costs money or will bite later; or
    /// it cannot be told.
    Warning,
    /// As it should be.
    Ok,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Problem => "problem",
            Verdict::Warning => "warning",
            Verdict::Ok => "ok",
        })
    }
}

/// What a check looks into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// Whether a flow log delivers at all to a log group.
    FlowLog,
    /// What AWS says about the delivery of a flow log.
    Delivery,
    /// Whether the delivery role exists.
    Role,
    /// Whether the flow logs service, and nobody else's flow log, may assume it.
    Trust,
    /// Whether the role may write to the log group.
    Permissions,
    /// Whether the log group exists.
    LogGroup,
    /// Whether all flow logs of a log group write one format.
    Formats,
    /// How long the log group keeps events.
    Retention,
    /// What the class of the log group allows.
    Class,
    /// Whether each network interface has a log stream.
    Interfaces,
    /// How old the newest record is.
    Freshness,
    /// Whether traffic is recorded, and billed, more than once.
    Overlap,
    /// What a set-up left behind that did not get to its end.
    Leftover,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Topic::FlowLog => "flow log",
            Topic::Delivery => "delivery",
            Topic::Role => "role",
            Topic::Trust => "trust",
            Topic::Permissions => "permissions",
            Topic::LogGroup => "log group",
            Topic::Formats => "formats",
            Topic::Retention => "retention",
            Topic::Class => "class",
            Topic::Interfaces => "interfaces",
            Topic::Freshness => "freshness",
            Topic::Overlap => "overlap",
            Topic::Leftover => "leftover",
        })
    }
}

/// One thing that was looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// How serious it is.
    pub verdict: Verdict,
    /// What was looked into.
    pub topic: Topic,
    /// What it is about: the id of a flow log, or the name of a role or log
    /// group.
    pub subject: String,
    /// What was found, for people.
    pub finding: String,
    /// The way out; none when all is well.
    pub fix: Option<String>,
}

impl Check {
    pub(super) fn ok(topic: Topic, subject: &str, finding: impl Into<String>) -> Check {
        Check {
            verdict: Verdict::Ok,
            topic,
            subject: subject.to_owned(),
            finding: finding.into(),
            fix: None,
        }
    }

    pub(super) fn warning(
        topic: Topic,
        subject: &str,
        finding: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check {
            verdict: Verdict::Warning,
            fix: Some(fix.into()),
            ..Check::ok(topic, subject, finding)
        }
    }

    pub(super) fn problem(
        topic: Topic,
        subject: &str,
        finding: impl Into<String>,
        fix: impl Into<String>,
    ) -> Check {
        Check {
            verdict: Verdict::Problem,
            ..Check::warning(topic, subject, finding, fix)
        }
    }
}
