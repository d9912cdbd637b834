//! Which event time to read next.

use std::ops::Range;

use super::bucket::Due;
use super::options::{BUCKET_MS, ceil, floor};
use super::state::Follow;
use super::sweep::{Purpose, ReadKind, Sweep};

/// Pages that one reading is planned to have: many enough that a last page that
/// is half empty does not matter, few enough that several readings can share
/// the work.
const PLANNED_PAGES: f64 = 16.0;
/// Pages that are worth a reading before it has to be made.
const WORTH_PAGES: f64 = 8.0;
/// Event time that one reading spans while nobody knows how much is in it.
const UNKNOWN_SPAN_MS: i64 = 60 * 60_000;
/// Event time that one reading spans at most.
const MAX_SPAN_MS: i64 = 24 * 60 * 60_000;
/// How old the newest event time is at most until it is known how late events
/// usually come: twice what AWS calls typical
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>).
const UNKNOWN_LAG_MS: i64 = 10 * 60_000;
/// The newest event time is never older than this, however late events come.
const MAX_FRESH_MS: i64 = 30 * 60_000;
/// How often the newest event time is read in full, at the least, in the time
/// in which most of its events come.
const FRESH_READINGS: i64 = 4;
/// How often the open buckets are looked at for those that are due.
const LOOK_MS: i64 = 1_000;

impl Follow {
    /// The sweep to begin of this kind, if there is one.
    pub(super) fn plan(&mut self, kind: ReadKind, now_ms: i64) -> Option<Sweep> {
        let begin = |range| Sweep::new(kind, range, now_ms, Purpose::HandOn);
        match kind {
            ReadKind::Fresh => self.plan_fresh(now_ms).map(begin),
            ReadKind::History => self.plan_history(now_ms).map(begin),
            ReadKind::Revisit => self.plan_revisit(now_ms).map(begin),
            ReadKind::Audit => self.plan_audit(now_ms),
        }
    }

    /// How old event time is, at most, that counts as the newest: nearly all
    /// events come within it.
    pub(super) fn fresh_age_ms(&self) -> i64 {
        let usual_ms = self.lags.most_within_ms().unwrap_or(UNKNOWN_LAG_MS);
        ceil(usual_ms.min(MAX_FRESH_MS).min(self.lateness_ms)).max(BUCKET_MS)
    }

    /// Where the newest event time begins.
    pub(super) fn fresh_start_ms(&self, now_ms: i64) -> i64 {
        if self.bounds.is_some() {
            return i64::MAX;
        }
        floor(now_ms - self.fresh_age_ms())
    }

    /// The next range of a round over the newest event time, or of a new round
    /// if one is due.
    fn plan_fresh(&mut self, now_ms: i64) -> Option<Range<i64>> {
        if self.bounds.is_some() {
            return None;
        }
        if !self.fresh.active && self.fresh.due_ms <= now_ms {
            let newest = self.fresh_start_ms(now_ms).max(self.since_ms)..self.frontier_ms;
            let mut parts = Vec::new();
            for range in self.settled.gaps(newest) {
                for range in self.without_busy(range) {
                    self.split(range, &mut parts);
                }
            }
            self.fresh.active = true;
            self.fresh.began_ms = now_ms;
            self.fresh.pages = 0;
            // The newest part first.
            self.fresh.queue = parts.into_iter().rev().collect();
            if self.fresh.queue.is_empty() {
                self.end_fresh_round();
            }
        }
        self.fresh.queue.pop_front()
    }

    /// Ends a round over the newest event time when nothing of it is left.
    pub(super) fn end_fresh_round(&mut self) {
        let reading = |sweep: &Sweep| sweep.kind == ReadKind::Fresh;
        if !self.fresh.active || !self.fresh.queue.is_empty() || self.sweeps.values().any(reading) {
            return;
        }
        let pages = i64::try_from(self.fresh.pages).unwrap_or(i64::MAX).max(1);
        let longest_ms = (self.fresh_age_ms() / FRESH_READINGS).max(self.poll_ms);
        let pause_ms = self.poll_ms.saturating_mul(pages).min(longest_ms);
        self.fresh.active = false;
        self.fresh.due_ms = self.fresh.began_ms.saturating_add(pause_ms);
        self.progress.fresh_ms = Some(self.fresh.began_ms);
    }

    /// Cuts a range of the newest event time into parts of few pages, by what
    /// the last reading found.
    fn split(&self, range: Range<i64>, parts: &mut Vec<Range<i64>>) {
        let mut start_ms = range.start;
        let mut pages = 0.0;
        for (at_ms, bucket) in self.open.range(range.clone()) {
            pages += bucket.seen.len() as f64 / self.page_events;
            if pages >= PLANNED_PAGES && at_ms + BUCKET_MS < range.end {
                parts.push(start_ms..at_ms + BUCKET_MS);
                start_ms = at_ms + BUCKET_MS;
                pages = 0.0;
            }
        }
        parts.push(start_ms..range.end);
    }

