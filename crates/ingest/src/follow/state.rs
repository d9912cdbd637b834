//! The follow state machine: which page to read next, and which of its events
//! are new.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::bucket::{Bucket, EventHasher};
use crate::group::{EventPage, LogEvent, PageRequest, ReadErrorKind};

/// Event time a bucket spans.
const BUCKET_MS: i64 = 60_000;
/// Event time that one reading spans at most, so that catching up with a long
/// history never keeps the newest records waiting for all of it.
const SWEEP_MS: i64 = 60 * BUCKET_MS;
/// The first wait after a failed read; doubled with each failure in a row.
const BACKOFF_MS: i64 = 500;
/// The longest wait after failed reads.
const MAX_BACKOFF_MS: i64 = 30_000;

/// How to follow a log group.
#[derive(Debug, Clone, Copy)]
pub struct FollowOptions {
    /// Where to begin: event time in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// How often the newest records are looked for.
    pub poll: Duration,
    /// How long after its event time a record may still arrive.
    pub lateness: Duration,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Read this page and hand it to [`Follow::page`], or the failure to
    /// [`Follow::failed`].
    Read(PageRequest),
    /// Nothing is due before this time.
    Wait {
        /// Milliseconds since the Unix epoch.
        until_ms: i64,
    },
}

/// How far a follower has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Every event with a time before this is settled: read in full after the
    /// lateness had passed. Milliseconds since the Unix epoch.
    pub complete_to_ms: i64,
    /// The newest event time seen; `None` before the first event.
    pub newest_event_ms: Option<i64>,
    /// Log streams that had an event.
    pub streams: usize,
    /// Events handed on.
    pub events: u64,
    /// Those of them that were older than the newest event of their stream when
    /// they came, in a minute that had been read before: what a cursor at the
    /// newest time would have lost.
    pub late: u64,
    /// Events read again and dropped.
    pub repeats: u64,
    /// Pages read.
    pub pages: u64,
    /// Reads refused for their number.
    pub throttled: u64,
    /// Other failed reads that were tried again.
    pub failures: u64,
}

/// A range of adjacent buckets that is being read, page by page.
#[derive(Debug)]
struct Sweep {
    first_ms: i64,
    end_ms: i64,
    began_ms: i64,
    token: Option<String>,
    /// Failed reads in a row.
    failures: u32,
    not_before_ms: i64,
}

/// Follows one log group. See the [module](crate::Follow) for the idea.
///
/// Every event that arrives within the lateness is handed on once, whatever the
/// order of arrival, as long as its id stays the same.
#[derive(Debug)]
pub struct Follow {
    poll_ms: i64,
    lateness_ms: i64,
    hasher: EventHasher,
    /// The open buckets by their start.
    buckets: BTreeMap<i64, Bucket>,
    /// The start of the first bucket that does not exist yet.
    next_bucket_ms: i64,
    sweep: Option<Sweep>,
    /// Whether the next reading is of the newest due buckets; it alternates
    /// with the oldest while there is history to catch up with.
    newest_first: bool,
    newest_by_stream: HashMap<Arc<str>, i64>,
    progress: Progress,
}

impl Follow {
    /// A follower that has read nothing.
    pub fn new(options: FollowOptions) -> Follow {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let first_ms = floor(options.since_ms);
        Follow {
            poll_ms: millis(options.poll).max(1),
            lateness_ms: millis(options.lateness),
            hasher: EventHasher::default(),
            buckets: BTreeMap::new(),
            next_bucket_ms: first_ms,
            sweep: None,
            newest_first: false,
            newest_by_stream: HashMap::new(),
            progress: Progress {
                complete_to_ms: first_ms,
                ..Progress::default()
            },
        }
    }

    /// How far this follower has come.
    pub fn progress(&self) -> Progress {
        Progress {
            streams: self.newest_by_stream.len(),
            ..self.progress
        }
    }

    /// The newest event time of each stream, in milliseconds since the Unix
    /// epoch.
    pub fn newest_by_stream(&self) -> &HashMap<Arc<str>, i64> {
        &self.newest_by_stream
    }

    /// Whether everything there is has been read at least once up to `now_ms`,
    /// and nothing is being read.
    pub fn is_caught_up(&self, now_ms: i64) -> bool {
        self.sweep.is_none()
            && self.next_bucket_ms > now_ms
            && self.buckets.values().all(|bucket| bucket.due_ms > now_ms)
    }

    /// What to do at `now_ms`. The answer is the same until a page or a failure
    /// was handed over, or time has passed.
    pub fn step(&mut self, now_ms: i64) -> Step {
        while self.next_bucket_ms <= now_ms {
            let end_ms = self.next_bucket_ms + BUCKET_MS;
            self.buckets
                .insert(self.next_bucket_ms, Bucket::new(end_ms, now_ms));
            self.next_bucket_ms = end_ms;
        }
        if self.sweep.is_none() {
            self.sweep = self.next_sweep(now_ms);
        }
        match &self.sweep {
            Some(sweep) if sweep.not_before_ms > now_ms => Step::Wait {
                until_ms: sweep.not_before_ms,
            },
            Some(sweep) => Step::Read(PageRequest {
                start_ms: sweep.first_ms,
                end_ms: sweep.end_ms - 1,
                token: sweep.token.clone(),
            }),
            None => {
                let due = self.buckets.values().map(|bucket| bucket.due_ms);
                Step::Wait {
                    until_ms: due.fold(self.next_bucket_ms, i64::min),
                }
            }
        }
    }

