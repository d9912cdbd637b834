//! A log group that records come to in every awkward way.

use vpcflow_testkit::BatchId;
use vpcflow_tests::{Dice, Logs, Tally, now_ms, record};

const GROUP: &str = "/vpc/prod";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// How old a record is at most when it is put, in milliseconds.
const OLDEST_MS: u64 = 4_000;
/// How long it is hidden from then on at most. Together it is far from the lateness, so that
/// a slow machine makes no record later than that.
const LONGEST_HIDDEN_MS: u64 = 2_000;

pub(crate) struct Group<'a> {
    logs: &'a Logs,
    given: Tally,
    made: i64,
    /// What is hidden, and when it is to be seen.
    hidden: Vec<(BatchId, i64)>,
}

impl Group<'_> {
    pub(crate) const SOURCE: &'static str = "logs:/vpc/prod";

    pub(crate) fn new(logs: &Logs) -> Group<'_> {
        Group {
            logs,
            given: Tally::default(),
            made: 0,
            hidden: Vec::new(),
        }
    }

    /// What was put so far, hidden events among it.
    pub(crate) fn given(&self) -> &Tally {
        &self.given
    }

    /// Records of the last hour and of a day before.
    pub(crate) fn put_history(&mut self) {
        let now_ms = now_ms();
        for minute in 1..60 {
            for first_ms in [
                now_ms - minute * MINUTE_MS,
                now_ms - DAY_MS - minute * 50_000,
            ] {
                let events = (0..10)
                    .map(|number| self.event(first_ms + number))
                    .collect();
                let stream = format!("eni-{:08x}-all", minute % 7);
                self.put(&stream, events);
            }
        }
    }

    /// Some records of the last seconds: in order or not, at once or later, now and
    /// then the same text twice, or no record at all.
    pub(crate) fn put_some(&mut self, dice: &mut Dice) {
        self.release_until(now_ms());
        let stream = match dice.chance(3) {
            true => format!("eni-{:08x}-all", 0x1000 + self.made),
            false => format!("eni-{:08x}-all", dice.below(7)),
        };
        let now_ms = now_ms();
        let mut events = Vec::new();
        for _ in 0..=dice.below(12) {
            let age_ms = i64::try_from(dice.below(OLDEST_MS)).unwrap();
            let time_ms = now_ms - 100 - age_ms;
            let event = match dice.chance(5) {
                true => self.malformed(time_ms),
                false => self.event(time_ms),
            };
            if dice.chance(5) {
                self.note(&event.1);
                events.push(event.clone());
            }
            events.push(event);
        }
        if dice.chance(30) {
            let hidden = self.logs.put_hidden(GROUP, &stream, events);
            let hidden_ms = i64::try_from(dice.below(LONGEST_HIDDEN_MS)).unwrap();
            self.hidden.push((hidden, now_ms + hidden_ms));
        } else {
            self.put(&stream, events);
        }
        if dice.chance(2) {
            self.logs.expire_tokens();
        }
    }

    /// Lets in what is to be seen by then. Called before the binary is started as well: while
    /// none is running, nobody else does it.
    pub(crate) fn release_until(&mut self, time_ms: i64) {
        for (batch, _) in self.hidden.extract_if(.., |(_, at_ms)| *at_ms <= time_ms) {
            self.logs.release(batch);
        }
    }

    fn put(&self, stream: &str, mut events: Vec<(i64, String)>) {
        events.sort();
        self.logs.put(GROUP, stream, events);
    }

    fn event(&mut self, time_ms: i64) -> (i64, String) {
        self.made += 1;
        let number = self.made.unsigned_abs();
        let line = record("eni-0a1b2c3d", "192.0.2.1", "ACCEPT", number, time_ms);
        self.note(&line);
        (time_ms, line)
    }

    fn malformed(&mut self, time_ms: i64) -> (i64, String) {
        self.made += 1;
        let line = format!("2 123456789012 eni-0a1b2c3d cut short {}", self.made);
        self.note(&line);
        (time_ms, line)
    }

    fn note(&mut self, line: &str) {
        note(&mut self.given, line);
    }
}

/// Notes a line as what must become of it.
pub(crate) fn note(given: &mut Tally, line: &str) {
    let values: Vec<&str> = line.split(' ').collect();
    match values.get(9).and_then(|bytes| bytes.parse().ok()) {
        Some(bytes) if values.len() == 14 => given.record(bytes),
        _ => given.reject(line),
    }
}
