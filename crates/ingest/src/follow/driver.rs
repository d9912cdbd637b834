//! The loop that follows a log group: asks the state machine, reads, hands on.

use tokio_util::sync::CancellationToken;

use super::state::{Follow, Step};
use crate::clock::Clock;
use crate::group::{LogGroup, ReadError};
use crate::sink::{EventSink, SinkError};

/// Why following ended before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log group cannot be read, and trying again would not help.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The events could not be handed on.
    #[error(transparent)]
    Sink(#[from] SinkError),
}

/// Follows `group` until `stop` is cancelled or the clock shows `until_ms`.
/// Each new event is handed to `sink` once; between readings, when all that is
/// there was handed on, the sink is told to settle.
///
/// Reads are given up at once when asked to stop; a write to the sink is always
/// finished.
///
/// # Cancel safety
/// Not cancel safe: use `stop`.
///
/// # Errors
/// When reading fails in a way that repeating does not mend, or the sink fails.
pub async fn follow(
    group: &dyn LogGroup,
    clock: &dyn Clock,
    state: &mut Follow,
    sink: &mut dyn EventSink,
    stop: &CancellationToken,
    until_ms: Option<i64>,
) -> Result<(), FollowError> {
    loop {
        let now_ms = clock.now_ms();
        if stop.is_cancelled() || until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
            break;
        }
        match state.step(now_ms) {
            Step::Wait { until_ms: next_ms } => {
                sink.settle().await?;
                let next_ms = until_ms.map_or(next_ms, |until_ms| next_ms.min(until_ms));
                tokio::select! {
                    () = clock.sleep_until_ms(next_ms) => {}
                    () = stop.cancelled() => break,
                }
            }
            Step::Read(request) => {
                let result = tokio::select! {
                    result = group.page(&request) => result,
                    () = stop.cancelled() => break,
                };
                match result {
                    Ok(page) => {
                        let fresh = state.page(page);
                        if !fresh.is_empty() {
                            sink.events(fresh).await?;
                        }
                    }
                    Err(error) if error.is_retryable() => state.failed(clock.now_ms(), error.kind),
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
    sink.settle().await?;
    Ok(())
}
