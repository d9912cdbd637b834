//! Any interleaving of pages, late events, repeats, new streams, failures,
//! commits, crashes and restarts hands each event to a transactional sink once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;

use super::world::{MINUTE_MS, SECOND_MS, World, options};
use crate::follow::{
    CommittedEvents, Delivery, Follow, FollowOptions, GroupCheckpoint, Read, Step,
};
use crate::group::{LogEvent, ReadErrorKind};

const LATENESS_MS: i64 = 10 * MINUTE_MS;
const AUDIT_MS: i64 = 40 * MINUTE_MS;
/// Events have times before this.
const LAST_MS: i64 = 30 * MINUTE_MS;

/// Keeps rows and checkpoint in one commit.
#[derive(Debug, Default)]
struct Sink {
    pending: Vec<Delivery>,
    rows: Vec<LogEvent>,
    checkpoint: GroupCheckpoint,
}

impl Sink {
    /// Commits the oldest deliveries; returns the sequence of the last one.
    fn commit(&mut self, deliveries: usize) -> u64 {
        let mut sequence = 0;
        let deliveries = deliveries.min(self.pending.len());
        for delivery in self.pending.drain(..deliveries) {
            self.rows.extend(delivery.events);
            let json = serde_json::to_string(&delivery.checkpoint).unwrap();
            self.checkpoint.apply(&serde_json::from_str(&json).unwrap());
            sequence = delivery.sequence;
        }
        sequence
    }

    fn keys(&self) -> CommittedEvents {
        let pending = self.pending.iter().flat_map(|delivery| &delivery.events);
        let events = self.rows.iter().chain(pending);
        events
            .map(|event| (&event.stream, &event.event_id))
            .collect()
    }
}

/// Chooses what happens next.
struct Choices {
    numbers: std::vec::IntoIter<u32>,
}

impl Choices {
    /// A number below `most`; 0 when the choices have run out, which always is
    /// the way things go well.
    fn next(&mut self, most: usize) -> usize {
        self.numbers
            .next()
            .map_or(0, |number| number as usize % most)
    }
}

struct Run<'a> {
    world: &'a World,
    options: FollowOptions,
    follow: Follow,
    reads: Vec<Read>,
    sink: Sink,
    now_ms: i64,
    choices: Choices,
    crashes: usize,
}

