//! The writing calls that a step is made of.

use serde_json::{Value, json};

use crate::flow_logs::FlowLogRequest;
use crate::log_class::LogClass;
use crate::tags::Tags;

/// One writing call, complete: carrying it out decides nothing.
///
/// Each can be repeated: what already exists, or is already gone, is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Policy(PolicyCall),
    Role(RoleCall),
    LogGroup(LogGroupCall),
    FlowLog(FlowLogCall),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PolicyCall {
    Create {
        name: String,
        document: Value,
        tags: Tags,
    },
    AddVersion {
        arn: String,
        document: Value,
    },
    DeleteVersion {
        arn: String,
        version: String,
    },
    Tag {
        arn: String,
        tags: Tags,
    },
    Delete {
        arn: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoleCall {
    Create {
        name: String,
        trust: Value,
        tags: Tags,
    },
    SetTrust {
        name: String,
        trust: Value,
    },
    Tag {
        name: String,
        tags: Tags,
    },
    Attach {
        name: String,
        policy_arn: String,
    },
    Detach {
        name: String,
        policy_arn: String,
    },
    Delete {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogGroupCall {
    Create {
        name: String,
        class: Option<LogClass>,
        kms_key: Option<String>,
        tags: Tags,
    },
    Retain {
        name: String,
        days: u32,
    },
    Encrypt {
        name: String,
        kms_key: String,
    },
    Tag {
        name: String,
        tags: Tags,
    },
    Delete {
        name: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum FlowLogCall {
    Create(Box<FlowLogRequest>),
    Tag { id: String, tags: Tags },
    Delete { id: String },
}

impl From<PolicyCall> for Call {
    fn from(call: PolicyCall) -> Call {
        Call::Policy(call)
    }
}

impl From<RoleCall> for Call {
    fn from(call: RoleCall) -> Call {
        Call::Role(call)
    }
}

impl From<LogGroupCall> for Call {
    fn from(call: LogGroupCall) -> Call {
        Call::LogGroup(call)
    }
}

impl From<FlowLogCall> for Call {
    fn from(call: FlowLogCall) -> Call {
        Call::FlowLog(call)
    }
}

impl Call {
    /// The IAM action that the call needs.
    pub(crate) fn action(&self) -> &'static str {
        match self {
            Call::Policy(call) => match call {
                PolicyCall::Create { .. } => "iam:CreatePolicy",
                PolicyCall::AddVersion { .. } => "iam:CreatePolicyVersion",
                PolicyCall::DeleteVersion { .. } => "iam:DeletePolicyVersion",
                PolicyCall::Tag { .. } => "iam:TagPolicy",
                PolicyCall::Delete { .. } => "iam:DeletePolicy",
            },
            Call::Role(call) => match call {
                RoleCall::Create { .. } => "iam:CreateRole",
                RoleCall::SetTrust { .. } => "iam:UpdateAssumeRolePolicy",
                RoleCall::Tag { .. } => "iam:TagRole",
                RoleCall::Attach { .. } => "iam:AttachRolePolicy",
                RoleCall::Detach { .. } => "iam:DetachRolePolicy",
                RoleCall::Delete { .. } => "iam:DeleteRole",
            },
            Call::LogGroup(call) => match call {
                LogGroupCall::Create { .. } => "logs:CreateLogGroup",
                LogGroupCall::Retain { .. } => "logs:PutRetentionPolicy",
                LogGroupCall::Encrypt { .. } => "logs:AssociateKmsKey",
                LogGroupCall::Tag { .. } => "logs:TagResource",
                LogGroupCall::Delete { .. } => "logs:DeleteLogGroup",
            },
            Call::FlowLog(call) => match call {
                FlowLogCall::Create(_) => "ec2:CreateFlowLogs",
                FlowLogCall::Tag { .. } => "ec2:CreateTags",
                FlowLogCall::Delete { .. } => "ec2:DeleteFlowLogs",
            },
        }
    }

    /// The call for programs: its action, and what it sets.
    pub(crate) fn to_json(&self) -> Value {
        let mut call = match self {
            Call::Policy(call) => call.parameters(),
            Call::Role(call) => call.parameters(),
            Call::LogGroup(call) => call.parameters(),
            Call::FlowLog(call) => call.parameters(),
        };
        call["action"] = self.action().into();
        call
    }
}

impl PolicyCall {
    fn parameters(&self) -> Value {
        match self {
            PolicyCall::Create {
                name,
                document,
                tags,
            } => json!({"name": name, "document": document, "tags": tags.to_json()}),
            PolicyCall::AddVersion { arn, document } => json!({"arn": arn, "document": document}),
            PolicyCall::DeleteVersion { arn, version } => json!({"arn": arn, "version": version}),
            PolicyCall::Tag { arn, tags } => json!({"arn": arn, "tags": tags.to_json()}),
            PolicyCall::Delete { arn } => json!({"arn": arn}),
        }
    }
}

impl RoleCall {
    fn parameters(&self) -> Value {
        match self {
            RoleCall::Create { name, trust, tags } => {
                json!({"name": name, "trust": trust, "tags": tags.to_json()})
            }
            RoleCall::SetTrust { name, trust } => json!({"name": name, "trust": trust}),
            RoleCall::Tag { name, tags } => json!({"name": name, "tags": tags.to_json()}),
            RoleCall::Attach { name, policy_arn } | RoleCall::Detach { name, policy_arn } => {
                json!({"name": name, "policy_arn": policy_arn})
            }
            RoleCall::Delete { name } => json!({"name": name}),
        }
    }
}

impl LogGroupCall {
    fn parameters(&self) -> Value {
        match self {
            LogGroupCall::Create {
                name,
                class,
                kms_key,
                tags,
            } => json!({
                "name": name,
                "class": class.unwrap_or_default().to_string(),
                "kms_key": kms_key,
                "tags": tags.to_json(),
            }),
            LogGroupCall::Retain { name, days } => json!({"name": name, "retention_days": days}),
            LogGroupCall::Encrypt { name, kms_key } => json!({"name": name, "kms_key": kms_key}),
            LogGroupCall::Tag { name, tags } => json!({"name": name, "tags": tags.to_json()}),
            LogGroupCall::Delete { name } => json!({"name": name}),
        }
    }
}

impl FlowLogCall {
    fn parameters(&self) -> Value {
        match self {
            FlowLogCall::Create(request) => {
                let settings = &request.settings;
                let tag_fields = settings.tag_fields.iter().map(ToString::to_string);
                json!({
                    "resource_ids": request.resource_ids,
                    "destination": {
                        "type": settings.destination.to_ec2().as_str(),
                        "log_group": settings.log_group(),
                    },
                    "traffic": settings.traffic.to_string(),
                    "interval_seconds": settings.interval.seconds(),
                    "log_format": settings.format.to_log_format(),
                    "tag_fields": tag_fields.collect::<Vec<_>>(),
                    "role_arn": request.role_arn,
                    "tags": request.tags.to_json(),
                })
            }
            FlowLogCall::Tag { id, tags } => json!({"id": id, "tags": tags.to_json()}),
            FlowLogCall::Delete { id } => json!({"id": id}),
        }
    }
}
