//! The follow state machine: which page to read next, and which of its events
//! are new.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use super::audit::Audits;
use super::bucket::Bucket;
use super::checkpoint::{GroupCheckpoint, GroupDelta};
use super::intake::read_to;
use super::lag::Lags;
use super::options::{BUCKET_MS, FollowOptions, ceil, floor, millis};
use super::progress::Progress;
use super::seen::{CommittedEvents, Keys};
use super::streams::Streams;
use super::sweep::{ReadKind, Shares, Sweep};
use crate::group::{LogEvent, PageRequest, ReadErrorKind};
use crate::range_map::RangeSet;

/// Pages that are read at the same time, at most. Each takes some 10 MB.
const MAX_IN_FLIGHT: usize = 8;
/// The first wait after a failed read; doubled with each failure in a row.
const BACKOFF_MS: i64 = 500;
/// The longest wait after failed reads.
const MAX_BACKOFF_MS: i64 = 30_000;
/// The wait after a failure that somebody has to mend.
const MENDING_MS: i64 = 5_000;
/// Events of a full page, until one was seen: of records of the default format,
/// a page of 1 MB holds so many.
const PAGE_EVENTS: f64 = 7_500.0;

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this page and hand it to [`Follow::page`], or the failure to
    /// [`Follow::failed`]; meanwhile, there may be more to do.
    Read(Read),
    /// Look up the ids of the committed events of these event times and hand
    /// them to [`Follow::recalled`]. Asked once.
    Recall(Range<i64>),
    /// Nothing is to be done before this time, unless a page comes.
    Wait {
        /// Milliseconds since the Unix epoch; [`i64::MAX`] while everything
        /// depends on pages that are being read.
        until_ms: i64,
    },
    /// All was read: only when reading is [bounded](Follow::once).
    Done,
}

/// A page to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// Names this read in the answer.
    pub id: ReadId,
    /// Why it is read.
    pub kind: ReadKind,
    /// What to read.
    pub request: PageRequest,
}

/// Names a read that is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReadId(u64);

/// New events, and what they mean for the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Counts the deliveries of a follower, from 1.
    pub sequence: u64,
    /// Events that were not handed on before; may be none.
    pub events: Vec<LogEvent>,
    /// Holds once these events, and those of all earlier deliveries, are
    /// durable.
    pub checkpoint: GroupDelta,
}

/// Follows one log group; pure: time and pages are its inputs.
///
/// Every event that arrives within the lateness is handed on once, whatever the
/// order of arrival, as long as its id stays the same. `docs/following.md` has
/// the guarantee, and `docs/design/0005` the reasons.
///
/// ```
/// use vpcflow_ingest::{EventPage, Follow, FollowOptions, Step};
///
/// let now_ms = 1_702_918_083_000;
/// let mut follow = Follow::new(FollowOptions { since_ms: now_ms - 60_000, ..FollowOptions::default() });
/// let Step::Read(read) = follow.step(now_ms) else { panic!() };
/// assert!(read.request.start_ms <= now_ms - 60_000 && now_ms <= read.request.end_ms);
/// let delivery = follow.page(now_ms + 300, read.id, EventPage::default()).unwrap();
/// assert!(delivery.events.is_empty() && !delivery.checkpoint.is_empty());
/// assert!(matches!(follow.step(now_ms + 300), Step::Wait { .. }));
/// ```
#[derive(Debug)]
pub struct Follow {
    pub(super) poll_ms: i64,
    pub(super) lateness_ms: i64,
    pub(super) audit_ms: Option<i64>,
    /// Only these times are read, and once.
    pub(super) bounds: Option<Range<i64>>,
    pub(super) since_ms: i64,
    /// Buckets with events that were seen, or that were read, by their starts.
    pub(super) open: BTreeMap<i64, Bucket>,
    /// Never read in full.
    pub(super) unread: RangeSet,
    pub(super) settled: RangeSet,
    pub(super) audits: Audits,
    /// The end of the event time that is known to have begun.
    pub(super) frontier_ms: i64,
    pub(super) sweeps: BTreeMap<ReadId, Sweep>,
    next_id: u64,
    pub(super) fresh: Round,
    shares: Shares,
    committed: CommittedEvents,
    /// When all before this is settled, nothing committed is met again.
    committed_to_ms: Option<i64>,
    pub(super) lags: Lags,
    /// Events in a millisecond of event time that has all its events.
    pub(super) density: Option<f64>,
    /// Events in a full page.
    pub(super) page_events: f64,
    pub(super) streams: Streams,
    /// Buckets are looked at for those that are due from then on.
    pub(super) revisit_from_ms: i64,
    /// The next bucket that must not wait is due then.
    pub(super) revisit_due_ms: i64,
    pub(super) recall: Option<Recall>,
    pub(super) recalled: Option<(Range<i64>, Keys)>,
    paused_to_ms: i64,
    pub(super) delta: GroupDelta,
    /// How far all was complete with a delivery that is not durable yet.
    unacknowledged: VecDeque<(u64, i64)>,
    pub(super) progress: Progress,
}

