//! Rankings: what `vpcflow top` shows.
//!
//! [`Top`] says what to rank; [`Top::rank`] asks one statement, which goes over the
//! records once, whatever is ranked and shown. The engine groups the records, in files
//! where memory does not hold the groups; of the groups that come out of it only the
//! largest are kept. [`Ranked::rows`] are the rows for programs, [`Ranked::text`] is
//! the same for people.

mod choose;
mod key;
mod live;
mod look;
mod numbers;
mod rows;
mod statement;
mod table;
mod tally;
mod text;
mod trend;

use datafusion::common::ScalarValue;

pub use self::key::{Key, Measure, Stat};
pub use self::live::{LiveCounts, LiveOptions, LiveTop, MAX_REJECTED, RejectedFlow};
pub use self::look::Look;
pub use self::trend::Trend;
use crate::error::Error;
use crate::session::Session;

/// Rankings of records by the values of some columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Top {
    /// The rankings, all of which one pass over the records answers.
    pub stats: Vec<Stat>,
    /// Rows of each at most.
    pub limit: usize,
    /// A condition in SQL on the records.
    pub condition: Option<String>,
    /// Both directions of a conversation count together. There are keys `client`,
    /// `client_port`, `server` and `server_port` then.
    pub bidirectional: bool,
    /// A flow that two interfaces saw counts once: of the view `flows_once`.
    pub once: bool,
    /// Records that start before this time, in microseconds since 1970, are of the
    /// period before, which the ranking is compared with.
    pub compare: Option<Compared>,
    /// Whether the course over time of what each ranking is by is kept.
    pub trends: bool,
}

/// The period that a ranking is compared with, in microseconds since 1970. It ends
/// where the ranking's own begins, or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Its first start time.
    pub since_us: i64,
    /// The first start time after it.
    pub until_us: i64,
    /// The first start time of the ranking's own period.
    pub now_us: i64,
}

/// Sums of some records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Records.
    pub flows: i64,
    /// Their packets; `None` where no record has any.
    pub packets: Option<i128>,
    /// Their bytes; `None` where no record has any.
    pub bytes: Option<i128>,
}

impl Totals {
    /// What a ranking is by.
    pub fn measure(&self, by: Measure) -> Option<i128> {
        match by {
            Measure::Bytes => self.bytes,
            Measure::Packets => self.packets,
            Measure::Flows => Some(self.flows.into()),
        }
    }

    fn add(&mut self, other: &Totals) {
        let sum = |left: Option<i128>, right: Option<i128>| match (left, right) {
            (Some(left), Some(right)) => Some(left + right),
            (left, right) => left.or(right),
        };
        self.flows += other.flows;
        self.packets = sum(self.packets, other.packets);
        self.bytes = sum(self.bytes, other.bytes);
    }

    /// What is left of these without those, which are among them.
    fn without(&self, other: &Totals) -> Totals {
        let rest =
            |all: Option<i128>, part: Option<i128>| all.map(|all| all - part.unwrap_or_default());
        Totals {
            flows: self.flows - other.flows,
            packets: rest(self.packets, other.packets),
            bytes: rest(self.bytes, other.bytes),
        }
    }
}

/// A row of a ranking, or several together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line {
    /// The values of the keys; none, where it is of several rows.
    pub keys: Vec<ScalarValue>,
    /// Its sums.
    pub totals: Totals,
    /// Those of the period that the ranking is compared with.
    pub previous: Totals,
    /// Bytes from the client to the server.
    pub request_bytes: Option<i128>,
    /// The first start of its records, in microseconds since 1970.
    pub first_us: Option<i64>,
    /// The last end.
    pub last_us: Option<i64>,
    /// What the ranking is by, over time.
    pub trend: Trend,
    /// Records of it may be counted among others: the sums are the least that it has.
    /// Only a live ranking, when its memory is used up, has such lines.
    pub at_least: bool,
}

impl Line {
    /// Takes another in, but for its trend: lines together have none.
    fn add(&mut self, other: &Line) {
        self.totals.add(&other.totals);
        self.previous.add(&other.previous);
        self.request_bytes = match (self.request_bytes, other.request_bytes) {
            (Some(left), Some(right)) => Some(left + right),
            (left, right) => left.or(right),
        };
        self.first_us = [self.first_us, other.first_us].into_iter().flatten().min();
        self.last_us = self.last_us.max(other.last_us);
    }

    /// Seconds from the first start to the last end, at least one.
    fn seconds(&self) -> Option<f64> {
        let us = self.last_us?.saturating_sub(self.first_us?);
        Some((us as f64 / 1e6).max(1.0))
    }

    /// An amount for each second in which its records were seen.
    fn rate(&self, amount: Option<i128>) -> Option<f64> {
        Some(amount? as f64 / self.seconds()?)
    }

    /// Change against the period before in percent; `None` where there was nothing.
    fn change(&self, by: Measure) -> Option<f64> {
        let before = self.previous.measure(by).filter(|before| *before != 0)?;
        let now = self.totals.measure(by).unwrap_or_default();
        Some(100.0 * (now - before) as f64 / before as f64)
    }
}

/// A ranking: its largest rows, the others together, and all.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// What it is of and by.
    pub stat: Stat,
    /// The rows, largest first.
    pub lines: Vec<Line>,
    /// All records that match.
    pub total: Line,
    /// Rows that there would be without a limit.
    pub groups: u64,
}

/// Rankings that were asked together.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// In the order in which they were asked.
    pub rankings: Vec<Ranking>,
    /// Records that say that there was no traffic. They are in no ranking.
    pub nodata: u64,
    /// Records that say that AWS skipped some, so that sums are too low. They are in no
    /// ranking.
    pub skipdata: u64,
    /// The period that they are compared with.
    pub compare: Option<Compared>,
    /// Whether both directions of a conversation count together.
    pub bidirectional: bool,
    /// Whether flows that two interfaces saw count once.
    pub once: bool,
    /// Rows of each at most.
    pub limit: usize,
}

impl Top {
    /// Ranks the records of a session.
    ///
    /// # Errors
    /// When a key is no column, the condition cannot be read, a source cannot be, or a
    /// sum does not fit in 64 bits.
    pub async fn rank(&self, session: &Session) -> Result<Ranked, Error> {
        let statement = statement::Statement::new(self, session).await?;
        let chosen = statement.run(session).await?;
        let (nodata, skipdata) = match statement.counts_gaps() {
            true => chosen.gaps(),
            false => statement::gaps(session, self.compare).await?,
        };
        Ok(Ranked {
            rankings: chosen.rankings(self),
            nodata,
            skipdata,
            compare: self.compare,
            bidirectional: self.bidirectional,
            once: self.once,
            limit: self.limit,
        })
    }
}
