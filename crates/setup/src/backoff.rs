//! Waiting for what AWS has accepted but does not know everywhere yet.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

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

    /// The waits, in order.
    pub(crate) fn waits(self) -> impl Iterator<Item = Duration> {
        let doubled = std::iter::successors(Some(self.first), move |wait| {
            Some(self.longest.min(*wait * 2))
        });
        doubled.scan(Duration::ZERO, move |waited, wait| {
            let left = self.total.saturating_sub(*waited);
            *waited += wait;
            (!left.is_zero()).then(|| wait.min(left))
        })
    }

    /// Repeats a call while AWS refuses it with one of `codes`; then the last
    /// answer counts.
    pub(crate) async fn repeat<T, E, F>(
        self,
        codes: &[&str],
        mut call: impl FnMut() -> F,
    ) -> Result<T, SdkError<E>>
    where
        E: ProvideErrorMetadata + StdError,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        for wait in self.waits() {
            match call().await {
                Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => {
                    tokio::time::sleep(wait).await;
                }
                answer => return answer,
            }
        }
        call().await
    }
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
