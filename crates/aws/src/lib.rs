//! AWS configuration, and CloudWatch log groups as a source of flow log
//! records.
//!
//! - [`load_config`] finds region, credentials and endpoint where the AWS CLI
//!   finds them, and says so early when there is no region;
//!   [`check_credentials`] does the same for credentials.
//! - [`CloudWatchLogGroup`] is a [`LogGroup`](vpcflow_ingest::LogGroup): it
//!   reads one page of events a call and sorts failures by what a reader can
//!   do about them. Which pages to read, how fast, and what to do with
//!   repetitions is decided in `vpcflow-ingest`.
//!
//! ```no_run
//! use vpcflow_aws::{CloudWatchLogGroup, SdkOptions, load_config};
//! use vpcflow_ingest::{LogGroup, PageRequest};
//!
//! # async fn read() -> Result<(), Box<dyn std::error::Error>> {
//! let config = load_config(&SdkOptions::default()).await?;
//! let group = CloudWatchLogGroup::new(&config, "/vpc/flow-logs")?;
//! group.check().await?;
//! let request = PageRequest {
//!     start_ms: 1_702_918_080_000,
//!     end_ms: 1_702_918_139_999,
//!     token: None,
//! };
//! let page = group.page(&request).await?;
//! # Ok(())
//! # }
//! ```
//!
//! Nothing here reads a clock or keeps state between calls, except for the
//! names of the streams seen so far, and for credentials until they expire or are
//! refused.

mod address;
mod client;
mod config;
mod credentials;
mod error;
mod failure;
mod source;

pub use aws_config::SdkConfig;

pub use config::{AssumeRole, SdkOptions, check_credentials, load_config};
pub use error::{Error, Result};
pub use source::{CloudWatchLogGroup, filter_log_events_quota};
