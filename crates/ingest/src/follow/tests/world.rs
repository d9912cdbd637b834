//! A log group whose events become visible at times of their own.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::follow::FollowOptions;
use crate::group::{EventPage, LogEvent, PageRequest};

pub(super) const SECOND_MS: i64 = 1_000;
pub(super) const MINUTE_MS: i64 = 60 * SECOND_MS;
pub(super) const HOUR_MS: i64 = 60 * MINUTE_MS;

pub(super) fn options(since_ms: i64, lateness_ms: i64) -> FollowOptions {
    FollowOptions {
        since_ms,
        poll: Duration::from_secs(5),
        lateness: Duration::from_millis(lateness_ms as u64),
        audit: None,
    }
}

pub(super) fn event(stream: &str, id: &str, timestamp_ms: i64) -> LogEvent {
    LogEvent {
        stream: stream.into(),
        event_id: id.to_owned(),
        timestamp_ms,
        ingestion_time_ms: None,
        message: String::new(),
    }
}

/// Events by event time and order of arrival, with the time from which on they
/// are visible.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) events: BTreeMap<(i64, usize), (LogEvent, i64)>,
    pub(super) page_events: usize,
}

impl World {
    pub(super) fn new(page_events: usize) -> World {
        World {
            events: BTreeMap::new(),
            page_events,
        }
    }

    /// Adds an event that arrives `delay_ms` after its time.
    pub(super) fn add(&mut self, stream: &str, timestamp_ms: i64, delay_ms: i64) {
        let number = self.events.len();
        let visible_ms = timestamp_ms + delay_ms;
        let event = LogEvent {
            ingestion_time_ms: Some(visible_ms),
            ..event(stream, &number.to_string(), timestamp_ms)
        };
        self.events
            .insert((timestamp_ms, number), (event, visible_ms));
    }

    /// A page as the service gives it: a token is the place of the last event,
    /// and what becomes visible behind it is not seen.
    pub(super) fn page(&self, request: &PageRequest, now_ms: i64) -> EventPage {
        let mut from = (request.start_ms, 0);
        if let Some(token) = &request.token {
            let (time, number) = token.split_once(' ').unwrap();
            from = (time.parse().unwrap(), number.parse::<usize>().unwrap() + 1);
        }
        let mut page = EventPage::default();
        let mut last = from;
        for (key, (event, visible_ms)) in self.events.range(from..=(request.end_ms, usize::MAX)) {
            if *visible_ms > now_ms {
                continue;
            }
            if page.events.len() == self.page_events {
                page.next_token = Some(format!("{} {}", last.0, last.1));
                break;
            }
            page.events.push(event.clone());
            last = *key;
        }
        page
    }
}
