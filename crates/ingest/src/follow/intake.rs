//! What becomes of a page.

use std::ops::Range;

use super::audit::Digest;
use super::checkpoint::Settled;
use super::options::{BUCKET_MS, floor};
use super::seen::{Key, identity};
use super::state::{Delivery, Follow, ReadId, Recall};
use super::sweep::{Purpose, Reached, ReadKind, Sweep};
use crate::group::{EventPage, LogEvent};

/// Pages after which a reading ends at the next bucket, so that others have their
/// turn and a restart does not lose much: half as many again as are planned.
const MAX_PAGES: u64 = 24;
/// What the newest measurement weighs in an average.
const NEWEST: f64 = 0.25;

impl Follow {
    /// Takes the page that a read gave at `now_ms`. Returns its new events, in
    /// their order, and what they mean for the checkpoint, unless there is
    /// nothing of either.
    pub fn page(&mut self, now_ms: i64, id: ReadId, page: EventPage) -> Option<Delivery> {
        let mut sweep = self.sweeps.remove(&id)?;
        sweep.in_flight = false;
        sweep.failures = 0;
        sweep.pages += 1;
        let before = sweep.reached;
        sweep.reach(page.events.iter().map(|event| event.timestamp_ms));
        sweep.token = page.next_token;
        self.progress.pages += 1;
        match sweep.kind {
            ReadKind::Fresh => self.fresh.pages += 1,
            ReadKind::Revisit | ReadKind::Audit => self.progress.revisit_pages += 1,
            ReadKind::History => {}
        }
        self.measure(&sweep, page.events.len());
        let fresh = self.take(&mut sweep, page.events, now_ms);
        if sweep.token.is_none() {
            let range = sweep.range.clone();
            self.end(&sweep, range);
        } else if sweep.pages >= MAX_PAGES
            && let Some(to_ms) = read_to(&sweep)
            && before.is_before(to_ms)
        {
            // In this page one bucket ended and another began: what is read of
            // that one, and will be read again, is a part of a page.
            self.end_early(&sweep, to_ms);
        } else {
            self.sweeps.insert(id, sweep);
        }
        self.end_fresh_round();
        self.delivery(fresh)
    }

    /// Learns how many events a page has, and a millisecond.
    fn measure(&mut self, sweep: &Sweep, events: usize) {
        let more = sweep.token.is_some();
        if more && events > 0 {
            self.page_events += NEWEST * (events as f64 - self.page_events);
        }
        let span_ms = match (sweep.first_ms, sweep.reached) {
            _ if !more => sweep.range.end - sweep.range.start,
            // Not from the start of the range: it may be long before the group's.
            (Some(first_ms), Reached::To(time_ms)) => time_ms - first_ms,
            _ => return,
        };
        let all_came = matches!(sweep.kind, ReadKind::History | ReadKind::Audit);
        // In the middle of a sweep only what is not known at all, or wrong.
        let early = more && self.density.is_some() && sweep.pages < MAX_PAGES;
        if !all_came || span_ms < BUCKET_MS || early {
            return;
        }
        let density = sweep.events as f64 / span_ms as f64;
        self.density = Some(match self.density {
            Some(known) => known + NEWEST * (density - known),
            None => density,
        });
    }

    /// The events of a page that are to be handed on.
    fn take(&mut self, sweep: &mut Sweep, events: Vec<LogEvent>, now_ms: i64) -> Vec<LogEvent> {
        let mut fresh = events;
        match &mut sweep.purpose {
            Purpose::HandOn => {
                let range = &sweep.range;
                fresh.retain(|event| self.is_new(event, range, now_ms));
            }
            Purpose::Sum { found, .. } => {
                for event in fresh.drain(..) {
                    found.add(identity(&event.stream, &event.event_id));
                    self.progress.repeats += 1;
                }
            }
            Purpose::Compare { known } => {
                fresh.retain(|event| {
                    known.insert(Key::of(identity(&event.stream, &event.event_id)))
                });
                self.progress.audited_late += fresh.len() as u64;
                self.progress.events += fresh.len() as u64;
                for event in &fresh {
                    self.streams.note(&event.stream, event.timestamp_ms);
                }
            }
        }
        fresh
    }

