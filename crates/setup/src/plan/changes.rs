//! What is to be put right on something that vpcflow made.

use crate::step::{Call, Part, Step, Verb};
use crate::tags::Tags;

/// Differences found so far, with the calls that remove them.
#[derive(Default)]
pub(super) struct Changes {
    reasons: Vec<String>,
    calls: Vec<Call>,
}

impl Changes {
    pub(super) fn add(&mut self, reason: impl Into<String>, calls: Vec<Call>) {
        self.reasons.push(reason.into());
        self.calls.extend(calls);
    }

    /// Tags that the resource lacks. Tags that it has besides are the user's.
    pub(super) fn add_tags(&mut self, missing: Tags, call: impl FnOnce(Tags) -> Call) {
        if missing.is_empty() {
            return;
        }
        let keys: Vec<&str> = missing.iter().map(|(key, _)| key).collect();
        self.add(format!("sets tag {}", keys.join(", ")), vec![call(missing)]);
    }

    /// A step that keeps the thing, for the reason given, if there is nothing
    /// to put right.
    pub(super) fn into_step(self, part: Part, name: &str, kept: impl Into<String>) -> Step {
        if self.calls.is_empty() {
            return Step::keep(part, name, kept);
        }
        Step::new(
            Verb::Change,
            part,
            name,
            self.reasons.join("; "),
            self.calls,
        )
    }
}
