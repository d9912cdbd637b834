//! The client of a log group, whose credentials may expire and come back.

use std::sync::{Mutex, PoisonError};

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::{Builder, IdentityCache};

/// Makes clients, each with credentials of its own asking.
#[derive(Debug)]
pub(crate) struct Clients {
    config: SdkConfig,
    region: Option<Region>,
    newest: Mutex<Client>,
}

impl Clients {
    /// Of this configuration, for this region.
    pub(crate) fn new(config: &SdkConfig, region: Option<Region>) -> Clients {
        let newest = Mutex::new(client(config, region.clone()));
        Clients {
            config: config.clone(),
            region,
            newest,
        }
    }

    /// The client to call with.
    pub(crate) fn newest(&self) -> Client {
        let newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        newest.clone()
    }

    /// Forgets credentials that were refused: the SDK keeps them until they expire,
    /// as far as it knows. The next call asks for them anew.
    pub(crate) fn forget_credentials(&self) {
        let client = client(&self.config, self.region.clone());
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }
}

fn client(config: &SdkConfig, region: Option<Region>) -> Client {
    let config = Builder::from(config)
        .region(region)
        .identity_cache(IdentityCache::lazy().build());
    Client::from_conf(config.build())
}