/// Event time whose committed ids are needed.
#[derive(Debug)]
pub(super) struct Recall {
    pub(super) range: Range<i64>,
    /// More events than were handed on.
    pub(super) more: u64,
    /// It was asked for.
    pub(super) asked: bool,
}

/// A reading of all the newest event time, in parts.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) active: bool,
    pub(super) began_ms: i64,
    pub(super) due_ms: i64,
    pub(super) queue: VecDeque<Range<i64>>,
    pub(super) pages: u64,
}

impl Follow {
    /// A follower that has read nothing.
    pub fn new(options: FollowOptions) -> Follow {
        Follow::resume(
            options,
            &GroupCheckpoint::default(),
            CommittedEvents::default(),
        )
    }

    /// Reads the events with a time in `[since_ms, until_ms)` once, each page
    /// of them as few times as can be; then the step is [`Step::Done`]. Late
    /// events are not waited for.
    pub fn once(since_ms: i64, until_ms: i64) -> Follow {
        let since_ms = since_ms.max(0);
        let mut follow = Follow::new(FollowOptions {
            since_ms,
            poll: std::time::Duration::ZERO,
            lateness: std::time::Duration::ZERO,
            audit: None,
        });
        follow.bounds = Some(since_ms..until_ms.max(since_ms));
        if since_ms < until_ms {
            follow.extend_to(until_ms);
        }
        follow
    }

    /// A follower that goes on where the checkpoint stands.
    ///
    /// `committed` are the events that are durable already: at least those with a time among [`GroupCheckpoint::unsettled`], rows and
    /// rejects. More of them do no harm. Without a checkpoint, following
    /// begins at `since_ms`; with one, an earlier `since_ms` reads that history
    /// too, and a later one changes nothing: what was not read is not skipped.
    pub fn resume(
        options: FollowOptions,
        checkpoint: &GroupCheckpoint,
        committed: CommittedEvents,
    ) -> Follow {
        // The service knows no time before 1970.
        let asked_ms = floor(options.since_ms.max(0));
        let noted_ms = checkpoint.since_ms();
        let since_ms = noted_ms.map_or(asked_ms, |noted_ms| noted_ms.min(asked_ms));
        let mut delta = GroupDelta::default();
        if noted_ms != Some(since_ms) {
            delta.since_ms = Some(since_ms);
        }
        let mut open = BTreeMap::new();
        let mut known = checkpoint.settled().clone();
        for (range, read_ms) in checkpoint.open().iter() {
            known.insert(range.clone(), ());
            for start_ms in range.step_by(BUCKET_MS as usize) {
                let bucket = Bucket {
                    read_ms: Some(read_ms),
                    ..Bucket::default()
                };
                open.insert(start_ms, bucket);
            }
        }
        let frontier_ms = known.iter().next_back();
        let frontier_ms = frontier_ms.map_or(since_ms, |(range, ())| range.end.max(since_ms));
        let mut unread = RangeSet::default();
        for gap in known.gaps(since_ms..frontier_ms) {
            unread.insert(gap, ());
        }
        let mut follow = Follow {
            poll_ms: millis(options.poll).max(1),
            lateness_ms: millis(options.lateness),
            audit_ms: options.audit.map(millis),
            bounds: None,
            since_ms,
            open,
            unread,
            settled: checkpoint.settled().clone(),
            audits: checkpoint.audits().clone(),
            frontier_ms,
            sweeps: BTreeMap::new(),
            next_id: 0,
            fresh: Round {
                active: false,
                began_ms: i64::MIN,
                due_ms: i64::MIN,
                queue: VecDeque::new(),
                pages: 0,
            },
            shares: Shares::default(),
            committed,
            committed_to_ms: None,
            lags: Lags::default(),
            density: None,
            page_events: PAGE_EVENTS,
            streams: Streams::new(checkpoint.streams()),
            revisit_from_ms: i64::MIN,
            revisit_due_ms: i64::MAX,
            recall: None,
            recalled: None,
            paused_to_ms: i64::MIN,
            delta,
            unacknowledged: VecDeque::new(),
            progress: Progress::default(),
        };
        follow.progress.complete_to_ms = follow.complete_to_ms();
        follow
    }

