//! What a run has made so far, and what is left of it after a failure.

use std::fmt;

use serde_json::{Value, json};

use super::Applied;
use crate::account::Account;
use crate::flow_logs::{FlowLog, FlowLogRequest};
use crate::step::{Call, FlowLogCall, LogGroupCall, Part, PolicyCall, RoleCall};

/// A run of a plan.
pub(crate) struct Run<'a> {
    pub(crate) account: &'a Account,
    pub(crate) applied: Applied,
    /// What this run made, in order.
    pub(crate) made: Vec<Made>,
    /// What a call may have made whose answer was lost.
    pub(crate) doubtful: Vec<Made>,
    /// What this run changed in place, for people.
    pub(crate) changed: Vec<String>,
    /// What steps of this run deleted, for people.
    pub(crate) deleted: Vec<String>,
    /// Flow logs that this run deleted to make room for their replacement.
    pub(crate) gave_way: Vec<FlowLog>,
    /// The first request for flow logs, which tells whose group it is.
    pub(crate) request: Option<FlowLogRequest>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(account: &'a Account) -> Run<'a> {
        Run {
            account,
            applied: Applied::default(),
            made: Vec::new(),
            doubtful: Vec::new(),
            changed: Vec::new(),
            deleted: Vec::new(),
            gave_way: Vec::new(),
            request: None,
        }
    }
}

/// Something that a run made and can take back.
///
/// In the order of taking back: what delivers goes first, and the log group
/// last, when nothing is left that could create it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// One flow log.
    FlowLog {
        id: String,
    },
    /// Those of a request whose answer was lost.
    FlowLogs(Box<FlowLogRequest>),
    Attachment {
        role: String,
        policy_arn: String,
    },
    Policy {
        name: String,
        arn: String,
    },
    Role {
        name: String,
    },
    LogGroup {
        name: String,
    },
}

impl Made {
    /// What a call makes when it succeeds. Flow logs are made one by one and
    /// count as they come; here are those that an unanswered call may make.
    pub(crate) fn by(account: &Account, call: &Call) -> Option<Made> {
        match call {
            Call::Policy(PolicyCall::Create { name, .. }) => Some(Made::Policy {
                name: name.clone(),
                arn: account.policy_arn(name),
            }),
            Call::Role(RoleCall::Create { name, .. }) => Some(Made::Role { name: name.clone() }),
            Call::Role(RoleCall::Attach { name, policy_arn }) => Some(Made::Attachment {
                role: name.clone(),
                policy_arn: policy_arn.clone(),
            }),
            Call::LogGroup(LogGroupCall::Create { name, .. }) => {
                Some(Made::LogGroup { name: name.clone() })
            }
            Call::FlowLog(FlowLogCall::Create(request)) => Some(Made::FlowLogs(request.clone())),
            _ => None,
        }
    }

    pub(crate) fn part(&self) -> Part {
        match self {
            Made::FlowLog { .. } | Made::FlowLogs(_) => Part::FlowLog,
            Made::Attachment { .. } => Part::Attachment,
            Made::Policy { .. } => Part::Policy,
            Made::Role { .. } => Part::Role,
            Made::LogGroup { .. } => Part::LogGroup,
        }
    }

    /// The name or id, for people.
    pub(crate) fn name(&self) -> String {
        match self {
            Made::FlowLog { id } => id.clone(),
            Made::FlowLogs(request) => request.resource_ids.join(", "),
            Made::Attachment { role, .. } => role.clone(),
            Made::Policy { name, .. } | Made::Role { name } | Made::LogGroup { name } => {
                name.clone()
            }
        }
    }

    /// The place in the order of taking back.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Made::FlowLog { .. } | Made::FlowLogs(_) => 0,
            Made::Attachment { .. } => 1,
            Made::Policy { .. } => 2,
            Made::Role { .. } => 3,
            Made::LogGroup { .. } => 4,
        }
    }

    /// What delivers for other flow logs too, if there are any.
    pub(crate) fn is_shared(&self) -> bool {
        self.part() != Part::FlowLog
    }
}

/// What is left of a run that failed. Its [`Display`](fmt::Display) is for
/// people: half a sentence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// What this run had made and took back: `role r`, for people.
    pub taken_back: Vec<String>,
    /// What this run made and still stands.
    pub stands: Vec<Standing>,
    /// What this run changed in place, and stays so, for people.
    pub changed: Vec<String>,
    /// What this run deleted, as it was to, for people.
    pub deleted: Vec<String>,
    /// What this run deleted and could not make again, for people.
    pub lost: Vec<String>,
}

impl Aftermath {
    /// What is left, for programs.
    pub fn to_json(&self) -> Value {
        let standing = |it: &Standing| {
            let part = it.part.to_string();
            json!({"part": part, "name": it.name, "reason": it.reason})
        };
        json!({
            "taken_back": self.taken_back,
            "stands": self.stands.iter().map(standing).collect::<Vec<_>>(),
            "changed": self.changed,
            "deleted": self.deleted,
            "lost": self.lost,
        })
    }
}

/// Something that stands after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What kind of thing.
    pub part: Part,
    /// Its name or id.
    pub name: String,
    /// Why it could not be taken back; `None` if it was to stay.
    pub reason: Option<String>,
}

impl Standing {
    pub(crate) fn of(made: &Made) -> Standing {
        Standing {
            part: made.part(),
            name: made.name(),
            reason: None,
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.part, self.name)?;
        match &self.reason {
            Some(reason) => write!(f, " ({reason})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stands: Vec<String> = self.stands.iter().map(ToString::to_string).collect();
        let mut parts = Vec::new();
        if !self.lost.is_empty() {
            parts.push(format!("lost: {}", self.lost.join(", ")));
        }
        if !self.taken_back.is_empty() {
            parts.push(format!("taken back: {}", self.taken_back.join(", ")));
        }
        if !stands.is_empty() {
            parts.push(format!("still there: {}", stands.join(", ")));
        }
        if !self.changed.is_empty() {
            parts.push(format!("changed: {}", self.changed.join(", ")));
        }
        if !self.deleted.is_empty() {
            parts.push(format!("deleted: {}", self.deleted.join(", ")));
        }
        if parts.is_empty() {
            return f.write_str("nothing was changed");
        }
        if !self.taken_back.is_empty() && parts.len() == 1 {
            parts.push("the account is as before".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}
