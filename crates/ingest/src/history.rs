//! Reading a log group once, between two times.

use tokio_util::sync::CancellationToken;

use crate::budget::Budget;
use crate::clock::Clock;
use crate::follow::{Follow, FollowError, Follower};
use crate::group::LogGroup;
use crate::sink::EventSink;

/// Reads the events of `group` with a time in `[since_ms, until_ms)` once and
/// hands them to `sink`. Several parts of a long time are read at once, so that
/// the events do not come in the order of their times.
///
/// # Cancel safety
/// Not cancel safe: use `stop`.
///
/// # Errors
/// When reading fails in a way that repeating does not mend, or many times in a
/// row, or the sink fails.
pub async fn read_history(
    group: &dyn LogGroup,
    clock: &dyn Clock,
    budget: &Budget,
    since_ms: i64,
    until_ms: i64,
    sink: &mut dyn EventSink,
    stop: &CancellationToken,
) -> Result<(), FollowError> {
    let follower = Follower {
        group,
        clock,
        budget: budget.clone(),
        progress: None,
    };
    let mut state = Follow::once(since_ms, until_ms);
    follower.follow(&mut state, sink, stop, None).await
}