    fn is_new(&mut self, event: &LogEvent, range: &Range<i64>, now_ms: i64) -> bool {
        let hash = identity(&event.stream, &event.event_id);
        // A service that answers outside of the range asked for must not make
        // us forget the event, nor hand it on at every reading.
        let bucket_ms = floor(event.timestamp_ms.clamp(range.start, range.end - 1));
        let bucket = self.open.entry(bucket_ms).or_default();
        let read_before = bucket.read_ms.is_some();
        if !bucket.seen.insert(hash) || self.was_committed(hash) {
            self.progress.repeats += 1;
            return false;
        }
        self.progress.events += 1;
        let visible_ms = match event.ingestion_time_ms {
            Some(ingestion_ms) => Some(ingestion_ms),
            None => read_before.then_some(now_ms),
        };
        if let Some(visible_ms) = visible_ms {
            self.lags
                .note(visible_ms.saturating_sub(event.timestamp_ms));
        }
        let older = self.streams.note(&event.stream, event.timestamp_ms);
        self.progress.late += u64::from(older && read_before);
        true
    }

    /// Ends a sweep where it is; another one reads the rest.
    pub(super) fn end_early(&mut self, sweep: &Sweep, to_ms: i64) {
        self.end(sweep, sweep.range.start..to_ms);
        if sweep.kind == ReadKind::Fresh {
            self.fresh.queue.push_front(to_ms..sweep.range.end);
        }
    }

    /// Notes that a sweep has read `range` in full.
    fn end(&mut self, sweep: &Sweep, range: Range<i64>) {
        match &sweep.purpose {
            Purpose::HandOn => {
                let settled_to_ms = match self.bounds {
                    Some(_) => range.end,
                    None => floor(sweep.began_ms.saturating_sub(self.lateness_ms)),
                };
                let settled_to_ms = settled_to_ms.clamp(range.start, range.end);
                self.unread.remove(range.clone());
                self.settle(range.start..settled_to_ms, sweep.began_ms);
                self.note_reading(settled_to_ms..range.end, sweep.began_ms);
            }
            Purpose::Sum { expected, found } if expected != found => {
                self.recall = Some(Recall {
                    range,
                    more: found.events.saturating_sub(expected.events),
                    asked: false,
                });
            }
            Purpose::Sum { .. } => self.end_audit(range),
            Purpose::Compare { .. } => self.end_audit(range),
        }
    }

    pub(super) fn end_audit(&mut self, range: Range<i64>) {
        self.audits.remove(&range);
        self.delta.audited.push(range);
    }

    /// Forgets the events of a range, but for their digest.
    fn settle(&mut self, range: Range<i64>, began_ms: i64) {
        if range.is_empty() {
            return;
        }
        let mut later = self.open.split_off(&range.start);
        self.open.append(&mut later.split_off(&range.end));
        let audited = self
            .audit_ms
            .is_some_and(|audit_ms| range.end.saturating_add(audit_ms) > began_ms);
        let digest = audited.then(|| {
            let digests = later.values().map(|bucket| bucket.seen.digest());
            digests.fold(Digest::default(), Digest::merge)
        });
        if let Some(digest) = digest {
            self.audits.add(range.clone(), digest);
        }
        self.settled.insert(range.clone(), ());
        self.delta.settled.push(Settled { range, digest });
    }

    fn note_reading(&mut self, range: Range<i64>, began_ms: i64) {
        for start_ms in range.clone().step_by(BUCKET_MS as usize) {
            let bucket = self.open.entry(start_ms).or_default();
            bucket.read_ms = Some(began_ms);
            bucket.seen.pack();
        }
        if !range.is_empty() {
            self.delta.read.push((range, began_ms));
        }
    }
}

/// Up to where a sweep in the middle of its pages has read all: the start of the
/// bucket that it is in, unless that is its first. Pages come in order of event
/// time
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>);
/// if they ever did not, nobody knows. An audit needs all of its sum.
pub(super) fn read_to(sweep: &Sweep) -> Option<i64> {
    let Reached::To(time_ms) = sweep.reached else {
        return None;
    };
    let to_ms = floor(time_ms.min(sweep.range.end - 1));
    let some = to_ms > sweep.range.start && sweep.kind != ReadKind::Audit;
    some.then_some(to_ms)
}
