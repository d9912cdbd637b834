//! What goes wrong before the first call.

use aws_credential_types::provider::error::CredentialsError;

/// The result of configuring AWS access.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How to give credentials, for whoever has none.
pub(crate) const CREDENTIALS_HINT: &str = "give credentials with `--profile` or `AWS_PROFILE`, \
     with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or run `aws sso login`";

/// AWS access that cannot be set up. [`hint`](Error::hint) has the way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither the options, the environment, the profile nor the machine says
    /// which region to use.
    #[error("no AWS region is configured")]
    NoRegion {
        /// The profile that was asked for.
        profile: Option<String>,
    },

    /// The endpoint is not an HTTP address.
    #[error("endpoint URL `{url}` does not begin with `http://` or `https://`")]
    InvalidEndpointUrl {
        /// What was given.
        url: String,
    },

    /// What should be a role's ARN is none.
    #[error("`{arn}` is not the ARN of a role")]
    InvalidRoleArn {
        /// What was given.
        arn: String,
    },

    /// No place where credentials can be has any.
    #[error("no AWS credentials")]
    NoCredentials {
        /// Which places were tried.
        #[source]
        source: CredentialsError,
    },

    /// There are credentials, but they cannot be used: an unknown profile, an
    /// expired single sign-on session, a role that cannot be assumed.
    #[error("the AWS credentials cannot be loaded")]
    UnusableCredentials {
        /// Why not.
        #[source]
        source: CredentialsError,
    },

    /// Neither a log group's name nor its ARN.
    #[error("`{name}` is not the name or the ARN of a log group")]
    InvalidGroupName {
        /// What was given.
        name: String,
    },
}

impl Error {
    /// What the user can do about it: one line without a full stop.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoRegion { profile: None } => {
                "give one with `--region`, `AWS_REGION`, or `region` in the profile".to_owned()
            }
            Self::NoRegion {
                profile: Some(profile),
            } => format!(
                "give one with `--region`, `AWS_REGION`, or `region` in the profile `{profile}`"
            ),
            Self::InvalidEndpointUrl { .. } => {
                "for example `http://127.0.0.1:5000`; leave it out to use AWS".to_owned()
            }
            Self::InvalidRoleArn { .. } => {
                "give `--assume-role` one such as `arn:aws:iam::123456789012:role/NAME`".to_owned()
            }
            Self::NoCredentials { .. } => CREDENTIALS_HINT.to_owned(),
            Self::UnusableCredentials { .. } => {
                format!("check the profile in `~/.aws/config`, or {CREDENTIALS_HINT}")
            }
            Self::InvalidGroupName { .. } => "a name has letters, digits and `_ - / . #`; an ARN \
                 is `arn:aws:logs:REGION:ACCOUNT:log-group:NAME`"
                .to_owned(),
        }
    }
}