    /// The oldest event time that was never read.
    fn plan_history(&mut self, now_ms: i64) -> Option<Range<i64>> {
        let before_ms = self.fresh_start_ms(now_ms);
        let of_history = |sweep: &Sweep| sweep.kind == ReadKind::History;
        if self.density.is_none() && self.sweeps.values().any(of_history) {
            // The first page tells how much event time a reading can span.
            return None;
        }
        let span_ms = match self.density {
            None => UNKNOWN_SPAN_MS,
            Some(density) => {
                let span_ms = PLANNED_PAGES * self.page_events / density.max(1e-9);
                floor(span_ms.min(MAX_SPAN_MS as f64) as i64).max(BUCKET_MS)
            }
        };
        for (range, ()) in self.unread.iter() {
            let range = range.start..range.end.min(before_ms);
            if range.is_empty() {
                break;
            }
            if let Some(free) = self.without_busy(range).into_iter().next() {
                // What would be left over alone is taken along.
                let end_ms = if free.end - free.start <= span_ms + span_ms / 4 {
                    free.end
                } else {
                    free.start + span_ms
                };
                return Some(free.start..end_ms);
            }
        }
        None
    }

    /// The oldest run of buckets that are due, and worth a reading or overdue.
    fn plan_revisit(&mut self, now_ms: i64) -> Option<Range<i64>> {
        if self.bounds.is_some() || now_ms < self.revisit_from_ms {
            return None;
        }
        let (age_ms, fresh_ms) = (self.fresh_age_ms(), self.fresh_start_ms(now_ms));
        let mut run = Run::default();
        self.revisit_from_ms = now_ms.saturating_add(LOOK_MS);
        self.revisit_due_ms = i64::MAX;
        for (&start_ms, bucket) in self.open.range(..fresh_ms) {
            let end_ms = start_ms + BUCKET_MS;
            let Some(read_ms) = bucket.read_ms else {
                continue;
            };
            let due = Due::new(end_ms, read_ms, age_ms, self.lateness_ms);
            let eligible = due.earliest_ms <= now_ms && !self.is_busy(start_ms);
            if !eligible {
                self.revisit_due_ms = self.revisit_due_ms.min(due.latest_ms.max(now_ms + 1));
            }
            if !eligible || run.range.end != start_ms {
                if run.is_worth_it(self.page_events) {
                    break;
                }
                run = Run::default();
            }
            if eligible {
                run.add(start_ms, end_ms);
                run.events += bucket.seen.len() as f64;
                run.due |= due.at_ms <= now_ms;
                run.overdue |= due.latest_ms <= now_ms;
                if due.latest_ms > now_ms {
                    self.revisit_due_ms = self.revisit_due_ms.min(due.latest_ms);
                }
                if run.events / self.page_events >= PLANNED_PAGES {
                    break;
                }
            }
        }
        if !run.is_worth_it(self.page_events) {
            return None;
        }
        self.revisit_from_ms = now_ms;
        Some(run.range)
    }

    /// The oldest settled event time whose audit is due.
    fn plan_audit(&mut self, now_ms: i64) -> Option<Sweep> {
        let (range, expected) = self.audits.first()?;
        if self.audit_due_ms()? > now_ms || self.recall.is_some() {
            return None;
        }
        let purpose = match self.recalled.take() {
            Some((recalled, known)) if recalled == range => Purpose::Compare { known },
            _ => Purpose::Sum {
                expected,
                found: Default::default(),
            },
        };
        Some(Sweep::new(ReadKind::Audit, range, now_ms, purpose))
    }

    pub(super) fn audit_due_ms(&self) -> Option<i64> {
        let (range, _) = self.audits.first()?;
        Some(range.end.saturating_add(self.audit_ms?))
    }

    fn busy(&self) -> impl Iterator<Item = &Range<i64>> {
        let sweeps = self.sweeps.values().map(|sweep| &sweep.range);
        sweeps.chain(&self.fresh.queue)
    }

    fn is_busy(&self, time_ms: i64) -> bool {
        self.busy().any(|busy| busy.contains(&time_ms))
    }

    /// The parts of a range that are not being read, nor about to be.
    fn without_busy(&self, range: Range<i64>) -> Vec<Range<i64>> {
        let mut busy = crate::range_map::RangeSet::default();
        for read in self.busy() {
            busy.insert(read.clone(), ());
        }
        busy.gaps(range)
    }
}

/// Adjacent buckets that could be read together.
#[derive(Debug, Default)]
struct Run {
    range: Range<i64>,
    events: f64,
    due: bool,
    overdue: bool,
}

impl Run {
    fn add(&mut self, start_ms: i64, end_ms: i64) {
        if self.range.is_empty() {
            self.range.start = start_ms;
        }
        self.range.end = end_ms;
    }

    fn is_worth_it(&self, page_events: f64) -> bool {
        self.overdue || self.due && self.events / page_events >= WORTH_PAGES
    }
}
