//! Buckets of S3: how they are reached, and what is in them.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use object_store::aws::{AmazonS3Builder, AwsCredential};
use object_store::{CredentialProvider, ObjectStore};
use tokio::sync::Mutex;
use vpcflow_aws::SdkConfig;
use vpcflow_ingest::{Bucket, InputFile, Times};
use vpcflow_query::{ObjectFinder, ObjectsError};

use crate::args::AwsArgs;
use crate::failure::Failure;
use crate::open::bucket_config;

/// The buckets that a command reads, each reached once.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    config: Option<SdkConfig>,
    buckets: HashMap<String, Bucket>,
}

impl Buckets {
    /// The objects that `keys` mean in a bucket, without those that by their keys have
    /// no record of these times.
    pub(crate) async fn list(
        &mut self,
        bucket: &str,
        keys: &str,
        times: Times,
        aws: &AwsArgs,
    ) -> Result<Vec<InputFile>, Failure> {
        let bucket = match self.buckets.get(bucket) {
            Some(bucket) => bucket,
            None => {
                let reached = self.reach(bucket, aws).await?;
                self.buckets.entry(bucket.to_owned()).or_insert(reached)
            }
        };
        Ok(bucket.list(keys, times).await?)
    }

    async fn reach(&mut self, name: &str, aws: &AwsArgs) -> Result<Bucket, Failure> {
        if self.config.is_none() {
            self.config = Some(bucket_config(aws).await?);
        }
        let config = self.config.as_ref();
        let objects = config.map(|config| bucket(name, config)).transpose()?;
        let objects = objects.ok_or_else(|| Failure::new("there is no configuration of AWS"))?;
        Ok(Bucket::new(name, objects))
    }
}

/// Finds the objects that statements name.
#[derive(Debug)]
pub(crate) struct NamedObjects {
    buckets: Mutex<Buckets>,
    aws: AwsArgs,
}

impl NamedObjects {
    /// Buckets that were reached already are not looked for again.
    pub(crate) fn new(buckets: Buckets, aws: &AwsArgs) -> NamedObjects {
        NamedObjects {
            buckets: Mutex::new(buckets),
            aws: aws.clone(),
        }
    }
}

#[async_trait]
impl ObjectFinder for NamedObjects {
    async fn find(
        &self,
        bucket: &str,
        keys: &str,
        times: Times,
    ) -> Result<Vec<InputFile>, ObjectsError> {
        let mut buckets = self.buckets.lock().await;
        let listed = buckets.list(bucket, keys, times, &self.aws).await;
        listed.map_err(Failure::into_objects_error)
    }
}

/// A bucket, as whoever calls AWS otherwise: object_store knows no profiles.
pub(crate) fn bucket(name: &str, config: &SdkConfig) -> Result<Arc<dyn ObjectStore>, Failure> {
    let builder = AmazonS3Builder::new().with_bucket_name(name);
    let mut builder = match config.credentials_provider() {
        Some(provider) => builder.with_credentials(Arc::new(SdkCredentials { provider })),
        None => builder.with_skip_signature(true),
    };
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
