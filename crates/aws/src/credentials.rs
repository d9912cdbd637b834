//! Credentials that may expire and come back.

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::default_provider::credentials::DefaultCredentialsChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use tokio::sync::Mutex;

/// How long credentials are kept that do not say when they expire.
const KEPT: Duration = Duration::from_secs(3);
/// Credentials that expire are renewed this long before.
const BEFORE_EXPIRY: Duration = Duration::from_secs(5 * 60);

/// Credentials of the usual places, or of a profile.
///
/// The SDK's providers read the shared files once: credentials that somebody writes
/// there when the old ones have expired would never be seen by a process that runs
/// for weeks.
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

/// Keeps what a provider gave, since some ask for each request: until shortly before
/// it expires, or for a moment, if it does not say.
pub(crate) struct Kept {
    provider: SharedCredentialsProvider,
    now: Box<dyn Fn() -> SystemTime + Send + Sync>,
    /// With the time from which it is asked for again.
    kept: Mutex<Option<(Credentials, SystemTime)>>,
}

impl Kept {
    /// Of this provider, by this clock.
    pub(crate) fn new(
        provider: impl ProvideCredentials + 'static,
        now: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Kept {
        Kept {
            provider: SharedCredentialsProvider::new(provider),
            now: Box::new(now),
            kept: Mutex::default(),
        }
    }

    async fn load(&self) -> Result<Credentials, CredentialsError> {
        let mut kept = self.kept.lock().await;
        let now = (self.now)();
        if let Some((credentials, until)) = &*kept
            && now < *until
        {
            return Ok(credentials.clone());
        }
        let credentials = self.provider.provide_credentials().await?;
        let until = match credentials.expiry() {
            Some(expiry) => expiry.checked_sub(BEFORE_EXPIRY).unwrap_or(now),
            None => now + KEPT,
        };
        *kept = Some((credentials.clone(), until));
        Ok(credentials)
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl ProvideCredentials for Kept {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.load())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    /// Numbers what it gives; each expires an hour after 1970 and its number of hours.
    #[derive(Debug, Default)]
    struct Numbered {
        asked: AtomicU64,
        expire: bool,
    }

    impl ProvideCredentials for Numbered {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            let number = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(3_600 * number);
            let expiry = self.expire.then_some(expiry);
            let key = number.to_string();
            let credentials = Credentials::new(key, "secret", None, expiry, "test");
            future::ProvideCredentials::ready(Ok(credentials))
        }
    }

    /// The numbers that are given at these seconds.
    async fn given(expire: bool, seconds: &[u64]) -> Vec<String> {
        let clock = Arc::new(AtomicU64::new(0));
        let time = Arc::clone(&clock);
        let provider = Numbered {
            expire,
            ..Numbered::default()
        };
        let kept = Kept::new(provider, move || {
            SystemTime::UNIX_EPOCH + Duration::from_secs(time.load(Ordering::Relaxed))
        });
        let mut keys = Vec::new();
        for second in seconds {
            clock.store(*second, Ordering::Relaxed);
            let credentials = kept.provide_credentials().await.unwrap();
            keys.push(credentials.access_key_id().to_owned());
        }
        keys
    }

    #[tokio::test]
    async fn credentials_without_an_end_are_kept_for_a_moment() {
        assert_eq!(
            given(false, &[0, 2, 3, 5, 6]).await,
            ["1", "1", "2", "2", "3"]
        );
    }

    #[tokio::test]
    async fn credentials_are_kept_until_shortly_before_they_expire() {
        let seconds = [0, 3_299, 3_300, 6_899, 6_900];
        assert_eq!(given(true, &seconds).await, ["1", "1", "2", "2", "3"]);
    }
}
