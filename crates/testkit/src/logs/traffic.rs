//! A log group of any size, made up while it is read.

use std::ops::Range;
use std::sync::Arc;

use super::event_id::{push_digits, push_event_id, scramble};
use super::pages::{EVENT_OVERHEAD_BYTES, MAX_BYTES, MAX_EVENTS};
use super::wire::ApiError;

/// Flow log records of many interfaces, evenly over time, that need no memory:
/// each is computed from its number. The same traffic has the same records.
///
/// ```
/// use vpcflow_testkit::Traffic;
///
/// let traffic = Traffic { interfaces: 100_000, ..Traffic::new("flows", 1_702_918_080_000, 60_000) };
/// assert_eq!(traffic.events(), 5_000_000);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Traffic {
    /// The log group that it is in.
    pub group: String,
    /// Network interfaces, each with a log stream.
    pub interfaces: u64,
    /// Records of an interface in a minute.
    pub records_per_minute: u64,
    /// Event time of the first record, in milliseconds since 1970.
    pub start_ms: i64,
    /// Event time after which there are no more.
    pub end_ms: i64,
    /// How long after its event time a record is visible, at the least.
    pub lag_ms: i64,
    /// How much later most records are, at the most.
    pub spread_ms: i64,
    /// One record in so many is a straggler,
    pub stragglers: u64,
    /// which is this much later at the most.
    pub straggler_ms: i64,
}

impl Traffic {
    /// Ten interfaces with fifty records a minute, five to seven minutes late,
    /// one in a hundred up to half an hour.
    #[must_use]
    pub fn new(group: impl Into<String>, start_ms: i64, span_ms: i64) -> Traffic {
        Traffic {
            group: group.into(),
            interfaces: 10,
            records_per_minute: 50,
            start_ms: start_ms / 60_000 * 60_000,
            end_ms: start_ms / 60_000 * 60_000 + span_ms,
            lag_ms: 300_000,
            spread_ms: 120_000,
            stragglers: 100,
            straggler_ms: 1_800_000,
        }
    }

    /// Records of all interfaces and times.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.first_at(self.end_ms)
    }

    /// The fewest `FilterLogEvents` calls whose pages hold all records.
    #[must_use]
    pub fn fewest_pages(&self) -> u64 {
        let mut message = Vec::new();
        let sampled = self.events().clamp(1, 10_000);
        // From all over: a record has its number, which grows.
        let bytes: u64 = (0..sampled)
            .map(|sample| {
                message.clear();
                self.push_message(&mut message, sample * self.events() / sampled);
                (message.len() + EVENT_OVERHEAD_BYTES) as u64
            })
            .sum();
        let a_page = (MAX_BYTES as u64 * sampled / bytes).min(MAX_EVENTS as u64);
        self.events().div_ceil(a_page)
    }

    /// The name of the log stream of an interface.
    #[must_use]
    pub fn stream(&self, interface: u64) -> String {
        format!("eni-{interface:017x}-all")
    }

    /// The number of the first record with a time of `time_ms` on.
    fn first_at(&self, time_ms: i64) -> u64 {
        let span_ms = time_ms.clamp(self.start_ms, self.end_ms) - self.start_ms;
        // Times are whole seconds, as in flow logs: up to the next one.
        let seconds = (span_ms as u64).div_ceil(1_000);
        (seconds * self.per_minute()).div_ceil(60)
    }

    fn per_minute(&self) -> u64 {
        self.interfaces * self.records_per_minute
    }

    fn time_ms(&self, number: u64) -> i64 {
        self.start_ms + (number * 60 / self.per_minute()) as i64 * 1_000
    }

    fn interface(&self, number: u64) -> u64 {
        scramble(number) % self.interfaces
    }

    fn ingestion_ms(&self, number: u64) -> i64 {
        let random = scramble(number ^ 0x5eed);
        let late = |most_ms: i64| (random >> 8) as i64 % most_ms.max(1);
        let spread_ms = match random % 256 * self.stragglers < 256 {
            true => late(self.straggler_ms),
            false => late(self.spread_ms),
        };
        self.time_ms(number) + self.lag_ms + spread_ms
    }

    /// A version-2 record; its bytes are its number.
    fn push_message(&self, text: &mut Vec<u8>, number: u64) {
        let random = scramble(number.wrapping_mul(3));
        let start = (self.time_ms(number) / 1_000) as u64;
        let decimal = |text: &mut Vec<u8>, number| push_digits(text, number, 1);
        text.extend_from_slice(b"2 123456789012 ");
        push_interface(text, self.interface(number));
        for (before, shift) in [
            (&b" 10."[..], 0),
            (b".", 8),
            (b".", 16),
            (b" 10.0.", 24),
            (b".", 32),
        ] {
            text.extend_from_slice(before);
            decimal(text, random >> shift & 0xff);
        }
        text.push(b' ');
        decimal(text, 1_024 + (random >> 40 & 0x7fff));
        text.push(b' ');
        decimal(text, [443, 80, 22, 53][(random >> 56) as usize % 4]);
        text.extend_from_slice(b" 6 ");
        for value in [1 + (random >> 58), number, start, start + 59] {
            decimal(text, value);
            text.push(b' ');
        }
        text.extend_from_slice(match random.is_multiple_of(16) {
            true => b"REJECT OK",
            false => b"ACCEPT OK",
        });
    }
}