    /// Whether only [some times](Follow::once) are read.
    pub(super) fn is_bounded(&self) -> bool {
        self.bounds.is_some()
    }

    /// How far this follower has come.
    pub fn progress(&self) -> Progress {
        let (late_streams, silent_streams) = self.streams.late_and_silent();
        let seen = self.open.values().map(|bucket| bucket.seen.len());
        let unread = self.unread.iter();
        Progress {
            newest_event_ms: self.streams.newest_ms(),
            backlog_ms: unread.map(|(range, ())| range.end - range.start).sum(),
            usual_lag_ms: self.lags.most_within_ms(),
            streams: self.streams.len(),
            late_streams,
            silent_streams,
            remembered: seen.sum::<usize>() + self.committed.len(),
            ..self.progress
        }
    }

    /// The newest event time of each log stream, in milliseconds since the Unix
    /// epoch.
    pub fn newest_by_stream(&self) -> impl Iterator<Item = (&Arc<str>, i64)> {
        self.streams.iter()
    }

    /// What to do at `now_ms`. A read that it returns is in flight from then on:
    /// call again until there is nothing but to wait.
    pub fn step(&mut self, now_ms: i64) -> Step {
        if self.bounds.is_none() {
            self.extend_to(now_ms.saturating_add(1));
        }
        if let Some(recall) = &mut self.recall
            && !recall.asked
        {
            recall.asked = true;
            return Step::Recall(recall.range.clone());
        }
        if self.paused_to_ms > now_ms {
            return self.wait(now_ms);
        }
        let in_flight = self.sweeps.values().filter(|sweep| sweep.in_flight);
        if in_flight.count() >= MAX_IN_FLIGHT {
            return Step::Wait { until_ms: i64::MAX };
        }
        for kind in self.shares.order() {
            if let Some(id) = self.next_sweep(kind, now_ms) {
                self.shares.spend(kind);
                return Step::Read(self.read(id));
            }
        }
        if self.bounds.is_some() && self.unread.is_empty() && self.sweeps.is_empty() {
            return Step::Done;
        }
        self.wait(now_ms)
    }

    /// Notes that a read failed at `now_ms`: it is tried again after a while,
    /// which is for ever unless the driver gives up.
    pub fn failed(&mut self, now_ms: i64, id: ReadId, kind: ReadErrorKind) {
        let Some(mut sweep) = self.sweeps.remove(&id) else {
            return;
        };
        sweep.in_flight = false;
        match kind {
            ReadErrorKind::Throttled => self.progress.throttled += 1,
            _ => self.progress.failures += 1,
        }
        match kind {
            ReadErrorKind::InvalidToken => {
                if let Some(to_ms) = read_to(&sweep) {
                    // What was read stays read, with the next delivery.
                    self.end_early(&sweep, to_ms);
                    return;
                }
                sweep.restart();
            }
            ReadErrorKind::Denied | ReadErrorKind::NotFound => {
                self.paused_to_ms = now_ms.saturating_add(MENDING_MS);
            }
            ReadErrorKind::Throttled | ReadErrorKind::Transient | ReadErrorKind::Fatal => {}
        }
        let backoff_ms = (BACKOFF_MS << sweep.failures.min(16)).min(MAX_BACKOFF_MS);
        sweep.failures += 1;
        sweep.not_before_ms = now_ms.saturating_add(backoff_ms);
        self.sweeps.insert(id, sweep);
    }

    /// Notes that the sink has made durable what it got up to this delivery.
    pub fn acknowledged(&mut self, sequence: u64) {
        let sequence = sequence.min(self.progress.delivered);
        self.progress.acknowledged = self.progress.acknowledged.max(sequence);
        while let Some((of, complete_to_ms)) = self.unacknowledged.front()
            && *of <= sequence
        {
            self.progress.complete_to_ms = *complete_to_ms;
            self.unacknowledged.pop_front();
        }
    }

