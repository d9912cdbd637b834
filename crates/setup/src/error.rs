//! The error of every function that talks to AWS, with the way out.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::plan::Obstacle;
use crate::step::{Part, Verb};
use crate::text::count;

/// The result of a function that talks to AWS.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type BoxError = Box<dyn StdError + Send + Sync>;

/// Why a request to AWS, or a plan, failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither an argument nor the environment nor a profile names a region.
    #[error("no AWS region is configured")]
    NoRegion,
    /// No credentials could be loaded, so nothing was sent.
    #[error("no AWS credentials could be loaded")]
    NoCredentials {
        /// What the credentials providers said.
        source: BoxError,
    },
    /// AWS does not know the credentials, or not any more.
    #[error("AWS refused the credentials with `{code}`: {message}")]
    CredentialsRefused {
        /// AWS's error code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// The caller may not do this.
    #[error("access denied for `{action}`: {message}")]
    AccessDenied {
        /// The IAM action that was tried.
        action: &'static str,
        /// AWS's words; they often name the resource and the missing action.
        message: String,
    },
    /// The request was not answered.
    #[error("`{action}` got no answer from AWS")]
    NoAnswer {
        /// The IAM action that was tried.
        action: &'static str,
        /// What went wrong on the way.
        source: BoxError,
    },
    /// AWS answered with an error.
    #[error("`{action}` failed with `{code}`: {message}")]
    Service {
        /// The IAM action that was tried.
        action: &'static str,
        /// AWS's error code.
        code: String,
        /// AWS's words.
        message: String,
    },
    /// AWS answered without something that it always sends.
    #[error("the answer to `{action}` has no {missing}")]
    Incomplete {
        /// The IAM action that was tried.
        action: &'static str,
        /// What the answer lacks.
        missing: &'static str,
    },
    /// The plan cannot be made: every reason that was found.
    #[error("this cannot be set up: {}", join(obstacles))]
    Blocked {
        /// The reasons, at least one.
        obstacles: Vec<Obstacle>,
    },
    /// Flow logs were not created or deleted, though others may have been.
    #[error("AWS refused {}: {}", count(refusals.len(), "flow log"), join(refusals))]
    FlowLogs {
        /// One for each resource or flow log refused, at least one.
        refusals: Vec<Refusal>,
    },
    /// A new role did not become usable.
    #[error("the role `{role}` still cannot be assumed after {waited_s} s")]
    RoleNotAssumable {
        /// The ARN of the role.
        role: String,
        /// How long vpcflow waited, in seconds.
        waited_s: u64,
    },
    /// Something of the same name appeared after the plan was made.
    #[error("the {part} `{name}` exists by now, and vpcflow did not make it")]
    Appeared {
        /// What it is.
        part: Part,
        /// Its name.
        name: String,
    },
    /// A flow log's format cannot be read.
    #[error("the format of flow log `{flow_log_id}` cannot be read")]
    Format {
        /// The flow log.
        flow_log_id: String,
        /// What is wrong with the format.
        source: vpcflow_record::FormatError,
    },
    /// A step of a plan failed; those before it are done.
    #[error("could not {verb} the {part} `{name}` ({done} of {total} changes done)")]
    Step {
        /// What was to be done.
        verb: Verb,
        /// To what kind of thing.
        part: Part,
        /// To which one.
        name: String,
        /// How many changes were done before.
        done: usize,
        /// How many changes the plan has.
        total: usize,
        /// Why it failed.
        source: Box<Error>,
    },
}

/// One resource that AWS made no flow log for, or one flow log that it did not
/// delete, out of a request for several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The id of the resource or flow log.
    pub id: String,
    /// AWS's error code.
    pub code: String,
    /// AWS's words.
    pub message: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` with `{}`: {}", self.id, self.code, self.message)
    }
}

impl Error {
    /// Sorts the SDK's error into ours. `action` is the IAM action of the call.
    pub(crate) fn of_call<E>(action: &'static str, error: SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let SdkError::ServiceError(_) = &error else {
            return if lacks_credentials(&error) {
                Error::NoCredentials {
                    source: error.into(),
                }
            } else {
                Error::NoAnswer {
                    action,
                    source: error.into(),
                }
            };
        };
        let code = error.code().unwrap_or("unknown").to_owned();
        let message = error.message().unwrap_or("AWS gave no reason").to_owned();
        match code.as_str() {
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedOperation" => {
                Error::AccessDenied { action, message }
            }
            "AuthFailure"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "InvalidClientTokenId"
            | "RequestExpired"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException" => Error::CredentialsRefused { code, message },
            _ => Error::Service {
                action,
                code,
                message,
            },
        }
    }

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
            Error::Service { code, message, .. } => service_hint(code, message),
            Error::Blocked { obstacles } => Some(join_lines(obstacles.iter().map(Obstacle::hint))),
            Error::FlowLogs { refusals } => refusals
                .iter()
                .find_map(|refusal| service_hint(&refusal.code, &refusal.message)),
            Error::RoleNotAssumable { .. } => Some(
                "IAM can take a while to make a new role known: repeat the command; if it goes \
                 on, check the role's trust policy and your organization's policies"
                    .to_owned(),
            ),
            Error::Appeared { .. } => Some("repeat the command to plan anew".to_owned()),
            Error::Step { source, .. } => source.hint(),
            Error::Incomplete { .. } | Error::Format { .. } => None,
        }
    }
}

/// Whether sending failed because there were no credentials to sign with.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    error.is::<CredentialsError>() || error.source().is_some_and(lacks_credentials)
}

fn denied_hint(action: &str) -> String {
    // EC2 checks iam:PassRole within CreateFlowLogs and names only the latter.
    if action == "ec2:CreateFlowLogs" {
        return "allow the caller `ec2:CreateFlowLogs`, and `iam:PassRole` on the delivery role: \
                EC2 reports either one missing in this way"
            .to_owned();
    }
    format!("allow the caller `{action}`")
}

fn service_hint(code: &str, message: &str) -> Option<String> {
    if message.contains("ECS") {
        return Some(
            "the ecs-* fields need an ECS cluster and the permission to list ECS: leave them out \
             of --fields"
                .to_owned(),
        );
    }
    let hint = match code {
        "FlowLogAlreadyExists" => {
            "AWS takes the flow log that exists for the same: tear it down first, or name another \
             --log-group"
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

fn join(items: &[impl fmt::Display]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
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

#[cfg(test)]
mod tests;
