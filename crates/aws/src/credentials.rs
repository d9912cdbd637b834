//! Credentials, looked for anew whenever they are asked for.

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};

/// Credentials of the usual places, or of a profile.
///
/// The SDK's providers read the shared files once: credentials that somebody writes
/// there when the old ones have expired would never be seen by a process that runs
/// for weeks. The SDK keeps what it is given here until it expires, so that it asks
/// seldom.
#[derive(Debug)]
pub(crate) struct UsualCredentials {
    /// Whoever writes `--profile` means that profile, as with the AWS CLI; the SDK's
    /// chain asks the environment first.
    pub(crate) profile: Option<String>,
    pub(crate) region: Option<Region>,
}

impl UsualCredentials {
    async fn load(&self) -> Result<Credentials, CredentialsError> {
        match &self.profile {
            Some(profile) => self.of_profile(profile).await,
            None => {
                let chain = DefaultCredentialsChain::builder().region(self.region.clone());
                chain.build().await.provide_credentials().await
            }
        }
    }

    async fn of_profile(&self, profile: &str) -> Result<Credentials, CredentialsError> {
        let config = ProviderConfig::without_region()
            .with_region(self.region.clone())
            .with_behavior_version(Some(BehaviorVersion::latest()));
        let provider = ProfileFileCredentialsProvider::builder()
            .configure(&config)
            .profile_name(profile)
            .build();
        match provider.provide_credentials().await {
            // That it gives none is an error, not a reason to look elsewhere.
            Err(CredentialsError::CredentialsNotLoaded(_)) => {
                Err(CredentialsError::invalid_configuration(format!(
                    "profile `{profile}` does not exist or has no credentials"
                )))
            }
            result => result,
        }
    }
}

impl ProvideCredentials for UsualCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}
