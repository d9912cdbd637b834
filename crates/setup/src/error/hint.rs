//! The way out of each error.

use super::Error;
use crate::apply::Aftermath;
use crate::plan::Obstacle;

const CREATE_FLOW_LOGS: &str = "ec2:CreateFlowLogs";
const SEE_PERMISSIONS: &str = "`vpcflow setup --print-permissions` prints all that is needed";

impl Error {
    /// The way out, if there is more to say than the error itself does.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NoRegion => Some("name one with --region or AWS_REGION".to_owned()),
            Error::NoCredentials { .. } => {
                Some("choose a profile with --profile, log in, or set the AWS_* variables".into())
            }
            Error::CredentialsRefused { .. } => {
                Some("log in again, and check that the clock of this machine is right".to_owned())
            }
            Error::AccessDenied { action, .. } => Some(denied_hint(action)),
            Error::NoAnswer { .. } => Some(
                "check the network, the region and --endpoint-url; it is safe to repeat".into(),
            ),
            Error::Service {
                action,
                code,
                message,
            } => service_hint(action, code, message),
            Error::PassRole { .. } => Some(format!(
                "allow the caller `iam:PassRole` on the delivery role; {SEE_PERMISSIONS}"
            )),
            Error::Blocked { obstacles } => Some(join_lines(obstacles.iter().map(Obstacle::hint))),
            Error::FlowLogs { refusals } => refusals.iter().find_map(|refusal| {
                service_hint(CREATE_FLOW_LOGS, &refusal.code, &refusal.message)
            }),
            Error::RoleNotAssumable { .. } => Some(
                "IAM can take a while to make a new role known: repeat the command; if it goes \
                 on, check the role's trust policy and your organization's policies"
                    .to_owned(),
            ),
            Error::Appeared { .. } => Some("repeat the command to plan anew".to_owned()),
            Error::Lingers { .. } => Some(
                "AWS can take some minutes: repeat the command, which then says what is left"
                    .to_owned(),
            ),
            Error::Delivery { log_group, .. } => Some(format!(
                "the role cannot be assumed, or may not write to the log group: look for a \
                 service control policy that forbids it, and with --kms-key at the key's policy; \
                 `vpcflow setup --keep-partial` leaves the flow log for `vpcflow status \
                 --log-group {log_group}` to examine"
            )),
            Error::NothingTagged { .. } => {
                Some("check the tag, --region and --profile: tags are case-sensitive".to_owned())
            }
            Error::Step {
                source, aftermath, ..
            } => step_hint(source, aftermath),
            Error::Incomplete { .. } | Error::Format { .. } | Error::Interrupted => None,
        }
    }
}

/// What stands after a failure, and how it goes.
fn step_hint(source: &Error, aftermath: &Aftermath) -> Option<String> {
    let more = (!aftermath.stands.is_empty()).then(|| {
        "repeat the command to go on from there; `vpcflow teardown` removes what is still there"
            .to_owned()
    });
    let lines: Vec<String> = source.hint().into_iter().chain(more).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn denied_hint(action: &str) -> String {
    // EC2 may check iam:PassRole without naming it.
    if action == CREATE_FLOW_LOGS {
        return format!(
            "allow the caller `ec2:CreateFlowLogs`, and `iam:PassRole` on the delivery role: EC2 \
             reports either one missing in this way; {SEE_PERMISSIONS}"
        );
    }
    format!("allow the caller `{action}`; {SEE_PERMISSIONS}")
}

fn service_hint(action: &str, code: &str, message: &str) -> Option<String> {
    if message.contains("ECS") {
        return Some(
            "the ecs-* fields need an ECS cluster and the permission to list ECS: leave them out \
             of --fields"
                .to_owned(),
        );
    }
    if action.starts_with("logs:") && message.contains("KMS") {
        return Some(
            "the key must be in the same region, and its policy must let CloudWatch Logs \
             (`logs.REGION.amazonaws.com`) use it for this log group"
                .to_owned(),
        );
    }
    let hint = match code {
        "FlowLogAlreadyExists" => {
            "AWS does not take it beside the flow log that exists: --allow-gap deletes the old one \
             first, and seconds of traffic go unrecorded; or name another --log-group"
        }
        "FlowLogsLimitExceeded" => "delete flow logs of the resource that nobody needs",
        "InvalidVpcID.NotFound"
        | "InvalidSubnetID.NotFound"
        | "InvalidNetworkInterfaceID.NotFound" => "check the id, --region and --profile",
        "LimitExceeded" | "LimitExceededException" => {
            "the account's quota is used up: delete what is not needed or ask AWS for more"
        }
        "RequestLimitExceeded" | "Throttling" | "ThrottlingException" => {
            "AWS is throttling this account: repeat the command later"
        }
        "ConcurrentModification" | "DeleteConflict" | "OperationAbortedException" => {
            "something else is changing the same thing: repeat the command"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// Each line once, in the order of first appearance.
fn join_lines(lines: impl Iterator<Item = String>) -> String {
    let mut unique: Vec<String> = Vec::new();
    for line in lines {
        if !unique.contains(&line) {
            unique.push(line);
        }
    }
    unique.join("\n")
}
