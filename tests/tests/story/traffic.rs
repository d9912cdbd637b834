//! Records to deliver, and what must become of them.

use std::collections::BTreeMap;

use serde_json::Value;
use vpcflow_tests::record;

use super::account::Event;

/// Rejected flows of each source in the history: no two have as many.
const REJECTED: [(&str, usize); 3] = [
    ("203.0.113.77", 9),
    ("198.51.100.23", 5),
    ("192.0.2.200", 2),
];
const INTERFACES: [&str; 3] = ["eni-0a1b2c3d", "eni-0b1c2d3e", "eni-0c1d2e3f"];
const NEW_INTERFACE: &str = "eni-0d1e2f3a";
const MALFORMED: &str = "2 123456789012 eni-0a1b2c3d cut short";

/// What tells records apart: log stream, source, action, bytes.
pub(crate) type Key = (String, String, String, u64);

/// The records delivered so far.
#[derive(Default)]
pub(crate) struct Traffic {
    keys: Vec<Key>,
}

impl Traffic {
    /// Ten minutes of records, and a line that is none.
    pub(crate) fn history(&mut self, now_ms: i64) -> Vec<Event> {
        let mut sources = vec![("10.0.0.9", "ACCEPT"); 12];
        for (source, flows) in REJECTED {
            sources.extend(vec![(source, "REJECT"); flows]);
        }
        let mut events = Vec::new();
        for (number, (source, action)) in sources.into_iter().enumerate() {
            let time_ms = now_ms - 600_000 + number as i64 * 10_000;
            let interface = INTERFACES[number % INTERFACES.len()];
            events.push(self.event(interface, source, action, time_ms));
        }
        events.push((
            stream(INTERFACES[0]),
            now_ms - 300_000,
            MALFORMED.to_owned(),
        ));
        events
    }

    /// Records of now, two of which are the same but for their event id: two
    /// records.
    pub(crate) fn fresh(&mut self, now_ms: i64) -> Vec<Event> {
        let twin = self.event(INTERFACES[0], "198.51.100.23", "REJECT", now_ms);
        self.keys.extend(self.keys.last().cloned());
        let other = self.event(INTERFACES[1], "10.0.0.9", "ACCEPT", now_ms);
        vec![twin.clone(), twin, other]
    }

    pub(crate) fn in_a_new_stream(&mut self, now_ms: i64) -> Vec<Event> {
        vec![self.event(NEW_INTERFACE, "203.0.113.77", "REJECT", now_ms)]
    }

    /// Records older than those that the same streams have shown before.
    pub(crate) fn late(&mut self, now_ms: i64) -> Vec<Event> {
        let late = |milliseconds: i64| now_ms - milliseconds;
        vec![
            self.event(INTERFACES[0], "203.0.113.77", "REJECT", late(1_000)),
            self.event(INTERFACES[1], "10.0.0.9", "ACCEPT", late(4_000)),
            self.event(NEW_INTERFACE, "10.0.0.9", "ACCEPT", late(8_000)),
        ]
    }

    pub(crate) fn records(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn keys(&self) -> Vec<Key> {
        let mut keys = self.keys.clone();
        keys.sort();
        keys
    }

    pub(crate) fn malformed(&self) -> &'static str {
        MALFORMED
    }

    /// Sources of rejected flows with their number, most first.
    pub(crate) fn rejected_ranking(&self) -> Vec<(String, u64)> {
        let mut flows: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, source, action, _) in &self.keys {
            *flows.entry(source).or_default() += u64::from(action == "REJECT");
        }
        let rejected = flows.into_iter().filter(|(_, flows)| *flows > 0);
        let mut ranking: Vec<_> = rejected
            .map(|(source, flows)| (source.to_owned(), flows))
            .collect();
        ranking.sort_by_key(|(_, flows)| std::cmp::Reverse(*flows));
        ranking
    }

    fn event(&mut self, interface: &str, source: &str, action: &str, time_ms: i64) -> Event {
        let bytes = 1_000 + self.keys.len() as u64;
        let key = (stream(interface), source.into(), action.into(), bytes);
        self.keys.push(key);
        let line = record(interface, source, action, bytes, time_ms);
        (stream(interface), time_ms, line)
    }
}

/// The keys of rows as they were printed, sorted.
pub(crate) fn row_keys(rows: &[Value]) -> Vec<Key> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let key = |row: &Value| {
        let bytes = row["bytes"].as_u64().unwrap();
        (
            text(&row["log_stream"]),
            text(&row["srcaddr"]),
            text(&row["action"]),
            bytes,
        )
    };
    let mut keys: Vec<Key> = rows.iter().map(key).collect();
    keys.sort();
    keys
}

/// The name of an interface's log stream.
fn stream(interface: &str) -> String {
    format!("{interface}-all")
}
