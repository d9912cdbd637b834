//! A plan: what is to be done to what and why, with the calls that do it.
//!
//! Set-up and teardown make plans by pure functions and have them carried out
//! by the same few lines, so what is shown is what is done. A step that keeps
//! something has no calls.

use std::fmt;

use serde_json::{Value, json};

use crate::account::Account;
use crate::text;

mod call;
pub(crate) use call::{Call, FlowLogCall, LogGroupCall, PolicyCall, RoleCall};

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Makes something that does not exist.
    Create,
    /// Changes something in place.
    Change,
    /// Makes a new one in place of an old one, which a later step deletes.
    Replace,
    /// Deletes something.
    Delete,
    /// Leaves something as it is.
    Keep,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verb::Create => "create",
            Verb::Change => "change",
            Verb::Replace => "replace",
            Verb::Delete => "delete",
            Verb::Keep => "keep",
        })
    }
}

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The IAM policy that allows the delivery.
    Policy,
    /// The IAM role that delivers.
    Role,
    /// That the role has the policy.
    Attachment,
    /// The log group that receives the records.
    LogGroup,
    /// A flow log, or the ones of several resources.
    FlowLog,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Part::Policy => "policy",
            Part::Role => "role",
            Part::Attachment => "attachment",
            Part::LogGroup => "log group",
            Part::FlowLog => "flow log",
        })
    }
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is done.
    pub verb: Verb,
    /// To what kind of thing.
    pub part: Part,
    /// To which ones: a name, or the ids of the resources that are watched.
    /// Several only for flow logs, which one call creates together.
    pub names: Vec<String>,
    /// Why, or with which settings; for people.
    pub reason: String,
    /// In order. None exactly when the verb is [`Verb::Keep`].
    pub(crate) calls: Vec<Call>,
}

impl Step {
    pub(crate) fn keep(part: Part, name: impl Into<String>, reason: impl Into<String>) -> Step {
        Step::new(Verb::Keep, part, name, reason, Vec::new())
    }

    pub(crate) fn new(
        verb: Verb,
        part: Part,
        name: impl Into<String>,
        reason: impl Into<String>,
        calls: Vec<Call>,
    ) -> Step {
        Step {
            verb,
            part,
            names: vec![name.into()],
            reason: reason.into(),
            calls,
        }
    }

    /// The names for one line: `vpc-1`, `vpc-1 and vpc-2`, `vpc-1 and 9 more`.
    pub fn short_name(&self) -> String {
        match self.names.as_slice() {
            [] => String::new(),
            [only] => only.clone(),
            [one, two] => format!("{one} and {two}"),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }
    }

    fn to_json(&self) -> Value {
        let calls: Vec<Value> = self.calls.iter().map(Call::to_json).collect();
        json!({
            "verb": self.verb.to_string(),
            "part": self.part.to_string(),
            "names": self.names,
            "reason": self.reason,
            "calls": calls,
        })
    }

    /// One row for each name; what they share stands in the first.
    fn rows(&self) -> impl Iterator<Item = [String; 4]> {
        self.names.iter().enumerate().map(|(index, name)| {
            let shared = |text: String| if index == 0 { text } else { String::new() };
            let (verb, part) = (shared(self.verb.to_string()), shared(self.part.to_string()));
            [verb, part, name.clone(), shared(self.reason.clone())]
        })
    }
}

/// What is to be done in one account and region, in order.
///
/// Its [`Display`](fmt::Display) is the text to show before acting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Where.
    pub account: Account,
    /// What is done and what is kept, in the order of doing.
    pub steps: Vec<Step>,
    /// What the user should know besides.
    pub notes: Vec<String>,
}

impl Plan {
    /// The steps that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| step.verb != Verb::Keep)
    }

    /// Whether there is nothing to do.
    pub fn is_done(&self) -> bool {
        self.changes().next().is_none()
    }

    /// The plan for programs: account, region, every step with the calls that
    /// it makes, notes.
    pub fn to_json(&self) -> Value {
        let steps: Vec<Value> = self.steps.iter().map(Step::to_json).collect();
        json!({
            "account": self.account.id(),
            "region": self.account.region(),
            "changes": self.changes().count(),
            "steps": steps,
            "notes": self.notes,
        })
    }

    /// For example `2 to create, 1 to keep`, or `nothing to do`.
    pub fn summary(&self) -> String {
        if self.is_done() {
            return "nothing to do".to_owned();
        }
        let verbs = [
            Verb::Create,
            Verb::Change,
            Verb::Replace,
            Verb::Delete,
            Verb::Keep,
        ];
        let counts = verbs.into_iter().filter_map(|verb| {
            let number = self.steps.iter().filter(|step| step.verb == verb).count();
            (number > 0).then(|| format!("{number} to {verb}"))
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "account {}, region {}",
            self.account.id(),
            self.account.region()
        )?;
        let rows: Vec<[String; 4]> = self.steps.iter().flat_map(Step::rows).collect();
        f.write_str(&text::aligned(&rows))?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        writeln!(f, "{}", self.summary())
    }
}
