//! How to follow a log group.

use std::time::Duration;

/// Event time that a bucket spans: what is read, noted and settled as a whole.
pub(super) const BUCKET_MS: i64 = 10_000;

/// How to follow a log group.
#[derive(Debug, Clone, Copy)]
pub struct FollowOptions {
    /// Where to begin: event time in milliseconds since the Unix epoch.
    pub since_ms: i64,
    /// How often the newest records are looked for, while one page has them
    /// all; with more pages the pause grows with their number.
    pub poll: Duration,
    /// How long after its event time a record may still arrive.
    pub lateness: Duration,
    /// How long after its event time settled data is read once more, to find
    /// what came after the lateness; `None` is never.
    pub audit: Option<Duration>,
}

impl Default for FollowOptions {
    /// Every five seconds, from 1970 on, with a lateness of two hours and an
    /// audit after a day.
    fn default() -> FollowOptions {
        FollowOptions {
            since_ms: 0,
            poll: Duration::from_secs(5),
            lateness: Duration::from_secs(2 * 60 * 60),
            audit: Some(Duration::from_secs(24 * 60 * 60)),
        }
    }
}

/// The start of the bucket that a time is in.
pub(super) fn floor(time_ms: i64) -> i64 {
    time_ms.div_euclid(BUCKET_MS) * BUCKET_MS
}

/// The end of the last bucket that begins before a time.
pub(super) fn ceil(time_ms: i64) -> i64 {
    floor(time_ms.saturating_add(BUCKET_MS - 1))
}

pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