    /// Takes the page that [`Follow::step`] asked for and returns its new
    /// events, in their order.
    pub fn page(&mut self, page: EventPage) -> Vec<LogEvent> {
        let Some(sweep) = &mut self.sweep else {
            return Vec::new();
        };
        sweep.failures = 0;
        sweep.token = page.next_token;
        let (first_ms, last_ms, ended) = (sweep.first_ms, sweep.end_ms - 1, sweep.token.is_none());
        self.progress.pages += 1;
        let mut fresh = page.events;
        fresh.retain(|event| self.is_new(event, first_ms, last_ms));
        if ended {
            self.end_sweep();
        }
        fresh
    }

    /// Notes that the read that [`Follow::step`] asked for failed at `now_ms`
    /// in a way that can be mended: it is tried again after a while.
    pub fn failed(&mut self, now_ms: i64, kind: ReadErrorKind) {
        let Some(sweep) = &mut self.sweep else { return };
        match kind {
            ReadErrorKind::Throttled => self.progress.throttled += 1,
            _ => self.progress.failures += 1,
        }
        if kind == ReadErrorKind::InvalidToken {
            // From the start of the range: what was read is known by its ids.
            sweep.token = None;
        }
        let doublings = sweep.failures.min(16);
        sweep.failures += 1;
        sweep.not_before_ms = now_ms + (BACKOFF_MS << doublings).min(MAX_BACKOFF_MS);
    }

    fn is_new(&mut self, event: &LogEvent, first_ms: i64, last_ms: i64) -> bool {
        // A service that answers outside of the range asked for must not make
        // us forget the event, nor hand it on at every reading.
        let bucket_ms = floor(event.timestamp_ms.clamp(first_ms, last_ms));
        let Some(bucket) = self.buckets.get_mut(&bucket_ms) else {
            return false;
        };
        if !bucket.insert(self.hasher.hash(event)) {
            self.progress.repeats += 1;
            return false;
        }
        self.progress.events += 1;
        self.progress.newest_event_ms = self.progress.newest_event_ms.max(Some(event.timestamp_ms));
        let newest = self
            .newest_by_stream
            .entry(Arc::clone(&event.stream))
            .or_insert(i64::MIN);
        let late = bucket.read_before && event.timestamp_ms < *newest;
        self.progress.late += u64::from(late);
        *newest = event.timestamp_ms.max(*newest);
        true
    }

    /// The due buckets to read now: adjacent ones together.
    fn next_sweep(&mut self, now_ms: i64) -> Option<Sweep> {
        let due = |bucket: &Bucket| bucket.due_ms <= now_ms;
        let mut starts = self
            .buckets
            .iter()
            .filter(|(_, bucket)| due(bucket))
            .map(|(at, _)| *at);
        let (mut first_ms, mut end_ms);
        if self.newest_first {
            end_ms = starts.next_back()? + BUCKET_MS;
            first_ms = end_ms - BUCKET_MS;
            while end_ms - first_ms < SWEEP_MS && starts.next_back() == Some(first_ms - BUCKET_MS) {
                first_ms -= BUCKET_MS;
            }
        } else {
            first_ms = starts.next()?;
            end_ms = first_ms + BUCKET_MS;
            while end_ms - first_ms < SWEEP_MS && starts.next() == Some(end_ms) {
                end_ms += BUCKET_MS;
            }
        }
        self.newest_first = !self.newest_first;
        Some(Sweep {
            first_ms,
            end_ms,
            began_ms: now_ms,
            token: None,
            failures: 0,
            not_before_ms: now_ms,
        })
    }

    fn end_sweep(&mut self) {
        let Some(sweep) = self.sweep.take() else {
            return;
        };
        let mut settled = Vec::new();
        for (start_ms, bucket) in self.buckets.range_mut(sweep.first_ms..sweep.end_ms) {
            if bucket.read(sweep.began_ms, self.poll_ms, self.lateness_ms) {
                settled.push(*start_ms);
            }
        }
        for start_ms in settled {
            self.buckets.remove(&start_ms);
        }
        let open = self
            .buckets
            .first_key_value()
            .map(|(start_ms, _)| *start_ms);
        self.progress.complete_to_ms = open.unwrap_or(self.next_bucket_ms);
    }
}

fn floor(time_ms: i64) -> i64 {
    time_ms.div_euclid(BUCKET_MS) * BUCKET_MS
}

#[cfg(test)]
mod tests;
