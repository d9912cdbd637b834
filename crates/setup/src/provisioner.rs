//! The clients, and who is calling.

use aws_config::SdkConfig;
use aws_sdk_ec2::config::SharedAsyncSleep;
use futures::stream::{self, StreamExt, TryStreamExt};
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::plan::plan;
use crate::step::Plan;
use crate::teardown::plan_teardown;
use crate::wish::Wish;

/// How many reads of one kind run at a time: quick enough for hundreds of
/// set-ups, and far below the quotas of the services.
const CONCURRENCY: usize = 8;

/// Waits for all reads, in order, of which [`CONCURRENCY`] run at a time.
pub(crate) async fn some_at_a_time<T>(
    reads: Vec<impl Future<Output = Result<T>>>,
) -> Result<Vec<T>> {
    let reads = stream::iter(reads).buffered(CONCURRENCY);
    reads.try_collect().await
}

/// Talks to AWS about flow logs in one account and region.
///
/// [`apply`](Provisioner::apply) writes; everything else only reads.
#[derive(Clone, Debug)]
pub struct Provisioner {
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    sts: aws_sdk_sts::Client,
    region: String,
    /// How to wait; `None` is the runtime's own way.
    pub(crate) sleep: Option<SharedAsyncSleep>,
    pub(crate) stop: CancellationToken,
}

impl Provisioner {
    /// Makes the clients; sends nothing.
    ///
    /// # Errors
    /// [`Error::NoRegion`] when the configuration has no region.
    pub fn new(config: &SdkConfig) -> Result<Provisioner> {
        let region = config.region().ok_or(Error::NoRegion)?;
        Ok(Provisioner {
            ec2: aws_sdk_ec2::Client::new(config),
            iam: aws_sdk_iam::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            sts: aws_sdk_sts::Client::new(config),
            region: region.to_string(),
            sleep: config.sleep_impl(),
            stop: CancellationToken::new(),
        })
    }

    /// Asks a run of [`apply`](Provisioner::apply) to end when it is cancelled: at
    /// once where it waits, else after the call under way. The run then fails, and
    /// what it made is taken back or kept as after any failure.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The region of the configuration.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Asks AWS whose account this is. Every caller may ask that.
    ///
    /// # Errors
    /// When there are no credentials, or AWS refuses them or cannot be reached.
    pub async fn account(&self) -> Result<Account> {
        const ACTION: &str = "sts:GetCallerIdentity";
        let incomplete = |missing| Error::Incomplete {
            action: ACTION,
            missing,
        };
        let caller = self.sts.get_caller_identity().send().await;
        let caller = caller.map_err(|e| Error::of_call(ACTION, e))?;
        let account_id = caller.account().ok_or_else(|| incomplete("account"))?;
        let arn = caller.arn().ok_or_else(|| incomplete("ARN"))?;
        Account::of_caller(arn, account_id, &self.region).ok_or_else(|| incomplete("valid ARN"))
    }

    /// Reads what exists and plans what is missing: see [`plan`].
    ///
    /// # Errors
    /// When AWS cannot be asked, or with [`Error::Blocked`] when something
    /// stands in the way.
    pub async fn plan_setup(&self, wish: &Wish) -> Result<Plan> {
        let account = self.account().await?;
        let observed = self.observe(&account, wish).await?;
        plan(wish, &account, &observed)
    }

    /// Reads what exists and plans its removal: see [`plan_teardown`].
    ///
    /// # Errors
    /// When AWS cannot be asked.
    pub async fn plan_teardown(&self, log_group: &str, keep_logs: bool) -> Result<Plan> {
        let account = self.account().await?;
        let remains = self.remains(&account, log_group).await?;
        Ok(plan_teardown(log_group, &account, &remains, keep_logs))
    }
}