/// Appends the id of an interface.
fn push_interface(text: &mut Vec<u8>, interface: u64) {
    text.extend_from_slice(b"eni-0");
    for shift in (0..16).rev() {
        text.push(b"0123456789abcdef"[(interface >> (4 * shift) & 0xf) as usize]);
    }
}

/// A page that was asked for and is still to be written: which takes a while, and
/// can be done by several at once.
#[derive(Debug)]
pub(super) struct TrafficPage {
    traffic: Arc<Traffic>,
    /// The numbers of the first record, and of the one after the last.
    records: Range<u64>,
    limit: usize,
    now_ms: i64,
}

impl TrafficPage {
    /// The page from the record that the token names on, or from the first one with
    /// a time of `start_ms` on.
    pub(super) fn new(
        traffic: &Arc<Traffic>,
        start_ms: u64,
        end_ms: u64,
        token: Option<&str>,
        limit: usize,
        now_ms: i64,
    ) -> Result<TrafficPage, ApiError> {
        let time = |time_ms: u64| i64::try_from(time_ms).unwrap_or(i64::MAX);
        let from = match token {
            None => traffic.first_at(time(start_ms)),
            Some(token) => token
                .strip_prefix("record-")
                .and_then(|number| number.parse().ok())
                .ok_or_else(ApiError::invalid_token)?,
        };
        // Nothing after this is visible.
        let visible_ms = now_ms.saturating_sub(traffic.lag_ms).saturating_add(1_000);
        let to = traffic.first_at(time(end_ms).saturating_add(1).min(visible_ms));
        Ok(TrafficPage {
            traffic: Arc::clone(traffic),
            records: from..to,
            limit,
            now_ms,
        })
    }

