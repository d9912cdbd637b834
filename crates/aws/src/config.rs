//! Where to find AWS, and as whom.

use std::time::Duration;

use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};

use crate::credentials::{Kept, UsualCredentials};
use crate::{Error, Result};

/// How calls and sessions name this program.
const APP_NAME: &str = "vpcflow";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The SDK has no limit of its own: a connection that dies silently would stop
/// a reader for ever.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
const OPERATION_TIMEOUT: Duration = Duration::from_secs(120);

/// What the user says about AWS access; what is left out comes from the
/// [usual places](https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html):
/// environment, shared configuration files, instance metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SdkOptions {
    /// A profile of the shared configuration files. As with the AWS CLI, its
    /// credentials go before those of the environment.
    pub profile: Option<String>,
    /// The region of the log group.
    pub region: Option<String>,
    /// Sends every call to this address instead of AWS: an emulator, a proxy.
    pub endpoint_url: Option<String>,
    /// A role to act as, with the credentials found otherwise.
    pub assume_role: Option<AssumeRole>,
    /// No credentials are looked for and no call is signed, which only public buckets
    /// of S3 take.
    pub unsigned: bool,
}

/// A role to assume before anything else is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssumeRole {
    /// Its ARN, also of another account.
    pub arn: String,
    /// What the role's trust policy asks for as `sts:ExternalId`.
    pub external_id: Option<String>,
}

/// Finds region, endpoint and a provider of credentials. Credentials
/// themselves are not loaded yet: [`check_credentials`] does that.
///
/// A call is tried three times unless `AWS_MAX_ATTEMPTS` says otherwise.
///
/// # Errors
///
/// [`Error::NoRegion`], [`Error::InvalidEndpointUrl`] and
/// [`Error::InvalidRoleArn`].
pub async fn load_config(options: &SdkOptions) -> Result<SdkConfig> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .app_name(AppName::new(APP_NAME).expect("letters are allowed in an application's name"));
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &options.endpoint_url {
        loader = loader.endpoint_url(valid_endpoint_url(url)?);
    }
    if options.unsigned {
        loader = loader.no_credentials();
    }
    let config = loader.load().await;
    // From the environment or the profile, where nothing has looked at it yet.
    config.endpoint_url().map(valid_endpoint_url).transpose()?;
    if config
        .region()
        .is_none_or(|region| region.as_ref().is_empty())
    {
        return Err(Error::NoRegion {
            profile: options.profile.clone(),
        });
    }
    if options.unsigned {
        return Ok(config);
    }
    let usual = UsualCredentials {
        profile: options.profile.clone(),
        region: config.region().cloned(),
    };
    let config = with_credentials(usual, config);
    match &options.assume_role {
        Some(role) => with_role(role, config).await,
        None => Ok(config),
    }
}

/// Loads credentials once, so that missing ones are reported as such and not as
/// the failure of some call.
///
/// # Errors
///
/// [`Error::NoCredentials`] and [`Error::UnusableCredentials`].
pub async fn check_credentials(config: &SdkConfig) -> Result<()> {
    let credentials = match config.credentials_provider() {
        Some(provider) => provider.provide_credentials().await,
        None => Err(CredentialsError::not_loaded_no_source()),
    };
    match credentials {
        Ok(_) => Ok(()),
        Err(source @ CredentialsError::CredentialsNotLoaded(_)) => {
            Err(Error::NoCredentials { source })
        }
        Err(source) => Err(Error::UnusableCredentials { source }),
    }
}

fn valid_endpoint_url(url: &str) -> Result<&str> {
    if url.starts_with("http://") || url.starts_with("https://") {
        Ok(url)
    } else {
        Err(Error::InvalidEndpointUrl {
            url: url.to_owned(),
        })
    }
}

/// Acts as a role from here on; it is assumed with the credentials so far, and
/// again before it expires.
async fn with_role(role: &AssumeRole, config: SdkConfig) -> Result<SdkConfig> {
    let parts: Vec<&str> = role.arn.splitn(6, ':').collect();
    let is_role =
        matches!(parts.as_slice(), ["arn", _, "iam", "", _, name] if name.starts_with("role/"));
    if !is_role {
        return Err(Error::InvalidRoleArn {
            arn: role.arn.clone(),
        });
    }
    let mut builder = AssumeRoleProvider::builder(&role.arn)
        .session_name(APP_NAME)
        .configure(&config);
    if let Some(id) = &role.external_id {
        builder = builder.external_id(id);
    }
    let credentials = RoleCredentials {
        arn: role.arn.clone(),
        provider: builder.build().await,
    };
    Ok(with_credentials(credentials, config))
}

