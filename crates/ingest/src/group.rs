//! Log groups: what the follow state machine reads, whoever serves it.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

/// One event of a log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEvent {
    /// The log stream: one a network interface, `eni-…-all`.
    pub stream: Arc<str>,
    /// Unique in the group; the same event has the same id at every reading.
    pub event_id: String,
    /// Milliseconds since the Unix epoch; for flow logs, the record's `start`.
    pub timestamp_ms: i64,
    /// When the service took the event, in milliseconds since the Unix epoch;
    /// minutes after `timestamp_ms`.
    pub ingestion_time_ms: Option<i64>,
    /// The record's text.
    pub message: String,
}

/// Which page of events to read: those with an event time in
/// `[start_ms, end_ms]`, both ends included, as [FilterLogEvents] has it.
///
/// [FilterLogEvents]: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The first event time, in milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// The last event time, in milliseconds since the Unix epoch.
    pub end_ms: i64,
    /// The token of the page before; `None` for the first page.
    pub token: Option<String>,
}

/// A page of events in order of event time; it may be empty and still have a
/// successor.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events.
    pub events: Vec<LogEvent>,
    /// The token of the next page; `None` when this is the last.
    pub next_token: Option<String>,
}

/// What a reader can do about a failed read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadErrorKind {
    /// The service asks for fewer calls: wait, then try again.
    Throttled,
    /// A fault of the network or the service: try again.
    Transient,
    /// The page token expired or is unknown: begin the range again.
    InvalidToken,
    /// There is no such log group.
    NotFound,
    /// Credentials are missing, wrong, or do not allow reading.
    Denied,
    /// Anything else that a repetition does not mend.
    Fatal,
}

/// A page that could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct ReadError {
    /// What can be done about it.
    pub kind: ReadErrorKind,
    /// What went wrong, with the name of the log group.
    pub message: String,
    /// The way out, for the user.
    pub hint: Option<String>,
}

impl ReadError {
    /// Whether the same read may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self.kind,
            ReadErrorKind::Throttled | ReadErrorKind::Transient | ReadErrorKind::InvalidToken
        )
    }
}

/// A group of log streams that is read by ranges of event time.
#[async_trait]
pub trait LogGroup: Send + Sync + fmt::Debug {
    /// The group's name.
    fn name(&self) -> &str;

    /// Reads one page of every stream of the group.
    ///
    /// # Cancel safety
    /// A call that is dropped has no effect.
    ///
    /// # Errors
    /// See [`ReadErrorKind`].
    async fn page(&self, request: &PageRequest) -> Result<EventPage, ReadError>;
}
