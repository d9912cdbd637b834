//! What is known of each log stream.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A stream's newest event time is noted in the checkpoint in steps of this.
const NOTED_MS: i64 = 5 * 60_000;
/// A stream is late when its newest event is this much older than the newest
/// of the group: a flow log writes a record, or a NODATA record, for each
/// interface and aggregation interval, and the longest interval is ten minutes
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>).
const LATE_MS: i64 = 15 * 60_000;
/// A stream is silent when its newest event is this much older.
const SILENT_MS: i64 = 60 * 60_000;

/// The newest event time of each log stream.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: HashMap<Arc<str>, Stream>,
    newest_ms: Option<i64>,
    /// Those whose time is to be noted in the next checkpoint.
    to_note: Vec<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Stream {
    newest_ms: i64,
    noted_ms: i64,
}

impl Streams {
    pub(super) fn new(noted: &BTreeMap<String, i64>) -> Streams {
        let streams = noted.iter().map(|(name, &newest_ms)| {
            let stream = Stream {
                newest_ms,
                noted_ms: newest_ms,
            };
            (Arc::from(name.as_str()), stream)
        });
        Streams {
            streams: streams.collect(),
            newest_ms: noted.values().max().copied(),
            to_note: Vec::new(),
        }
    }

    /// Notes an event; returns whether the stream had a newer one.
    pub(super) fn note(&mut self, name: &Arc<str>, time_ms: i64) -> bool {
        self.newest_ms = self.newest_ms.max(Some(time_ms));
        let stream = match self.streams.get_mut(name) {
            Some(stream) => stream,
            None => self.streams.entry(Arc::clone(name)).or_insert(Stream {
                newest_ms: i64::MIN,
                noted_ms: i64::MIN,
            }),
        };
        let older = time_ms < stream.newest_ms;
        stream.newest_ms = stream.newest_ms.max(time_ms);
        if stream.newest_ms >= stream.noted_ms.saturating_add(NOTED_MS) {
            stream.noted_ms = stream.newest_ms;
            self.to_note.push(Arc::clone(name));
        }
        older
    }

    /// What to note in the next checkpoint.
    pub(super) fn take_notes(&mut self) -> Vec<(String, i64)> {
        let streams = &self.streams;
        let notes = self.to_note.drain(..).filter_map(|name| {
            let stream = streams.get(&name)?;
            Some((name.to_string(), stream.noted_ms))
        });
        notes.collect()
    }

    pub(super) fn len(&self) -> usize {
        self.streams.len()
    }

    pub(super) fn newest_ms(&self) -> Option<i64> {
        self.newest_ms
    }

    /// All streams with their newest event time.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, i64)> {
        self.streams
            .iter()
            .map(|(name, stream)| (name, stream.newest_ms))
    }

    /// How many streams are late, and how many are silent.
    pub(super) fn late_and_silent(&self) -> (usize, usize) {
        let Some(newest_ms) = self.newest_ms else {
            return (0, 0);
        };
        let behind = |stream: &&Stream| newest_ms.saturating_sub(stream.newest_ms);
        let streams = || self.streams.values();
        let silent = streams()
            .filter(|stream| behind(stream) > SILENT_MS)
            .count();
        let late = streams().filter(|stream| behind(stream) > LATE_MS).count();
        (late - silent, silent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_and_silent_are_told_by_the_newest_of_the_group() {
        let mut streams = Streams::default();
        let hour_ms = 60 * 60_000;
        let mut note = |name: &str, time_ms| streams.note(&name.into(), time_ms);
        assert!(!note("lively", 2 * hour_ms));
        assert!(!note("late", 2 * hour_ms - 20 * 60_000));
        assert!(!note("silent", hour_ms - 1));
        assert!(note("lively", hour_ms), "older than its newest");
        assert_eq!(streams.late_and_silent(), (1, 1));
        assert_eq!(streams.newest_ms(), Some(2 * hour_ms));
    }

    #[test]
    fn times_are_noted_now_and_then_and_come_back() {
        let mut streams = Streams::default();
        let mut notes = Vec::new();
        for second in 0..601 {
            streams.note(&"a".into(), second * 1_000);
            notes.extend(streams.take_notes());
        }
        let noted = |time_ms| ("a".to_owned(), time_ms);
        assert_eq!(notes, [noted(0), noted(300_000), noted(600_000)]);
        let again = Streams::new(&notes.into_iter().collect());
        let known: Vec<_> = again.iter().map(|(name, time)| (&**name, time)).collect();
        assert_eq!(known, [("a", 600_000)]);
    }
}
