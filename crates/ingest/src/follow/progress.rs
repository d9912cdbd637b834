//! How far a follower has come.

use serde::Serialize;

/// How far a follower of a log group has come, and what it met on the way.
/// Times are event times in milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Every event with a time before this was handed over, and what was handed
    /// over is durable: the events of all streams were read in full after the
    /// lateness had passed.
    pub complete_to_ms: i64,
    /// The newest event time seen; `None` before the first event.
    pub newest_event_ms: Option<i64>,
    /// Event time that was never read: a backlog to catch up with.
    pub backlog_ms: i64,
    /// When the newest data was last read in full: time of day.
    pub fresh_ms: Option<i64>,
    /// Within this time after their event time, 99 of 100 events arrive.
    pub usual_lag_ms: Option<i64>,
    /// Log streams that had an event.
    pub streams: usize,
    /// Those without an event for fifteen minutes before the newest of the
    /// group.
    pub late_streams: usize,
    /// Those without one for an hour.
    pub silent_streams: usize,
    /// Events handed on.
    pub events: u64,
    /// Those of them that were older than the newest event of their stream when
    /// they came, at a time that had been read before: what a cursor at the
    /// newest time would have lost.
    pub late: u64,
    /// Those of them that came after the lateness and were found by the audit a
    /// day later.
    pub audited_late: u64,
    /// Events that came after the lateness and could not be told from those
    /// handed on before, since nobody kept their ids.
    pub unresolved: u64,
    /// Events read again and dropped.
    pub repeats: u64,
    /// Pages read.
    pub pages: u64,
    /// Pages of readings of event time that had been read in full before.
    pub revisit_pages: u64,
    /// Reads refused for their number.
    pub throttled: u64,
    /// Other failed reads that were tried again.
    pub failures: u64,
    /// Ids of events that are held to know them again: 12 bytes each.
    pub remembered: usize,
    /// Deliveries handed to the sink.
    pub delivered: u64,
    /// Deliveries that the sink has made durable.
    pub acknowledged: u64,
}
