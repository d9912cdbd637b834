//! Groups, streams and events, in the order in which AWS returns them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use super::event_id::event_id;

/// How long after its timestamp an event is ingested when the test does not
/// say: what real flow logs show is some minutes.
const DELIVERY_LAG_MS: u64 = 5 * 60 * 1_000;

/// Names a batch of events that is not visible yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(u64);

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) groups: BTreeMap<String, Group>,
    hidden: BTreeMap<BatchId, Batch>,
    next_batch: u64,
    next_sequence: u64,
    /// The newest ingestion time so far. It stands in for the server's clock.
    ingestion_clock_ms: u64,
}

/// Events on their way into one stream.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) group: String,
    pub(super) stream: String,
    /// `None`: the time of the store's own clock when the batch arrives.
    pub(super) ingestion_time_ms: Option<u64>,
    /// Timestamp in milliseconds, and message.
    pub(super) events: Vec<(u64, String)>,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) streams: Vec<Stream>,
    by_name: BTreeMap<String, usize>,
    events: BTreeMap<EventKey, Event>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Stream {
    pub(super) name: String,
    pub(super) times: Option<StreamTimes>,
    /// As they were after the stream's first batch.
    pub(super) first_times: Option<StreamTimes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamTimes {
    pub(super) first_event_ms: u64,
    pub(super) last_event_ms: u64,
    pub(super) last_ingestion_ms: u64,
}

/// The order of a page: timestamp, then ingestion time, then the order of
/// arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventKey {
    pub(super) timestamp_ms: u64,
    pub(super) ingestion_time_ms: u64,
    sequence: u64,
}

#[derive(Debug)]
pub(super) struct Event {
    pub(super) stream: usize,
    pub(super) message: String,
}

impl Store {
    /// Adds a group; `false` if it exists.
    pub(super) fn create_group(&mut self, name: &str) -> bool {
        match self.groups.entry(name.to_owned()) {
            Entry::Vacant(vacant) => {
                vacant.insert(Group::default());
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// Makes a batch visible, and creates its group and stream when needed.
    pub(super) fn put(&mut self, batch: Batch) {
        let newest_ms = batch.events.iter().map(|(timestamp_ms, _)| *timestamp_ms);
        let arrival_ms = newest_ms.max().unwrap_or(0) + DELIVERY_LAG_MS;
        let ingestion_time_ms = batch
            .ingestion_time_ms
            .unwrap_or_else(|| self.ingestion_clock_ms.max(arrival_ms));
        self.ingestion_clock_ms = self.ingestion_clock_ms.max(ingestion_time_ms);

        let group = self.groups.entry(batch.group).or_default();
        let stream = group.stream_index(&batch.stream);
        for (timestamp_ms, message) in batch.events {
            let key = EventKey {
                timestamp_ms,
                ingestion_time_ms,
                sequence: self.next_sequence,
            };
            self.next_sequence += 1;
            group.streams[stream].note(key);
            group.events.insert(key, Event { stream, message });
        }
        group.streams[stream].end_batch();
    }

    pub(super) fn hide(&mut self, batch: Batch) -> BatchId {
        let id = BatchId(self.next_batch);
        self.next_batch += 1;
        self.hidden.insert(id, batch);
        id
    }

    /// Makes a hidden batch visible; `false` if it already is.
    pub(super) fn release(&mut self, id: BatchId) -> bool {
        let batch = self.hidden.remove(&id);
        let was_hidden = batch.is_some();
        if let Some(batch) = batch {
            self.put(batch);
        }
        was_hidden
    }
}

impl Group {
    /// Adds a stream; `false` if it exists.
    pub(super) fn create_stream(&mut self, name: &str) -> bool {
        let streams = self.streams.len();
        self.stream_index(name) == streams
    }

    pub(super) fn has_stream(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// Streams in the order of their names.
    pub(super) fn streams_by_name(&self) -> impl Iterator<Item = &Stream> {
        self.by_name.values().map(|index| &self.streams[*index])
    }

    /// The positions of the streams that `wanted` accepts.
    pub(super) fn select_streams(&self, wanted: impl Fn(&str) -> bool) -> BTreeSet<usize> {
        let accepted = self.by_name.iter().filter(|(name, _)| wanted(name));
        accepted.map(|(_, index)| *index).collect()
    }

    /// Visible events with a timestamp of `start_ms` to `end_ms`, both
    /// inclusive, that come behind `after`.
    pub(super) fn events(
        &self,
        start_ms: u64,
        end_ms: u64,
        after: Option<EventKey>,
    ) -> impl Iterator<Item = (&EventKey, &Event)> {
        let first = EventKey {
            timestamp_ms: start_ms,
            ingestion_time_ms: 0,
            sequence: 0,
        };
        let last = EventKey {
            timestamp_ms: end_ms,
            ingestion_time_ms: u64::MAX,
            sequence: u64::MAX,
        };
        let start = after.map_or(Bound::Included(first), Bound::Excluded);
        self.events.range((start, Bound::Included(last)))
    }

    fn stream_index(&mut self, name: &str) -> usize {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = self.streams.len();
        self.by_name.insert(name.to_owned(), index);
        self.streams.push(Stream {
            name: name.to_owned(),
            ..Stream::default()
        });
        index
    }
}

impl Stream {
    fn note(&mut self, key: EventKey) {
        let times = self.times.get_or_insert(StreamTimes {
            first_event_ms: key.timestamp_ms,
            last_event_ms: key.timestamp_ms,
            last_ingestion_ms: key.ingestion_time_ms,
        });
        times.first_event_ms = times.first_event_ms.min(key.timestamp_ms);
        times.last_event_ms = times.last_event_ms.max(key.timestamp_ms);
        times.last_ingestion_ms = times.last_ingestion_ms.max(key.ingestion_time_ms);
    }

    fn end_batch(&mut self) {
        self.first_times = self.first_times.or(self.times);
    }
}

impl EventKey {
    pub(super) fn event_id(&self) -> String {
        event_id(self.timestamp_ms, self.sequence)
    }
}
