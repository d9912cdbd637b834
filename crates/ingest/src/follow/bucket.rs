//! A minute of event time: what was seen of it and when to look again.

use std::collections::HashSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use crate::group::LogEvent;

/// Hashes the identity of an event to 128 bits, so that the ids themselves need
/// not be kept: among a thousand million events, the chance that any two agree
/// is below 10⁻²⁰.
#[derive(Debug, Default)]
pub(super) struct EventHasher {
    high: RandomState,
    low: RandomState,
}

impl EventHasher {
    pub(super) fn hash(&self, event: &LogEvent) -> u128 {
        let identity = (&*event.stream, &event.event_id);
        u128::from(self.high.hash_one(identity)) << 64 | u128::from(self.low.hash_one(identity))
    }
}

#[derive(Debug)]
pub(super) struct Bucket {
    /// The first millisecond after the bucket.
    end_ms: i64,
    /// When to read it next.
    pub(super) due_ms: i64,
    /// It was read in full before.
    pub(super) read_before: bool,
    seen: HashSet<u128>,
}

impl Bucket {
    /// A bucket that has not been read, and is to be read at once.
    pub(super) fn new(end_ms: i64, now_ms: i64) -> Bucket {
        Bucket {
            end_ms,
            due_ms: now_ms,
            read_before: false,
            seen: HashSet::new(),
        }
    }

    /// Notes an event; `false` if it was seen before.
    pub(super) fn insert(&mut self, hash: u128) -> bool {
        self.seen.insert(hash)
    }

    /// Notes a full reading that began at `began_ms`. Returns whether the bucket
    /// is settled; if it is not, it is due again after half its age, at the
    /// least `poll_ms`: often while most records are still to come, seldom
    /// later, and once more at the very end.
    pub(super) fn read(&mut self, began_ms: i64, poll_ms: i64, lateness_ms: i64) -> bool {
        let settles_ms = self.end_ms.saturating_add(lateness_ms);
        if began_ms >= settles_ms {
            return true;
        }
        self.read_before = true;
        let age_ms = (began_ms - self.end_ms).max(0);
        self.due_ms = (began_ms + poll_ms.max(age_ms / 2)).min(settles_ms);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_grow_apart_and_end_with_the_lateness() {
        let (poll_ms, lateness_ms) = (5_000, 7_200_000);
        let mut bucket = Bucket::new(60_000, 0);
        let mut readings = Vec::new();
        let mut now_ms = 0;
        while !bucket.read(now_ms, poll_ms, lateness_ms) {
            readings.push(now_ms);
            assert!(bucket.due_ms > now_ms);
            now_ms = bucket.due_ms;
        }
        assert_eq!(
            now_ms, 7_260_000,
            "the last reading begins when the lateness has passed"
        );
        let after_end: Vec<_> = readings.iter().filter(|at| **at >= 60_000).collect();
        assert!(after_end.len() < 25, "{} readings", after_end.len());
        assert!(readings.windows(2).all(|pair| pair[1] - pair[0] >= poll_ms));
    }

    #[test]
    fn without_lateness_the_first_reading_after_the_end_settles() {
        let mut bucket = Bucket::new(60_000, 0);
        assert!(!bucket.read(59_999, 5_000, 0));
        assert_eq!(bucket.due_ms, 60_000);
        assert!(bucket.read(60_000, 5_000, 0));
    }
}