fn with_credentials(provider: impl ProvideCredentials + 'static, config: SdkConfig) -> SdkConfig {
    let Some(time) = config.time_source() else {
        let provider = SharedCredentialsProvider::new(provider);
        return config.into_builder().credentials_provider(provider).build();
    };
    let kept = SharedCredentialsProvider::new(Kept::new(provider, move || time.now()));
    config.into_builder().credentials_provider(kept).build()
}

/// Credentials of a role that the user has named: an error names the role.
#[derive(Debug)]
struct RoleCredentials {
    arn: String,
    provider: AssumeRoleProvider,
}

impl ProvideCredentials for RoleCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.provider.provide_credentials().await.map_err(|error| {
                let mut reason = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    reason = cause.to_string();
                    source = cause.source();
                }
                let arn = &self.arn;
                let message = format!("the role `{arn}` cannot be assumed: {reason}");
                CredentialsError::provider_error(message)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> SdkOptions {
        SdkOptions {
            region: Some("eu-central-1".to_owned()),
            ..SdkOptions::default()
        }
    }

    #[tokio::test]
    async fn options_reach_the_configuration() {
        let config = load_config(&SdkOptions {
            endpoint_url: Some("http://127.0.0.1:5000".to_owned()),
            ..options()
        })
        .await
        .unwrap();
        assert_eq!(config.region().unwrap().as_ref(), "eu-central-1");
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:5000"));
        assert_eq!(config.app_name().unwrap().as_ref(), "vpcflow");
        let timeouts = config.timeout_config().unwrap();
        assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
        assert_eq!(timeouts.operation_timeout(), Some(OPERATION_TIMEOUT));
    }

    #[tokio::test]
    async fn an_empty_region_is_no_region() {
        let options = SdkOptions {
            region: Some(String::new()),
            ..options()
        };
        let error = load_config(&options).await.unwrap_err();
        assert!(matches!(error, Error::NoRegion { profile: None }));
        assert!(error.hint().contains("`--region`"));
    }

    #[tokio::test]
    async fn an_endpoint_without_a_scheme_is_refused() {
        let options = SdkOptions {
            endpoint_url: Some("localhost:5000".to_owned()),
            ..options()
        };
        let error = load_config(&options).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "endpoint URL `localhost:5000` does not begin with `http://` or `https://`"
        );
    }

    #[tokio::test]
    async fn a_role_must_be_named_by_its_arn() {
        for arn in [
            "admin",
            "arn:aws:iam::123456789012:user/me",
            "arn:aws:iam::1",
        ] {
            let assume_role = AssumeRole {
                arn: arn.to_owned(),
                external_id: None,
            };
            let options = SdkOptions {
                assume_role: Some(assume_role),
                ..options()
            };
            let error = load_config(&options).await.unwrap_err();
            assert!(matches!(error, Error::InvalidRoleArn { .. }), "{arn}");
            assert!(error.hint().contains("--assume-role"));
        }
    }

    #[tokio::test]
    async fn an_unknown_profile_is_named() {
        let options = SdkOptions {
            profile: Some("no-such-profile-of-vpcflow".to_owned()),
            ..options()
        };
        let config = load_config(&options).await.unwrap();
        let error = check_credentials(&config).await.unwrap_err();
        let Error::UnusableCredentials { source } = &error else {
            panic!("{error:?}");
        };
        let reason = std::error::Error::source(source).unwrap().to_string();
        assert!(reason.contains("no-such-profile-of-vpcflow"), "{reason}");
    }

    #[tokio::test]
    async fn a_configuration_without_a_provider_has_no_credentials() {
        let config = SdkConfig::builder().build();
        let error = check_credentials(&config).await.unwrap_err();
        assert!(matches!(error, Error::NoCredentials { .. }));
        assert!(error.hint().contains("aws sso login"));
    }
}
