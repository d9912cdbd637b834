//! Which calls fail, and how.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::time::Duration;

use super::wire::ApiError;

/// A way in which CloudWatch Logs refuses a call
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/CommonErrors.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// HTTP 400 `ThrottlingException`.
    Throttled,
    /// HTTP 500 `ServiceUnavailableException`.
    Unavailable,
    /// HTTP 500 `InternalFailure`, which the service's model does not list.
    InternalFailure,
    /// HTTP 400 `AccessDeniedException`.
    AccessDenied,
    /// HTTP 400 `ExpiredTokenException`: the caller's credentials have expired.
    ExpiredCredentials,
    /// HTTP 400 `UnrecognizedClientException`: the access key is unknown.
    UnknownCredentials,
    /// HTTP 400 `ResourceNotFoundException`: somebody deleted the log group.
    GroupDeleted,
}

impl Fault {
    pub(super) fn error(self, operation: &str) -> ApiError {
        let (status, code, message) = match self {
            Self::GroupDeleted => return ApiError::group_not_found(),
            Self::Throttled => (400, "ThrottlingException", "Rate exceeded".to_owned()),
            Self::Unavailable => (
                500,
                "ServiceUnavailableException",
                "The service cannot complete the request.".to_owned(),
            ),
            Self::InternalFailure => (500, "InternalFailure", "Internal failure".to_owned()),
            Self::AccessDenied => (
                400,
                "AccessDeniedException",
                format!(
                    "User: arn:aws:iam::123456789012:user/reader is not authorized to perform: \
                     logs:{operation} because no identity-based policy allows the \
                     logs:{operation} action"
                ),
            ),
            Self::ExpiredCredentials => (
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired".to_owned(),
            ),
            Self::UnknownCredentials => (
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.".to_owned(),
            ),
        };
        ApiError::new(status, code, message)
    }
}

/// How an answer is carried over the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carriage {
    Whole,
    /// After a pause.
    Slow(Duration),
    /// The connection breaks in the middle of it.
    Broken,
}

/// Decides for each call whether it fails. Operations are counted apart, as
/// AWS's quotas are.
#[derive(Debug, Default)]
pub(super) struct FaultPlan {
    pub(super) throttle_every: Option<NonZeroU64>,
    pub(super) unavailable_every: Option<NonZeroU64>,
    pub(super) drop_every: Option<NonZeroU64>,
    pub(super) slow_every: Option<NonZeroU64>,
    pub(super) slow_by: Duration,
    pub(super) calls_per_second: Option<u64>,
    calls_this_second: BTreeMap<String, u64>,
    denied: BTreeSet<String>,
    /// The access key that calls must be signed with.
    pub(super) access_key: Option<String>,
    next: Option<(Fault, u64)>,
}

impl FaultPlan {
    /// The fault of the `number`-th call (from 1) of `operation`, signed with this
    /// access key.
    pub(super) fn decide(
        &mut self,
        operation: &str,
        access_key: &str,
        number: u64,
    ) -> Option<Fault> {
        let accepted = self.access_key.as_deref();
        if accepted.is_some_and(|accepted| accepted != access_key) {
            return Some(Fault::ExpiredCredentials);
        }
        if self.denied.contains(operation) {
            return Some(Fault::AccessDenied);
        }
        if let Some((fault, calls)) = self.next.take() {
            self.next = (calls > 1).then_some((fault, calls - 1));
            return Some(fault);
        }
        if self.over_quota(operation) || is_nth(number, self.throttle_every) {
            return Some(Fault::Throttled);
        }
        is_nth(number, self.unavailable_every).then_some(Fault::Unavailable)
    }

    /// How the answer to the `number`-th call is carried.
    pub(super) fn carriage(&self, number: u64) -> Carriage {
        if is_nth(number, self.drop_every) {
            Carriage::Broken
        } else if is_nth(number, self.slow_every) {
            Carriage::Slow(self.slow_by)
        } else {
            Carriage::Whole
        }
    }

    /// The next `calls` calls of any operation fail with `fault`.
    pub(super) fn fail_next(&mut self, fault: Fault, calls: u64) {
        self.next = (calls > 0).then_some((fault, calls));
    }

    pub(super) fn deny(&mut self, operation: &str) {
        self.denied.insert(operation.to_owned());
    }

    pub(super) fn allow(&mut self, operation: &str) {
        self.denied.remove(operation);
    }

    pub(super) fn next_second(&mut self) {
        self.calls_this_second.clear();
    }

    fn over_quota(&mut self, operation: &str) -> bool {
        let Some(quota) = self.calls_per_second else {
            return false;
        };
        let calls = self
            .calls_this_second
            .entry(operation.to_owned())
            .or_default();
        *calls += 1;
        *calls > quota
    }
}

fn is_nth(number: u64, every: Option<NonZeroU64>) -> bool {
    every.is_some_and(|every| number.is_multiple_of(every.get()))
}
