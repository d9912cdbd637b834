//! Waiting for what AWS has accepted but does not know everywhere yet.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_ec2::config::AsyncSleep;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use crate::Provisioner;
use crate::error::{Error, Result};

/// Waits that double up to a longest one, until their sum reaches a total.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) longest: Duration,
    pub(crate) total: Duration,
}

impl Backoff {
    /// For a new role until the flow logs service can assume it. IAM promises
    /// no time: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html>.
    pub(crate) const NEW_ROLE: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(15),
        total: Duration::from_secs(180),
    };

    /// For two changes of the same thing that follow each other.
    pub(crate) const CHANGE: Backoff = Backoff {
        first: Duration::from_millis(500),
        longest: Duration::from_secs(4),
        total: Duration::from_secs(15),
    };

    /// For a new flow log until AWS says that it can deliver.
    pub(crate) const DELIVERY: Backoff = Backoff {
        first: Duration::from_secs(1),
        longest: Duration::from_secs(10),
        total: Duration::from_secs(60),
    };

    /// The waits, in order.
    pub(crate) fn waits(self) -> Waits {
        Waits {
            next: self.first,
            longest: self.longest,
            left: self.total,
        }
    }
}

/// The waits of a [`Backoff`] that are left.
#[derive(Clone, Debug)]
pub(crate) struct Waits {
    next: Duration,
    longest: Duration,
    left: Duration,
}

impl Iterator for Waits {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.left.is_zero() {
            return None;
        }
        let wait = self.next.min(self.left);
        self.left -= wait;
        self.next = self.longest.min(self.next * 2);
        Some(wait)
    }
}

impl Provisioner {
    /// Waits, as the SDK does between its own attempts.
    pub(crate) async fn pause(&self, wait: Duration) {
        match &self.sleep {
            Some(sleep) => sleep.sleep(wait).await,
            None => tokio::time::sleep(wait).await,
        }
    }

    /// Waits, unless the run is asked to end.
    pub(crate) async fn pause_unless_stopped(&self, wait: Duration) -> Result<()> {
        match self.stop.run_until_cancelled(self.pause(wait)).await {
            Some(()) => Ok(()),
            None => Err(Error::Interrupted),
        }
    }

    /// Repeats a change while AWS refuses it with one of `codes`, or throttles
    /// it; then the last answer counts.
    pub(crate) async fn repeat<T, E, F>(
        &self,
        codes: &[&str],
        mut call: impl FnMut() -> F,
    ) -> std::result::Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata + StdError,
        F: Future<Output = std::result::Result<T, SdkError<E>>>,
    {
        let is_passing = |code: &str| codes.contains(&code) || is_throttled(code);
        for wait in Backoff::CHANGE.waits() {
            match call().await {
                Err(error) if error.code().is_some_and(is_passing) => self.pause(wait).await,
                answer => return answer,
            }
        }
        call().await
    }
}

/// Whether a code says that AWS takes no more calls for now. The SDK repeats
/// such calls too, but gives up within seconds.
pub(crate) fn is_throttled(code: &str) -> bool {
    const CODES: [&str; 5] = [
        "RequestLimitExceeded",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
    ];
    CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_end_at_the_total() {
        let waits: Vec<u64> = Backoff::NEW_ROLE
            .waits()
            .map(|wait| wait.as_secs())
            .collect();
        assert_eq!(waits[..6], [1, 2, 4, 8, 15, 15]);
        assert_eq!(waits.iter().sum::<u64>(), 180);
    }
}
