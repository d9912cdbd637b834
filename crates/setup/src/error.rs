//! The error of every function that talks to AWS, with the way out.

use std::error::Error as StdError;
use std::fmt;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use thiserror::Error;

use crate::apply::Aftermath;
use crate::plan::Obstacle;
use crate::resource::ResourceKind;
use crate::step::{Part, Verb};
use crate::text::count;

mod hint;

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
    /// The caller may create flow logs, but not with this role.
    #[error("the caller may not pass the delivery role to the flow logs service: {message}")]
    PassRole {
        /// AWS's words.
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
    /// AWS took a flow log, but cannot deliver it.
    #[error("AWS created flow log `{flow_log_id}` of `{resource_id}`, but says `{reason}`")]
    Delivery {
        /// The flow log.
        flow_log_id: String,
        /// What it watches.
        resource_id: String,
        /// The log group that it cannot deliver to.
        log_group: String,
        /// AWS's words: `Access error`.
        reason: String,
    },
    /// Nothing has the tags that were to choose what is watched.
    #[error("no {kind} in {region} has the tag {tags}")]
    NothingTagged {
        /// The kind of resource that was looked for.
        kind: ResourceKind,
        /// The tags, as the user wrote them.
        tags: String,
        /// The region that was searched.
        region: String,
    },
    /// The user asked the run to end.
    #[error("interrupted")]
    Interrupted,
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
    /// What was deleted is still there.
    #[error("AWS still shows what was deleted: {}", join(names))]
    Lingers {
        /// The names or ids of what is still there.
        names: Vec<String>,
    },
    /// A step of a plan failed.
    #[error("could not {verb} the {part} `{name}` (step {} of {total})", .done + 1)]
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
        /// What is left of the run.
        aftermath: Box<Aftermath>,
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
                // EC2 checks it within CreateFlowLogs, and often says so.
                if message.contains("iam:PassRole") {
                    Error::PassRole { message }
                } else {
                    Error::AccessDenied { action, message }
                }
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

    /// Whether the user asked for the end.
    pub fn is_interrupted(&self) -> bool {
        match self {
            Error::Interrupted => true,
            Error::Step { source, .. } => source.is_interrupted(),
            _ => false,
        }
    }

    /// What is left of a plan that failed half-way.
    pub fn aftermath(&self) -> Option<&Aftermath> {
        match self {
            Error::Step { aftermath, .. } => Some(aftermath),
            _ => None,
        }
    }

    /// Whether the call may have been carried out all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        matches!(
            self,
            Error::NoAnswer { .. } | Error::Service { .. } | Error::Incomplete { .. }
        )
    }
}

/// Whether sending failed because there were no credentials to sign with.
fn lacks_credentials(error: &(dyn StdError + 'static)) -> bool {
    error.is::<CredentialsError>() || error.source().is_some_and(lacks_credentials)
}

fn join(items: &[impl fmt::Display]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests;
