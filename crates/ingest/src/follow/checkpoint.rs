//! Where a follower of a log group stands, as a value that can be kept.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::audit::{Audits, Digest};
use crate::range_map::{RangeMap, RangeSet};

/// What a follower of one log group has read and no longer needs to read.
///
/// It is built by [applying](GroupCheckpoint::apply) the [`GroupDelta`]s of the
/// deliveries in their order, and holds of nothing beyond the last of them. It
/// says which event time was read, not which events: those that came from
/// event time which is still open are told by their ids, out of the rows that
/// were committed with the checkpoint.
///
/// As JSON it takes a kilobyte or two, plus some 30 bytes for each log stream
/// and 100 for each million events of the last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupCheckpoint {
    /// Where following began: event time, milliseconds since the Unix epoch.
    /// `None` before the first delta.
    since_ms: Option<i64>,
    /// Read in full, and to be read again: when the last reading began.
    open: RangeMap<i64>,
    /// Read in full after the lateness had passed.
    settled: RangeSet,
    /// Settled, and to be read once more a day later.
    audits: Audits,
    /// The newest event time of each log stream, five minutes coarse.
    streams: BTreeMap<String, i64>,
}

/// What one delivery adds to a [`GroupCheckpoint`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupDelta {
    /// Following begins at this event time; in the first delta.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) since_ms: Option<i64>,
    /// Event time that was read in full by a reading that began then.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) read: Vec<(Range<i64>, i64)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) settled: Vec<Settled>,
    /// Event time whose audit is done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) audited: Vec<Range<i64>>,
    /// Log streams with newer events than were noted before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) streams: Vec<(String, i64)>,
}

/// Event time that is settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settled {
    pub(super) range: Range<i64>,
    /// What it held, if it is to be audited.
    pub(super) digest: Option<Digest>,
}

impl GroupDelta {
    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == GroupDelta::default()
    }
}

impl GroupCheckpoint {
    /// Moves the checkpoint by one delivery.
    pub fn apply(&mut self, delta: &GroupDelta) {
        if let Some(since_ms) = delta.since_ms {
            self.since_ms = Some(self.since_ms.map_or(since_ms, |known| known.min(since_ms)));
        }
        for (range, began_ms) in &delta.read {
            self.open.insert(range.clone(), *began_ms);
        }
        for settled in &delta.settled {
            self.open.remove(settled.range.clone());
            self.settled.insert(settled.range.clone(), ());
            if let Some(digest) = settled.digest {
                self.audits.add(settled.range.clone(), digest);
            }
        }
        for range in &delta.audited {
            self.audits.remove(range);
        }
        for (stream, newest_ms) in &delta.streams {
            let known = self.streams.entry(stream.clone()).or_insert(*newest_ms);
            *known = (*known).max(*newest_ms);
        }
    }

    /// Where following began: event time in milliseconds since the Unix epoch.
    pub fn since_ms(&self) -> Option<i64> {
        self.since_ms
    }

    /// Every event with a time before this, and after
    /// [`since_ms`](Self::since_ms), is among those that were handed over.
    pub fn complete_to_ms(&self) -> Option<i64> {
        let since_ms = self.since_ms?;
        Some(
            self.settled
                .at(since_ms)
                .map_or(since_ms, |(range, ())| range.end),
        )
    }

    /// The event times of which events may have been handed over that a
    /// resumed follower will meet again: [`Follow::resume`] needs the ids of
    /// the committed events of these times. More ids do no harm but to memory.
    ///
    /// A reading that the last delivery was in the middle of may have handed
    /// over events of any time that is not settled, so these are all times
    /// since the start that are not settled; the last range has no end.
    ///
    /// [`Follow::resume`]: crate::Follow::resume
    pub fn unsettled(&self) -> Vec<Range<i64>> {
        let since_ms = self.since_ms.unwrap_or(i64::MIN);
        self.settled.gaps(since_ms..i64::MAX)
    }

    pub(super) fn open(&self) -> &RangeMap<i64> {
        &self.open
    }

    pub(super) fn settled(&self) -> &RangeSet {
        &self.settled
    }

    pub(super) fn audits(&self) -> &Audits {
        &self.audits
    }

    pub(super) fn streams(&self) -> &BTreeMap<String, i64> {
        &self.streams
    }
}
