//! Cuts what a `FilterLogEvents` call matches into pages, as AWS does
//! (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>):
//! at most 10,000 events and 1 MB a page, but also fewer events or none at all,
//! with a token as long as there may be more.

use std::collections::{BTreeSet, HashMap};

use super::event_id::scramble;
use super::store::{Event, EventKey, Group};
use super::wire::ApiError;

pub(super) const MAX_EVENTS: usize = 10_000;
pub(super) const MAX_BYTES: usize = 1_048_576;
/// What AWS adds to the UTF-8 length of a message when it counts bytes.
pub(super) const EVENT_OVERHEAD_BYTES: usize = 26;

/// Which events a caller wants. A token belongs to one query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) group: String,
    pub(super) streams: StreamFilter,
    pub(super) start_ms: u64,
    pub(super) end_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum StreamFilter {
    All,
    Names(BTreeSet<String>),
    Prefix(String),
}

#[derive(Debug)]
pub(super) struct Page<'a> {
    pub(super) events: Vec<(&'a EventKey, &'a Event)>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug)]
pub(super) struct Pager {
    pub(super) max_events: usize,
    pub(super) max_bytes: usize,
    pub(super) empty_rate: f64,
    pub(super) partial_rate: f64,
    /// How often a token works; `None`: until [`Pager::expire_tokens`].
    pub(super) token_uses: Option<u32>,
    pub(super) random: Random,
    cursors: HashMap<String, Cursor>,
}

#[derive(Debug)]
struct Cursor {
    query: Query,
    after: Option<EventKey>,
    uses: u32,
}

impl Default for Pager {
    fn default() -> Self {
        Self {
            max_events: MAX_EVENTS,
            max_bytes: MAX_BYTES,
            empty_rate: 0.0,
            partial_rate: 0.0,
            token_uses: None,
            random: Random::default(),
            cursors: HashMap::new(),
        }
    }
}

impl Pager {
    /// The page of `query` that `token` names, the first one without a token.
    /// What becomes visible behind the place of the token is not in it.
    pub(super) fn page<'a>(
        &mut self,
        group: &'a Group,
        query: &Query,
        limit: usize,
        token: Option<&str>,
    ) -> Result<Page<'a>, ApiError> {
        let after = match token {
            Some(token) => self.redeem(token, query)?,
            None => None,
        };
        if self.random.chance(self.empty_rate) {
            return Ok(Page {
                events: Vec::new(),
                next_token: Some(self.issue(query, after)),
            });
        }

        let mut max_events = limit.min(self.max_events);
        if self.random.chance(self.partial_rate) {
            max_events = self.random.one_to(max_events);
        }
        let matching = matching(group, query, after);
        let (events, more) = take_page(matching, max_events, self.max_bytes);
        let last = events.last().map(|(key, _)| **key);
        let next_token = more.then(|| self.issue(query, last.or(after)));
        Ok(Page { events, next_token })
    }

    pub(super) fn expire_tokens(&mut self) {
        self.cursors.clear();
    }

    fn redeem(&mut self, token: &str, query: &Query) -> Result<Option<EventKey>, ApiError> {
        let invalid = ApiError::invalid_token;
        let cursor = self.cursors.get_mut(token).ok_or_else(invalid)?;
        cursor.uses += 1;
        let expired = self.token_uses.is_some_and(|uses| cursor.uses > uses);
        if expired || cursor.query != *query {
            return Err(invalid());
        }
        Ok(cursor.after)
    }

    fn issue(&mut self, query: &Query, after: Option<EventKey>) -> String {
        let token = format!("{:016x}{:016x}", self.random.next(), self.random.next());
        let cursor = Cursor {
            query: query.clone(),
            after,
            uses: 0,
        };
        self.cursors.insert(token.clone(), cursor);
        token
    }
}

fn matching<'a>(
    group: &'a Group,
    query: &Query,
    after: Option<EventKey>,
) -> impl Iterator<Item = (&'a EventKey, &'a Event)> {
    let streams = match &query.streams {
        StreamFilter::All => None,
        StreamFilter::Names(names) => Some(group.select_streams(|name| names.contains(name))),
        StreamFilter::Prefix(prefix) => Some(group.select_streams(|name| name.starts_with(prefix))),
    };
    group
        .events(query.start_ms, query.end_ms, after)
        .filter(move |(_, event)| {
            streams
                .as_ref()
                .is_none_or(|streams| streams.contains(&event.stream))
        })
}

/// The events of one page, and whether any are left.
fn take_page<'a>(
    matching: impl Iterator<Item = (&'a EventKey, &'a Event)>,
    max_events: usize,
    max_bytes: usize,
) -> (Vec<(&'a EventKey, &'a Event)>, bool) {
    let mut page = Vec::new();
    let mut bytes = 0;
    for (key, event) in matching {
        bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
        // A single event always fits: AWS takes none above 1 MB.
        if page.len() == max_events || (bytes > max_bytes && !page.is_empty()) {
            return (page, true);
        }
        page.push((key, event));
    }
    (page, false)
}

/// A seeded sequence of numbers (SplitMix64).
#[derive(Debug, Default)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            state: scramble(seed),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.state)
    }

    /// True with probability `rate`; draws nothing for a rate of zero.
    fn chance(&mut self, rate: f64) -> bool {
        rate > 0.0 && ((self.next() >> 11) as f64 / (1_u64 << 53) as f64) < rate
    }

    /// A number from 1 to `most`.
    fn one_to(&mut self, most: usize) -> usize {
        1 + (self.next() % most.max(1) as u64) as usize
    }
}
