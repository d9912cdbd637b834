//! A piece of event time that is read again until it is settled.

use super::seen::Seen;

/// After a reading, the next one comes when a bucket is this many times as old.
const AGING: i64 = 3;
/// A reading may wait for its neighbours to be due too, for this part of their
/// age: together they fill pages.
const PATIENCE: i64 = 16;
/// A bucket may be read early with its neighbours, by this part of its age.
const EARLINESS: i64 = 4;

#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// When its last full reading began; `None` before the first.
    pub(super) read_ms: Option<i64>,
    /// The events of it that were seen.
    pub(super) seen: Seen,
}

/// When a bucket is to be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    /// It may be read from then on, with others.
    pub(super) earliest_ms: i64,
    pub(super) at_ms: i64,
    /// It is not to wait for others any longer.
    pub(super) latest_ms: i64,
}

impl Due {
    /// For a bucket that ends at `end_ms` and was last read in full at
    /// `read_ms`. Nearly all of its events have come by `fresh_ms` after its
    /// end; until then it is read as one of the newest. Then, it is read at
    /// three times the age of the reading before, and last when the lateness
    /// has passed, so that a reading sees what came since, and each late event
    /// waits no longer than it took to come, three times over.
    pub(super) fn new(end_ms: i64, read_ms: i64, fresh_ms: i64, lateness_ms: i64) -> Due {
        let settles_ms = end_ms.saturating_add(lateness_ms);
        let age_ms = (read_ms - end_ms).max(0);
        let next_ms = age_ms.saturating_mul(AGING).max(fresh_ms);
        let at_ms = end_ms.saturating_add(next_ms);
        // A reading shortly before the last one would find little.
        if next_ms >= lateness_ms - lateness_ms / 3 {
            return Due {
                earliest_ms: settles_ms,
                at_ms: settles_ms,
                latest_ms: settles_ms.saturating_add(lateness_ms / PATIENCE),
            };
        }
        Due {
            earliest_ms: at_ms - next_ms / EARLINESS,
            at_ms,
            latest_ms: at_ms + next_ms / PATIENCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE_MS: i64 = 60_000;

    #[test]
    fn readings_grow_apart_and_end_with_the_lateness() {
        let (fresh_ms, lateness_ms) = (7 * MINUTE_MS, 120 * MINUTE_MS);
        let mut readings = vec![6 * MINUTE_MS];
        while readings.last() < Some(&lateness_ms) {
            let due = Due::new(0, *readings.last().unwrap(), fresh_ms, lateness_ms);
            assert!(due.earliest_ms <= due.at_ms && due.at_ms <= due.latest_ms);
            readings.push(due.at_ms);
        }
        assert_eq!(
            readings,
            [6, 18, 54, 120].map(|minutes| minutes * MINUTE_MS)
        );
        // Never early for the last one: it is what settles the bucket.
        assert_eq!(
            Due::new(0, 54 * MINUTE_MS, fresh_ms, lateness_ms).earliest_ms,
            lateness_ms
        );
    }

    #[test]
    fn without_lateness_a_bucket_is_due_at_its_end() {
        let due = Due::new(50, 40, 0, 0);
        assert_eq!((due.earliest_ms, due.at_ms, due.latest_ms), (50, 50, 50));
    }

    #[test]
    fn what_was_not_read_after_its_end_is_due_when_most_has_come() {
        assert_eq!(Due::new(0, -5, 300_000, 7_200_000).at_ms, 300_000);
    }
}
