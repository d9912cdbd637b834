//! A log group in memory, for the demo and for tests.

use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Clock;
use crate::group::{EventPage, LogEvent, LogGroup, PageRequest, ReadError, ReadErrorKind};

/// A log group whose events are known beforehand. Each becomes visible at its
/// ingestion time by the clock, as records of a real group come in late and out
/// of order.
#[derive(Debug)]
pub struct MemoryLogGroup {
    name: String,
    clock: Arc<dyn Clock>,
    /// By event time.
    events: Vec<LogEvent>,
    page_events: usize,
}

impl MemoryLogGroup {
    /// A group of these events.
    pub fn new(
        name: impl Into<String>,
        clock: Arc<dyn Clock>,
        mut events: Vec<LogEvent>,
    ) -> MemoryLogGroup {
        events.sort_by_key(|event| event.timestamp_ms);
        MemoryLogGroup {
            name: name.into(),
            clock,
            events,
            page_events: 10_000,
        }
    }

    /// Events of a page at most; 10,000 unless set, as in CloudWatch Logs.
    pub fn with_page_events(self, page_events: usize) -> MemoryLogGroup {
        MemoryLogGroup {
            page_events: page_events.max(1),
            ..self
        }
    }
}

#[async_trait]
impl LogGroup for MemoryLogGroup {
    fn name(&self) -> &str {
        &self.name
    }

    /// The token is the index of the next event: an event that becomes visible
    /// behind it is not in later pages, just as in the service.
    async fn page(&self, request: &PageRequest) -> Result<EventPage, ReadError> {
        let from = match &request.token {
            None => self
                .events
                .partition_point(|event| event.timestamp_ms < request.start_ms),
            Some(token) => token.parse().map_err(|_| ReadError {
                kind: ReadErrorKind::InvalidToken,
                message: format!("the page token `{token}` is unknown"),
                hint: None,
            })?,
        };
        let now_ms = self.clock.now_ms();
        let mut page = EventPage::default();
        for (index, event) in self.events.iter().enumerate().skip(from) {
            if event.timestamp_ms > request.end_ms {
                break;
            }
            if page.events.len() == self.page_events {
                page.next_token = Some(index.to_string());
                break;
            }
            if event
                .ingestion_time_ms
                .is_none_or(|visible_ms| visible_ms <= now_ms)
            {
                page.events.push(event.clone());
            }
        }
        Ok(page)
    }
}