    /// The page as JSON, as the service writes it.
    pub(super) fn write(self) -> Vec<u8> {
        let traffic = &*self.traffic;
        let mut body = Vec::with_capacity(2 * MAX_BYTES + MAX_BYTES / 2);
        body.extend_from_slice(br#"{"events":["#);
        let (mut events, mut bytes) = (0, 0);
        let mut next = None;
        for number in self.records {
            let ingestion_ms = traffic.ingestion_ms(number);
            if ingestion_ms > self.now_ms {
                continue;
            }
            let before = body.len();
            if events > 0 {
                body.push(b',');
            }
            let time_ms = traffic.time_ms(number) as u64;
            body.extend_from_slice(br#"{"logStreamName":""#);
            push_interface(&mut body, traffic.interface(number));
            body.extend_from_slice(br#"-all","timestamp":"#);
            push_digits(&mut body, time_ms, 1);
            body.extend_from_slice(br#","message":""#);
            let message = body.len();
            traffic.push_message(&mut body, number);
            bytes += body.len() - message + EVENT_OVERHEAD_BYTES;
            if events == self.limit || bytes > MAX_BYTES {
                body.truncate(before);
                next = Some(number);
                break;
            }
            body.extend_from_slice(br#"","ingestionTime":"#);
            push_digits(&mut body, ingestion_ms as u64, 1);
            body.extend_from_slice(br#","eventId":""#);
            push_event_id(&mut body, time_ms, number);
            body.extend_from_slice(br#""}"#);
            events += 1;
        }
        body.extend_from_slice(br#"],"searchedLogStreams":[]"#);
        if let Some(number) = next {
            body.extend_from_slice(br#","nextToken":"record-"#);
            push_digits(&mut body, number, 1);
            body.push(b'"');
        }
        body.push(b'}');
        body
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn page(traffic: &Arc<Traffic>, times: (i64, i64), token: Option<&str>, now_ms: i64) -> Value {
        let (from_ms, to_ms) = (times.0 as u64, times.1 as u64);
        let page = TrafficPage::new(traffic, from_ms, to_ms, token, MAX_EVENTS, now_ms);
        serde_json::from_slice(&page.unwrap().write()).unwrap()
    }

    #[test]
    fn all_records_are_read_once_and_in_order() {
        let start_ms = 1_702_918_080_000;
        let traffic = Arc::new(Traffic {
            interfaces: 500,
            ..Traffic::new("flows", start_ms, 60_000)
        });
        let mut token = None;
        let mut numbers = Vec::new();
        let mut pages = 0;
        loop {
            let page = page(&traffic, (0, i64::MAX), token.as_deref(), i64::MAX);
            pages += 1;
            for event in page["events"].as_array().unwrap() {
                let values: Vec<_> = event["message"].as_str().unwrap().split(' ').collect();
                assert_eq!(values.len(), 14);
                assert_eq!(
                    values[10].parse::<i64>().unwrap() * 1_000,
                    event["timestamp"].as_i64().unwrap()
                );
                let stream = event["logStreamName"].as_str().unwrap();
                assert_eq!(stream.strip_suffix("-all"), Some(values[2]));
                let interface = u64::from_str_radix(&values[2][4..], 16).unwrap();
                assert_eq!(traffic.stream(interface), stream);
                numbers.push(values[9].parse::<u64>().unwrap());
            }
            match page["nextToken"].as_str() {
                Some(next) => token = Some(next.to_owned()),
                None => break,
            }
        }
        assert_eq!(numbers, Vec::from_iter(0..25_000));
        assert_eq!(pages, traffic.fewest_pages());
    }

    #[test]
    fn ranges_join_and_records_become_visible_late() {
        let start_ms = 1_702_918_080_000;
        let traffic = Arc::new(Traffic::new("flows", start_ms, 600_000));
        let count = |from_ms: i64, to_ms: i64, now_ms| {
            let page = page(&traffic, (from_ms, to_ms), None, now_ms);
            page["events"].as_array().unwrap().len()
        };
        let mut all = 0;
        for from_ms in (start_ms..start_ms + 600_000).step_by(7_000) {
            all += count(from_ms, from_ms + 6_999, i64::MAX);
        }
        assert_eq!(all, 5_000);
        let end_ms = start_ms + 600_000;
        let seen =
            [0, 300_000, 450_000, 2_800_000].map(|at| count(start_ms, end_ms, start_ms + at));
        assert!(seen.is_sorted(), "{seen:?}");
        assert_eq!((seen[0], seen[3]), (0, 5_000));
        assert!((1..5_000).contains(&seen[2]));
    }
}