impl Run<'_> {
    /// Runs to the time and until nothing is open before it.
    fn run_to(&mut self, end_ms: i64, complete_ms: i64) -> Result<(), TestCaseError> {
        for _ in 0..200_000 {
            let complete = self.follow.progress().complete_to_ms >= complete_ms;
            if self.now_ms >= end_ms && complete && self.sink.pending.is_empty() {
                return Ok(());
            }
            self.happen()?;
        }
        Err(TestCaseError::fail("the follower does not come to an end"))
    }

    fn happen(&mut self) -> Result<(), TestCaseError> {
        match self.choices.next(20) {
            1 => self.crash(),
            2 => self.now_ms += 3 * SECOND_MS,
            3 if !self.reads.is_empty() => self.fail(),
            4..=6 => return self.commit(),
            7..=9 if !self.reads.is_empty() => self.answer(),
            _ => match self.follow.step(self.now_ms) {
                Step::Read(read) => self.reads.push(read),
                Step::Recall(_) => {
                    let known = self.sink.keys();
                    let delivery = self.follow.recalled(Some(known));
                    self.sink.pending.extend(delivery);
                }
                Step::Wait { until_ms } if self.reads.is_empty() => {
                    prop_assert!(until_ms > self.now_ms && until_ms < i64::MAX);
                    self.now_ms = until_ms;
                    return self.commit();
                }
                Step::Wait { .. } => self.answer(),
                Step::Done => prop_assert!(false, "following has no end"),
            },
        }
        Ok(())
    }

    /// Answers one of the reads in flight, not always the oldest.
    fn answer(&mut self) {
        let read = self.reads.remove(self.choices.next(self.reads.len()));
        let page = self.world.page(&read.request, self.now_ms);
        self.now_ms += self.choices.next(2_000) as i64;
        let delivery = self.follow.page(self.now_ms, read.id, page);
        self.sink.pending.extend(delivery);
    }

    fn fail(&mut self) {
        let read = self.reads.remove(self.choices.next(self.reads.len()));
        let kinds = [
            ReadErrorKind::Throttled,
            ReadErrorKind::Transient,
            ReadErrorKind::InvalidToken,
            ReadErrorKind::Denied,
            ReadErrorKind::NotFound,
        ];
        let kind = kinds[self.choices.next(kinds.len())];
        self.follow.failed(self.now_ms, read.id, kind);
    }

    /// Commits, and asserts that what the checkpoint calls complete is there.
    fn commit(&mut self) -> Result<(), TestCaseError> {
        let deliveries = match self.choices.next(5) {
            0 => usize::MAX,
            some => some,
        };
        let sequence = self.sink.commit(deliveries);
        self.follow.acknowledged(sequence);
        let complete_to_ms = self.sink.checkpoint.complete_to_ms().unwrap_or(i64::MIN);
        let rows: BTreeSet<_> = self.sink.rows.iter().map(|event| &event.event_id).collect();
        for (event, visible_ms) in self.world.events.values() {
            let time_ms = event.timestamp_ms;
            let in_time = visible_ms - time_ms <= LATENESS_MS;
            let claimed = (self.options.since_ms..complete_to_ms).contains(&time_ms);
            prop_assert!(!(in_time && claimed) || rows.contains(&event.event_id));
        }
        Ok(())
    }

    /// All that was not committed is gone.
    fn crash(&mut self) {
        self.crashes += 1;
        self.reads.clear();
        self.sink.pending.clear();
        let rows = self.sink.rows.iter();
        let unsettled = self.sink.checkpoint.unsettled();
        let committed = rows
            .filter(|event| {
                let open = |range: &std::ops::Range<i64>| range.contains(&event.timestamp_ms);
                unsettled.iter().any(open)
            })
            .map(|event| (&*event.stream, &event.event_id))
            .collect();
        self.follow = Follow::resume(self.options, &self.sink.checkpoint, committed);
    }
}

/// A quarter of the usual number, since each is long; `PROPTEST_CASES` sets it.
fn cases() -> ProptestConfig {
    let usual = ProptestConfig::default();
    ProptestConfig {
        cases: usual.cases / 4,
        ..usual
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_event_is_committed_exactly_once(
        arrivals in prop::collection::vec((0..LAST_MS, 0i64..12 * MINUTE_MS, 0u8..6), 0..300),
        page_events in 1usize..40,
        since_minutes in 0i64..10,
        start_minutes in 0i64..30,
        choices in prop::collection::vec(any::<u32>(), 0..3_000),
    ) {
        let mut world = World::new(page_events);
        for (time_ms, delay_ms, stream) in arrivals {
            world.add(&format!("eni-{stream}-all"), time_ms, delay_ms);
        }
        let options = FollowOptions {
            audit: Some(Duration::from_millis(AUDIT_MS as u64)),
            ..options(since_minutes * MINUTE_MS, LATENESS_MS)
        };
        let mut run = Run {
            world: &world,
            options,
            follow: Follow::new(options),
            reads: Vec::new(),
            sink: Sink::default(),
            now_ms: (since_minutes + start_minutes) * MINUTE_MS,
            choices: Choices { numbers: choices.into_iter() },
            crashes: 0,
        };
        // Beyond the audit of the last event.
        run.run_to(LAST_MS + AUDIT_MS + 61 * MINUTE_MS, LAST_MS)?;

        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for event in &run.sink.rows {
            *counts.entry(&event.event_id).or_default() += 1;
        }
        for (event, _) in world.events.values() {
            let count = counts.get(&*event.event_id).copied().unwrap_or(0);
            let expected = usize::from(event.timestamp_ms >= options.since_ms);
            prop_assert_eq!(count, expected, "after {} crashes: {:?}", run.crashes, event);
        }
        let progress = run.follow.progress();
        prop_assert_eq!(progress.unresolved, 0);
        prop_assert_eq!(progress.acknowledged, progress.delivered);
    }
}
