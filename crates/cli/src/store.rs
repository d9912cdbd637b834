//! From the name of a store to the store.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use url::Url;
use vpcflow_ingest::SystemClock;
use vpcflow_store::{Location, Patience, SharedStore, Store, StoreOptions};

use crate::args::AwsArgs;
use crate::bucket::bucket;
use crate::failure::Failure;
use crate::open::bucket_config;

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
    let objects = bucket(
        url.host_str().unwrap_or_default(),
        &bucket_config(aws).await?,
    )?;
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
