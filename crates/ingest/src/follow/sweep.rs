//! One reading of a range of event time, page by page, and why it is made.

use std::ops::Range;

use super::audit::Digest;
use super::seen::Keys;

/// Why event time is read. The call budget is shared between the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
pub enum ReadKind {
    /// The newest event time, where most events still arrive.
    Fresh,
    /// Event time that was never read: a backlog.
    History,
    /// Event time that was read, for late events.
    Revisit,
    /// Settled event time, a day later.
    Audit,
}

impl ReadKind {
    pub(super) const ALL: [ReadKind; 4] = [
        ReadKind::Fresh,
        ReadKind::History,
        ReadKind::Revisit,
        ReadKind::Audit,
    ];

    /// Its share of the calls when all kinds have something to read.
    pub(super) fn weight(self) -> f64 {
        match self {
            ReadKind::Fresh => 4.0,
            ReadKind::History => 3.0,
            ReadKind::Revisit => 2.0,
            ReadKind::Audit => 1.0,
        }
    }

    /// Ranges of this kind that are read at the same time, at most.
    pub(super) fn most_at_once(self) -> usize {
        match self {
            ReadKind::Fresh | ReadKind::History => 8,
            ReadKind::Revisit => 6,
            ReadKind::Audit => 1,
        }
    }
}

/// A range of adjacent buckets that is being read, page by page.
#[derive(Debug)]
pub(super) struct Sweep {
    pub(super) kind: ReadKind,
    pub(super) range: Range<i64>,
    pub(super) began_ms: i64,
    pub(super) token: Option<String>,
    /// A page is being read.
    pub(super) in_flight: bool,
    /// Failed reads in a row.
    pub(super) failures: u32,
    pub(super) not_before_ms: i64,
    pub(super) pages: u64,
    pub(super) events: u64,
    /// The time of the first event.
    pub(super) first_ms: Option<i64>,
    /// The newest event time so far, as long as events come in their order.
    pub(super) reached: Reached,
    pub(super) purpose: Purpose,
}

/// How far a reading has come, if its events come in the order of their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Every event so far is at this time or before; the next ones are not
    /// before it.
    To(i64),
    /// Events came out of order.
    Unknown,
}

impl Reached {
    /// Whether no event of this time has come yet.
    pub(super) fn is_before(self, time_ms: i64) -> bool {
        matches!(self, Reached::To(reached_ms) if reached_ms < time_ms)
    }
}

/// What becomes of the events of a sweep.
#[derive(Debug)]
pub(super) enum Purpose {
    /// New ones are handed on.
    HandOn,
    /// They are summed up, to see whether there is a new one.
    Sum { expected: Digest, found: Digest },
    /// Those that are not among these are handed on.
    Compare { known: Keys },
}

impl Sweep {
    pub(super) fn new(kind: ReadKind, range: Range<i64>, now_ms: i64, purpose: Purpose) -> Sweep {
        Sweep {
            kind,
            reached: Reached::To(range.start),
            range,
            began_ms: now_ms,
            token: None,
            in_flight: false,
            failures: 0,
            not_before_ms: now_ms,
            pages: 0,
            events: 0,
            first_ms: None,
            purpose,
        }
    }

    /// Begins again, after its page token was refused in the first bucket: what
    /// was handed on is known by its ids.
    pub(super) fn restart(&mut self) {
        self.token = None;
        self.reached = Reached::To(self.range.start);
        self.pages = 0;
        self.events = 0;
        self.first_ms = None;
        if let Purpose::Sum { found, .. } = &mut self.purpose {
            *found = Digest::default();
        }
    }

    pub(super) fn is_ready(&self, now_ms: i64) -> bool {
        !self.in_flight && self.not_before_ms <= now_ms
    }

    /// Notes the times of a page.
    pub(super) fn reach(&mut self, times: impl Iterator<Item = i64>) {
        for time_ms in times {
            self.events += 1;
            self.first_ms.get_or_insert(time_ms);
            self.reached = match self.reached {
                Reached::To(reached_ms) if time_ms >= reached_ms => Reached::To(time_ms),
                _ => Reached::Unknown,
            };
        }
    }
}

/// Gives each kind of reading its share of the calls: the one that has had the
/// least for its weight is next. A kind that had nothing to read for a while
/// does not save up calls.
#[derive(Debug, Default)]
pub(super) struct Shares {
    used: [f64; ReadKind::ALL.len()],
    now: f64,
}

impl Shares {
    /// The kinds in the order of their claims to the next call.
    pub(super) fn order(&self) -> [ReadKind; 4] {
        let mut kinds = ReadKind::ALL;
        kinds.sort_by(|left, right| {
            let used = |kind: &ReadKind| self.used[*kind as usize].max(self.now);
            used(left).total_cmp(&used(right))
        });
        kinds
    }

    /// Notes a call.
    pub(super) fn spend(&mut self, kind: ReadKind) {
        let used = &mut self.used[kind as usize];
        self.now = used.max(self.now);
        *used = self.now + 1.0 / kind.weight();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_shared_by_weight_and_nothing_starves() {
        let mut shares = Shares::default();
        let mut calls = [0; 4];
        for _ in 0..1_000 {
            let kind = shares.order()[0];
            calls[kind as usize] += 1;
            shares.spend(kind);
        }
        assert_eq!(calls, [400, 300, 200, 100]);
        // Only the newest data for a while: the others do not save up.
        for _ in 0..1_000 {
            shares.spend(ReadKind::Fresh);
        }
        let mut calls = [0; 4];
        for _ in 0..100 {
            let kind = shares.order()[0];
            calls[kind as usize] += 1;
            shares.spend(kind);
        }
        assert!(calls.iter().all(|calls| *calls >= 9), "{calls:?}");
        assert!(calls[0] >= 35, "{calls:?}");
    }
}
