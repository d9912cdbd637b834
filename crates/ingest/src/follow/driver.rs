//! The loop that follows a log group: asks the state machine, reads, hands on.

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::state::{Delivery, Follow, Read, ReadId, Step};
use crate::budget::Budget;
use crate::clock::Clock;
use crate::group::{EventPage, LogGroup, ReadError, ReadErrorKind};
use crate::progress::SourceProgress;
use crate::sink::{EventSink, SinkError};

/// Failed reads in a row after which a bounded reading gives up; following
/// never does.
const MAX_FAILURES: u32 = 8;
/// Failed reads in a row after which the user is told.
const TOLD_FAILURES: u32 = 5;
/// While there is always something to read, the sink settles this often.
const SETTLE_MS: i64 = 1_000;
/// While there is always something to read, progress is told this often.
const PUBLISH_MS: i64 = 500;

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

/// What a log group is followed with.
#[derive(Debug)]
pub struct Follower<'a> {
    /// The log group.
    pub group: &'a dyn LogGroup,
    /// Where time comes from.
    pub clock: &'a dyn Clock,
    /// The calls that may be made; shared by all who read the account's region.
    pub budget: Budget,
    /// Is told how far the follower has come, about twice a second.
    pub progress: Option<watch::Sender<SourceProgress>>,
}

type Answer = (ReadId, Result<EventPage, ReadError>);

impl Follower<'_> {
    /// Follows the group until `stop` is cancelled, the clock shows `until_ms`,
    /// or, for a [bounded](Follow::once) reading, all is read. Each new event
    /// is handed to `sink` once; when all that is there was handed on, and
    /// about every second meanwhile, the sink is told to settle.
    ///
    /// Reads are given up at once when asked to stop; what the sink was asked to
    /// do is always finished. A group that is deleted, or may not be read, is
    /// told to the user and tried again until it can be, unless the reading is
    /// bounded.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When reading fails in a way that repeating does not mend, or the sink
    /// fails.
    pub async fn follow(
        &self,
        state: &mut Follow,
        sink: &mut dyn EventSink,
        stop: &CancellationToken,
        until_ms: Option<i64>,
    ) -> Result<(), FollowError> {
        let mut reads: FuturesUnordered<BoxFuture<'_, Answer>> = FuturesUnordered::new();
        let mut trouble = Trouble::default();
        let (mut settled_ms, mut published_ms) = (i64::MIN, i64::MIN);
        loop {
            let now_ms = self.clock.now_ms();
            if stop.is_cancelled() || until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
                break;
            }
            let next_ms = match state.step(now_ms) {
                Step::Read(read) => {
                    reads.push(self.read(read, self.budget.reserve(now_ms)));
                    continue;
                }
                Step::Recall(times) => {
                    let committed = sink.committed(times).await?;
                    if let Some(delivery) = state.recalled(committed) {
                        deliver(state, sink, delivery).await?;
                    }
                    continue;
                }
                Step::Done => break,
                Step::Wait { until_ms: next_ms } => next_ms,
            };
            if reads.is_empty() || now_ms.saturating_sub(settled_ms) >= SETTLE_MS {
                sink.settle().await?;
                settled_ms = now_ms;
                state.acknowledged(sink.acknowledged());
            }
            if reads.is_empty() || now_ms.saturating_sub(published_ms) >= PUBLISH_MS {
                self.publish(state);
                published_ms = now_ms;
            }
            let next_ms = until_ms.map_or(next_ms, |until_ms| next_ms.min(until_ms));
            let answer = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(answer) = reads.next(), if !reads.is_empty() => answer,
                () = self.clock.sleep_until_ms(next_ms), if next_ms < i64::MAX => continue,
            };
            self.answer(state, sink, answer, &mut trouble).await?;
        }
        sink.settle().await?;
        state.acknowledged(sink.acknowledged());
        self.publish(state);
        Ok(())
    }

    fn read(&self, read: Read, at_ms: i64) -> BoxFuture<'_, Answer> {
        Box::pin(async move {
            if at_ms > self.clock.now_ms() {
                self.clock.sleep_until_ms(at_ms).await;
            }
            (read.id, self.group.page(&read.request).await)
        })
    }

    async fn answer(
        &self,
        state: &mut Follow,
        sink: &mut dyn EventSink,
        (id, result): Answer,
        trouble: &mut Trouble,
    ) -> Result<(), FollowError> {
        let now_ms = self.clock.now_ms();
        match result {
            Ok(page) => {
                self.budget.answered(now_ms);
                if std::mem::take(trouble).told {
                    sink.notice(&format!("log group `{}` is read again", self.group.name()));
                }
                if let Some(delivery) = state.page(now_ms, id, page) {
                    deliver(state, sink, delivery).await?;
                }
                Ok(())
            }
            Err(error) => {
                match error.kind {
                    ReadErrorKind::Throttled => self.budget.throttled(now_ms),
                    _ => self.budget.answered(now_ms),
                }
                trouble.failures += 1;
                if !trouble.is_worth_trying(&error, state.is_bounded()) {
                    return Err(error.into());
                }
                if trouble.is_to_be_told(&error) {
                    trouble.told = true;
                    let hint = error.hint.map(|hint| format!(" ({hint})"));
                    sink.notice(&format!(
                        "{}{}: trying again until it can be read",
                        error.message,
                        hint.unwrap_or_default()
                    ));
                }
                state.failed(now_ms, id, error.kind);
                Ok(())
            }
        }
    }

    fn publish(&self, state: &Follow) {
        if let Some(progress) = &self.progress {
            progress.send_replace(SourceProgress::LogGroup(state.progress()));
        }
    }
}

/// Hands a delivery on.
async fn deliver(
    state: &mut Follow,
    sink: &mut dyn EventSink,
    delivery: Delivery,
) -> Result<(), SinkError> {
    sink.deliver(delivery).await?;
    state.acknowledged(sink.acknowledged());
    Ok(())
}

/// Reads that failed, since the last that did not.
#[derive(Debug, Default)]
struct Trouble {
    failures: u32,
    /// The user knows.
    told: bool,
}

impl Trouble {
    fn is_worth_trying(&self, error: &ReadError, bounded: bool) -> bool {
        match error.kind {
            ReadErrorKind::Fatal => false,
            ReadErrorKind::Denied | ReadErrorKind::NotFound => !bounded,
            ReadErrorKind::Throttled | ReadErrorKind::Transient | ReadErrorKind::InvalidToken => {
                !bounded || self.failures <= MAX_FAILURES
            }
        }
    }

    fn is_to_be_told(&self, error: &ReadError) -> bool {
        let serious = match error.kind {
            // The budget shows it, and adapts.
            ReadErrorKind::Throttled => false,
            ReadErrorKind::Denied | ReadErrorKind::NotFound => true,
            _ => self.failures >= TOLD_FAILURES,
        };
        serious && !self.told
    }
}
