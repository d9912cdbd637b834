//! Reading a log group once, between two times.

use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::follow::{Follow, FollowError, FollowOptions, Step};
use crate::group::LogGroup;
use crate::sink::EventSink;

/// Failed reads in a row after which a bounded reading gives up; following
/// never does.
const MAX_FAILURES: u32 = 8;

/// Reads the events of `group` with a time in `[since_ms, until_ms)` once and
/// hands them to `sink`.
///
/// # Errors
/// When reading fails in a way that repeating does not mend, or many times in a
/// row, or the sink fails.
pub async fn read_history(
    group: &dyn LogGroup,
    clock: &dyn Clock,
    since_ms: i64,
    until_ms: i64,
    sink: &mut dyn EventSink,
    stop: &CancellationToken,
) -> Result<(), FollowError> {
    // The state machine at a time that stands still: without lateness, the first
    // reading of each bucket settles it.
    let mut state = Follow::new(FollowOptions {
        since_ms,
        poll: std::time::Duration::ZERO,
        lateness: std::time::Duration::ZERO,
    });
    let mut failures = 0;
    let end_ms = until_ms.max(since_ms);
    let mut now_ms = end_ms;
    while !stop.is_cancelled() {
        let request = match state.step(now_ms) {
            Step::Read(request) => request,
            Step::Wait { until_ms: retry_ms } if failures > 0 => {
                clock
                    .sleep_until_ms(clock.now_ms() + (retry_ms - now_ms))
                    .await;
                now_ms = retry_ms;
                continue;
            }
            Step::Wait { .. } => break,
        };
        let result = tokio::select! {
            result = group.page(&request) => result,
            () = stop.cancelled() => break,
        };
        match result {
            Ok(page) => {
                failures = 0;
                let mut fresh = state.page(page);
                fresh.retain(|event| (since_ms..until_ms).contains(&event.timestamp_ms));
                if !fresh.is_empty() {
                    sink.events(fresh).await?;
                }
            }
            Err(error) if error.is_retryable() && failures < MAX_FAILURES => {
                failures += 1;
                state.failed(now_ms, error.kind);
            }
            Err(error) => return Err(error.into()),
        }
    }
    sink.settle().await?;
    Ok(())
}
