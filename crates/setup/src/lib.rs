//! Plans, makes, inspects and removes VPC flow logs that deliver to CloudWatch
//! Logs.
//!
//! A set-up is five things: an IAM policy that allows to write to one log
//! group, a role that the flow logs service assumes, that the role has the
//! policy, the log group, and a flow log for each VPC, subnet or network
//! interface. This crate brings them about in that order, says how they do, and
//! takes them away again.
//!
//! It is not a general tool for infrastructure: there is no state file. What
//! exists is read from AWS each time, and what vpcflow made carries the tag
//! `vpcflow:managed-by = vpcflow`. Anything without that tag may be used, but
//! is never changed or removed.
//!
//! It loads no configuration and asks nobody: the caller gives the
//! [`SdkConfig`](aws_config::SdkConfig), shows the [`Plan`] and decides.
//!
//! ```no_run
//! # async fn example(config: &aws_config::SdkConfig) -> Result<(), Box<dyn std::error::Error>> {
//! use vpcflow_setup::{OnFailure, Provisioner, Wish};
//!
//! let wish = Wish::builder().resource("vpc-0a1b2c3d4e5f".parse()?).build()?;
//!
//! let provisioner = Provisioner::new(config)?;
//! let plan = provisioner.plan_setup(&wish).await?;
//! print!("{plan}");
//! provisioner.apply(&plan, OnFailure::TakeBack, &mut |progress| println!("{progress:?}")).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # How it is built
//!
//! Reading, deciding and writing are apart. `observe` reads and never writes;
//! [`plan`] and [`plan_teardown`] are pure functions, so every decision is
//! tested without AWS; `apply` writes what the plan says and decides nothing.
//! A plan holds the calls themselves, so that what is shown is what is done.
//! Every call can be repeated, and a failure leaves nothing that the next plan
//! does not find.
//!
//! | module | what lives there |
//! |---|---|
//! | `wish`, `resource`, `selection`, `tags` | what the user wants, checked before AWS is asked |
//! | `provisioner`, `account` | the clients and who calls; ARNs and derived names |
//! | `documents` | the two IAM policy documents and their comparison |
//! | `permissions`, `cloudformation` | what a caller needs; the same set-up as a template |
//! | `observe`, `flow_logs` | what exists |
//! | `plan`, `step` | from wanted and existing to steps |
//! | `apply`, `backoff` | carrying steps out; waiting for what AWS takes time over |
//! | `status`, `evaluate` | how the deliveries do; what policies allow |
//! | `teardown` | from existing to steps that remove what is ours |
//! | `error`, `text` | failures with hints; text for people |

mod account;
mod apply;
mod backoff;
mod cloudformation;
mod documents;
mod error;
mod evaluate;
#[cfg(test)]
mod fake_aws;
mod flow_logs;
mod log_class;
#[cfg(test)]
mod model;
mod observe;
mod permissions;
mod plan;
mod provisioner;
mod resource;
mod selection;
mod status;
mod step;
mod tags;
mod teardown;
mod text;
mod wish;

pub use account::{Account, IAM_PATH};
pub use apply::{Aftermath, Applied, OnFailure, OnProgress, Progress, Standing};
pub use documents::{delivery_policy, trust_policy};
pub use error::{Error, Refusal, Result};
pub use flow_logs::{Delivery, Destination, FlowLog, GroupFormat};
pub use log_class::LogClass;
pub use observe::{LogGroup, Observed, Policy, Role};
pub use permissions::{PermissionScope, caller_policy};
pub use plan::{Obstacle, plan};
pub use provisioner::Provisioner;
pub use resource::{Resource, ResourceKind};
pub use selection::TagFilter;
pub use status::{
    Check, Interface, LogGroupStatus, Sight, Status, Streams, Topic, Unseen, Verdict,
};
pub use step::{Part, Plan, Step, Verb};
pub use tags::{Tag, Tags};
pub use teardown::{HeldPolicy, Remains, Removal, plan_teardown};
pub use wish::{
    DEFAULT_RETENTION_DAYS, Fields, Interval, RETENTION_DAYS, TagField, TaggedKind, Traffic, Wish,
    WishBuilder, WishError,
};