    /// Takes what [`Step::Recall`] asked for: each committed event of those times,
    /// or more; `None` if nobody kept them.
    pub fn recalled(&mut self, committed: Option<CommittedEvents>) -> Option<Delivery> {
        let Recall { range, more, .. } = self.recall.take()?;
        match committed {
            Some(events) => self.recalled = Some((range, events.into_keys())),
            None => {
                self.progress.unresolved += more;
                self.end_audit(range);
            }
        }
        self.delivery(Vec::new())
    }

    /// The events and the pending delta as a delivery, unless both are empty.
    pub(super) fn delivery(&mut self, events: Vec<LogEvent>) -> Option<Delivery> {
        self.delta.streams = self.streams.take_notes();
        if events.is_empty() && self.delta.is_empty() {
            return None;
        }
        self.progress.delivered += 1;
        let sequence = self.progress.delivered;
        let complete_to_ms = self.complete_to_ms();
        let newest = self.unacknowledged.back();
        let before_ms = newest.map_or(self.progress.complete_to_ms, |(_, to_ms)| *to_ms);
        if complete_to_ms != before_ms {
            self.unacknowledged.push_back((sequence, complete_to_ms));
        }
        if self
            .committed_to_ms
            .is_some_and(|to_ms| to_ms <= complete_to_ms)
        {
            self.committed = CommittedEvents::default();
        }
        Some(Delivery {
            sequence,
            events,
            checkpoint: std::mem::take(&mut self.delta),
        })
    }

    /// Whether the event was committed before a restart.
    pub(super) fn was_committed(&mut self, hash: u128) -> bool {
        self.committed.take_hash(hash)
    }

    pub(super) fn complete_to_ms(&self) -> i64 {
        let settled = self.settled.at(self.since_ms);
        settled.map_or(self.since_ms, |(range, ())| range.end)
    }

    fn extend_to(&mut self, now_ms: i64) {
        let frontier_ms = ceil(now_ms);
        if frontier_ms > self.frontier_ms {
            self.unread.insert(self.frontier_ms..frontier_ms, ());
            self.frontier_ms = frontier_ms;
        }
        self.committed_to_ms.get_or_insert(self.frontier_ms);
    }

    /// A sweep of this kind that can read a page now: one that is under way, or
    /// a new one.
    fn next_sweep(&mut self, kind: ReadKind, now_ms: i64) -> Option<ReadId> {
        let of_kind = || self.sweeps.iter().filter(|(_, sweep)| sweep.kind == kind);
        let ready = of_kind().find(|(_, sweep)| sweep.is_ready(now_ms));
        if let Some((id, _)) = ready {
            return Some(*id);
        }
        if of_kind().count() >= kind.most_at_once() {
            return None;
        }
        let sweep = self.plan(kind, now_ms)?;
        let id = ReadId(self.next_id);
        self.next_id += 1;
        self.sweeps.insert(id, sweep);
        Some(id)
    }

    fn read(&mut self, id: ReadId) -> Read {
        let bounds = self.bounds.clone().unwrap_or(i64::MIN..i64::MAX);
        let sweep = self.sweeps.get_mut(&id).expect("the sweep was just chosen");
        sweep.in_flight = true;
        Read {
            id,
            kind: sweep.kind,
            request: PageRequest {
                start_ms: sweep.range.start.max(bounds.start),
                end_ms: sweep.range.end.min(bounds.end) - 1,
                token: sweep.token.clone(),
            },
        }
    }

    fn wait(&self, now_ms: i64) -> Step {
        let mut until_ms = i64::MAX;
        let mut at = |time_ms: i64| until_ms = until_ms.min(time_ms.max(now_ms + 1));
        for sweep in self.sweeps.values().filter(|sweep| !sweep.in_flight) {
            at(sweep.not_before_ms);
        }
        if self.bounds.is_none() {
            if !self.fresh.active {
                at(self.fresh.due_ms);
            }
            at(self.revisit_due_ms.max(self.revisit_from_ms));
            let auditing = |sweep: &Sweep| sweep.kind == ReadKind::Audit;
            if let Some(audit_ms) = self.audit_due_ms()
                && self.recall.is_none()
                && !self.sweeps.values().any(auditing)
            {
                at(audit_ms);
            }
        }
        if self.paused_to_ms > now_ms {
            until_ms = self.paused_to_ms;
        }
        Step::Wait { until_ms }
    }
}
