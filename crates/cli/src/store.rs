//! From the name of a store to the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::{CredentialProvider, ObjectStore};
use tokio_util::sync::CancellationToken;
use url::Url;
use vpcflow_aws::SdkConfig;
use vpcflow_ingest::SystemClock;
use vpcflow_store::{Location, Patience, SharedStore, Store, StoreOptions};

use crate::args::AwsArgs;
use crate::failure::Failure;
use crate::open::config;

/// Begins the name of a store in a bucket.
const BUCKET: &str = "s3://";

/// How much longer a commit waits that has no records, only how far was read.
const IDLE_FACTOR: i64 = 12;

/// Where the store is that the user named.
pub(crate) async fn location(name: &str, aws: &AwsArgs) -> Result<Location, Failure> {
    if name.is_empty() {
        return Err(Failure::usage("the name of the store is empty"));
    }
    if !name.starts_with(BUCKET) {
        return Ok(Location::directory(name)?);
    }
    let url = Url::parse(name).ok().filter(|url| url.has_host());
    let url = url.ok_or_else(|| {
        Failure::usage(format!("`{name}` names no bucket")).hint("write it as s3://BUCKET/PREFIX")
    })?;
    let objects = bucket(&url, &config(aws).await?)?;
    Ok(Location::objects(url, objects))
}

/// The writer of a store, made if it is not there.
pub(crate) async fn open(
    name: &str,
    keep_days: Option<u32>,
    commit_every: Duration,
    aws: &AwsArgs,
    stop: Option<&CancellationToken>,
) -> Result<SharedStore, Failure> {
    let location = location(name, aws).await?;
    let commit_age_ms = i64::try_from(commit_every.as_millis()).unwrap_or(i64::MAX);
    let options = StoreOptions {
        keep_days,
        commit_age_ms,
        idle_commit_age_ms: commit_age_ms.saturating_mul(IDLE_FACTOR),
        ..StoreOptions::default()
    };
    let store = Store::open(&location, options, Arc::new(SystemClock)).await?;
    let patience = stop.map_or(Patience::None, |stop| Patience::Until(stop.clone()));
    Ok(SharedStore::new(store, Arc::new(SystemClock), patience))
}

/// A bucket, as whoever calls AWS otherwise: object_store knows no profiles.
fn bucket(url: &Url, config: &SdkConfig) -> Result<Arc<dyn ObjectStore>, Failure> {
    let provider = config
        .credentials_provider()
        .ok_or_else(|| Failure::new("there is nothing that provides credentials of AWS"))?;
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(url.host_str().unwrap_or_default())
        .with_credentials(Arc::new(SdkCredentials { provider }));
    if let Some(region) = config.region() {
        builder = builder.with_region(region.as_ref());
    }
    if let Some(endpoint) = config.endpoint_url() {
        let plain = endpoint.starts_with("http://");
        builder = builder.with_endpoint(endpoint).with_allow_http(plain);
    }
    let built = builder.build();
    Ok(Arc::new(built.map_err(|error| Failure::chain(&error))?))
}

/// The SDK's credentials for object_store; the SDK keeps them until they expire.
#[derive(Debug)]
struct SdkCredentials {
    provider: SharedCredentialsProvider,
}

#[async_trait]
impl CredentialProvider for SdkCredentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        let credentials = self.provider.provide_credentials().await;
        let credentials = credentials.map_err(|error| object_store::Error::Unauthenticated {
            path: "credentials".to_owned(),
            source: Box::new(error),
        })?;
        Ok(Arc::new(AwsCredential {
            key_id: credentials.access_key_id().to_owned(),
            secret_key: credentials.secret_access_key().to_owned(),
            token: credentials.session_token().map(ToOwned::to_owned),
        }))
    }
}
