//! The loop, by a clock that jumps over the waits.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::world::{HOUR_MS, MINUTE_MS, event};
use crate::budget::Budget;
use crate::clock::{Clock, SimulatedClock};
use crate::follow::CommittedEvents;
use crate::follow::{Delivery, Follow, FollowError, FollowOptions, Follower};
use crate::group::{EventPage, LogEvent, LogGroup, PageRequest, ReadError, ReadErrorKind};
use crate::memory::MemoryLogGroup;
use crate::read_history;
use crate::sink::{EventSink, SinkError};

/// Takes events, and may know them afterwards.
#[derive(Default)]
struct Kept {
    remembers: bool,
    events: Vec<LogEvent>,
    notices: Vec<String>,
}

#[async_trait]
impl EventSink for Kept {
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        self.events.extend(delivery.events);
        Ok(())
    }

    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        let of_times = self
            .events
            .iter()
            .filter(|event| times.contains(&event.timestamp_ms));
        let keys = of_times.map(|event| (&event.stream, &event.event_id));
        Ok(self.remembers.then(|| keys.collect()))
    }

    fn notice(&mut self, message: &str) {
        self.notices.push(message.to_owned());
    }
}

fn late_by(delay_ms: i64, id: &str, timestamp_ms: i64) -> LogEvent {
    LogEvent {
        ingestion_time_ms: Some(timestamp_ms + delay_ms),
        ..event("eni-1-all", id, timestamp_ms)
    }
}

/// A group that answers so many calls with a failure first.
#[derive(Debug)]
struct Failing {
    kind: ReadErrorKind,
    left: AtomicUsize,
    group: MemoryLogGroup,
}

#[async_trait]
impl LogGroup for Failing {
    fn name(&self) -> &str {
        "flows"
    }

    async fn page(&self, request: &PageRequest) -> Result<EventPage, ReadError> {
        let left = self.left.load(Ordering::SeqCst);
        if left == 0 {
            return self.group.page(request).await;
        }
        self.left.store(left - 1, Ordering::SeqCst);
        Err(ReadError {
            kind: self.kind,
            message: "log group `flows` may not be read".to_owned(),
            hint: Some("renew the credentials".to_owned()),
        })
    }
}

fn failing(clock: &Arc<SimulatedClock>, kind: ReadErrorKind, times: usize) -> Failing {
    let events = (0..100).map(|number| late_by(0, &number.to_string(), number * 1_000));
    let shown = Arc::clone(clock) as Arc<dyn Clock>;
    Failing {
        kind,
        left: AtomicUsize::new(times),
        group: MemoryLogGroup::new("flows", shown, events.collect()),
    }
}

async fn follow_to(
    group: &dyn LogGroup,
    clock: &SimulatedClock,
    budget: Budget,
    sink: &mut Kept,
    until_ms: i64,
) -> Result<Follow, FollowError> {
    let mut state = Follow::new(FollowOptions {
        poll: Duration::from_secs(60),
        ..FollowOptions::default()
    });
    let follower = Follower {
        group,
        clock,
        budget,
        progress: None,
    };
    let stop = CancellationToken::new();
    follower
        .follow(&mut state, sink, &stop, Some(until_ms))
        .await?;
    Ok(state)
}

#[tokio::test]
async fn an_audit_finds_what_came_after_the_lateness_and_asks_the_sink() {
    for remembers in [true, false] {
        let mut events: Vec<_> = (0..200)
            .map(|number| late_by(5 * MINUTE_MS, &number.to_string(), number * MINUTE_MS))
            .collect();
        events.push(late_by(20 * HOUR_MS, "late", 90 * MINUTE_MS));
        let clock = Arc::new(SimulatedClock::new(0));
        let shown = Arc::clone(&clock) as Arc<dyn Clock>;
        let group = MemoryLogGroup::new("flows", shown, events);
        let mut sink = Kept {
            remembers,
            ..Kept::default()
        };
        let budget = Budget::unlimited();
        let followed = follow_to(&group, &clock, budget, &mut sink, 27 * HOUR_MS).await;
        let progress = followed.unwrap().progress();
        let found = usize::from(remembers);
        assert_eq!(sink.events.len(), 200 + found);
        assert_eq!(progress.audited_late, found as u64);
        assert_eq!(progress.unresolved, 1 - found as u64);
    }
}

#[tokio::test]
async fn what_somebody_mends_is_told_once_and_waited_for() {
    for kind in [ReadErrorKind::Denied, ReadErrorKind::NotFound] {
        let clock = Arc::new(SimulatedClock::new(10 * MINUTE_MS));
        let group = failing(&clock, kind, 7);
        let mut sink = Kept::default();
        let until_ms = 20 * MINUTE_MS;
        let budget = Budget::unlimited();
        let followed = follow_to(&group, &clock, budget, &mut sink, until_ms).await;
        assert_eq!(followed.unwrap().progress().failures, 7);
        assert_eq!(sink.events.len(), 100);
        assert_eq!(
            sink.notices,
            [
                "log group `flows` may not be read (renew the credentials): trying again until it \
                 can be read",
                "log group `flows` is read again"
            ]
        );
    }
}

#[tokio::test]
async fn a_bounded_reading_gives_up_where_following_does_not() {
    for (kind, times, read) in [
        (ReadErrorKind::Denied, 1, false),
        (ReadErrorKind::Transient, 8, true),
        (ReadErrorKind::Transient, 9, false),
        (ReadErrorKind::Throttled, 3, true),
        (ReadErrorKind::Fatal, 1, false),
    ] {
        let clock = Arc::new(SimulatedClock::new(10 * MINUTE_MS));
        let group = failing(&clock, kind, times);
        let mut sink = Kept::default();
        let stop = CancellationToken::new();
        let budget = Budget::new(10.0);
        let result = read_history(&group, &*clock, &budget, 0, 50_000, &mut sink, &stop).await;
        assert_eq!(result.is_ok(), read, "{kind:?} {times} times");
        assert_eq!(sink.events.len(), if read { 50 } else { 0 });
    }
}

#[tokio::test]
async fn calls_keep_to_the_budget() {
    let clock = Arc::new(SimulatedClock::new(HOUR_MS));
    let events = (0..3_600).map(|number| late_by(0, &number.to_string(), number * 1_000));
    let shown = Arc::clone(&clock) as Arc<dyn Clock>;
    let group = MemoryLogGroup::new("flows", shown, events.collect()).with_page_events(10);
    let budget = Budget::new(2.0);
    let mut sink = Kept::default();
    let stop = CancellationToken::new();
    let read = read_history(&group, &*clock, &budget, 0, HOUR_MS, &mut sink, &stop).await;
    read.unwrap();
    assert_eq!(sink.events.len(), 3_600);
    let calls = budget.usage(clock.now_ms()).calls;
    assert!((360..432).contains(&calls), "{calls} calls");
    let seconds = (clock.now_ms() - HOUR_MS) / 1_000;
    assert!(
        seconds >= calls as i64 / 2 - 1,
        "{calls} calls in {seconds} s"
    );
}
