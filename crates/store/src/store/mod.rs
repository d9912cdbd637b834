//! The one writer of a store.

mod advance;
mod amount;
mod append;
mod commit;
mod creation;
mod maintain;
mod open;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;
use vpcflow_ingest::Clock;

use crate::compact::RunningCompaction;
use crate::error::{Error, Result};
use crate::live::{Live, Snapshot};
use crate::location::Location;
use crate::lock::Lock;
use crate::log::Log;
use crate::source::{Checkpoint, SourceId, SourceState};

use amount::Amount;
use append::{FileWriter, Spilled};
use commit::Prepared;
use creation::Creation;

pub(crate) use append::remove;
pub use commit::Commit;
pub use maintain::Maintenance;
pub(crate) use open::load;

/// Commits after which a source should hand over all of its cursor's state again:
/// a restart reads the changes since.
const DELTAS_BEFORE_FULL: usize = 64;

/// How a store is written.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Whether to make the store when there is none.
    pub create: bool,
    /// How long a checkpoint with rows may wait for a commit, in milliseconds:
    /// every commit makes a file.
    pub commit_age_ms: i64,
    /// How long one without rows may.
    pub idle_commit_age_ms: i64,
    /// Rows under checkpoints that make a commit due at once: a restart reads at most
    /// so many again. Files are written as rows come, so memory needs no commit, and
    /// each one waits for the last of them.
    pub commit_rows: u64,
    /// Rows of a source that go into a file when so many came: memory holds a few
    /// times as many.
    pub segment_rows: usize,
    /// Bytes of rows that do, when they are reached first: rows of a log group take
    /// twice as much as those of a file.
    pub segment_bytes: usize,
    /// Files that are encoded at the same time: as many as there are processors.
    pub encoders: usize,
    /// Files that may be on their way to the disk, or wait to be encoded, beside
    /// those. One is enough, since all processors share the files that are left, and
    /// memory that holds the rows of more is taken from the system anew.
    pub writes: usize,
    /// Bytes of rows on their way into files with which no more are taken, however
    /// few the files.
    pub spilling_bytes: usize,
    /// Days that are kept, today among them. `None`: all.
    pub keep_days: Option<u32>,
    /// Whether the writer compacts, expires and cleans up unasked.
    pub maintain: bool,
    /// How long files that compaction or retention replaced stay for the sake of
    /// readers, in milliseconds.
    pub reader_grace_ms: i64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            create: true,
            commit_age_ms: 5_000,
            idle_commit_age_ms: 60_000,
            commit_rows: 8 * 1024 * 1024,
            segment_rows: 128 * 1024,
            segment_bytes: 24 * 1024 * 1024,
            encoders: std::thread::available_parallelism().map_or(1, usize::from),
            writes: 1,
            spilling_bytes: 48 * 1024 * 1024,
            keep_days: None,
            maintain: true,
            reader_grace_ms: 3_600_000,
        }
    }
}

/// The writer of a store. There is one at a time; readers take a [`Live`] view in
/// this process, and a [`crate::Reader`] in others.
///
/// Rows go in by [`Store::append`], and what the source needs to go on after them
/// by [`Store::checkpoint`]. [`Store::commit`] makes both durable, together: when
/// it returns, everything before each checkpoint is in the table, once, whatever
/// happens then. What came after it is not, and a restart does not find it: the
/// source hands it over again, since its cursor was not moved either.
#[derive(Debug)]
pub struct Store {
    location: Location,
    options: StoreOptions,
    clock: Arc<dyn Clock>,
    log: Log,
    live: Live,
    /// On this machine; elsewhere the log itself tells owners apart.
    _lock: Option<Lock>,
    /// The number of the next append.
    next_append: u64,
    progress: BTreeMap<SourceId, Progress>,
    spills: JoinSet<Result<Spilled>>,
    /// Bytes of the rows that these write.
    spilling_bytes: usize,
    files: FileWriter,
    /// Of a table that is new.
    creation: Option<Creation>,
    /// A commit whose entry may be in the log, or not: the answer got lost.
    in_doubt: Option<Prepared>,
    compaction: Option<RunningCompaction>,
    /// The version of the log's last checkpoint.
    checkpointed: u64,
    /// Failures of upkeep, which no commit failed for.
    failures: Vec<Error>,
    /// Another owner was met.
    is_closed: bool,
}

/// What was handed over by a source and is not committed.
#[derive(Debug, Default)]
struct Progress {
    /// The append that follows the last one whose rows are being written.
    assigned: u64,
    /// What waits in memory for a file.
    waiting: Amount,
    /// Rows since the last checkpoint that a commit took.
    rows: u64,
    noted: Option<Noted>,
}

/// Checkpoints of a source that the next commit takes.
#[derive(Debug, Clone)]
struct Noted {
    /// They cover all appends before this one.
    through: u64,
    cursors: Vec<Value>,
    /// Whether the first cursor is all of the state.
    is_full: bool,
    complete_to_ms: Option<i64>,
    /// When the first was noted.
    noted_ms: i64,
    /// Rows and rejects that they cover.
    rows: u64,
}

impl Store {
    /// The view of queries in this process.
    pub fn live(&self) -> Live {
        self.live.clone()
    }

    /// All rows at this moment, committed or not.
    pub fn snapshot(&self) -> Snapshot {
        self.live.snapshot()
    }

    /// Where the store is.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// What is committed of a source: where it goes on. `None` when it is new.
    pub fn source(&self, source: &SourceId) -> Option<Arc<SourceState>> {
        self.live.lock().sources.get(source).cloned()
    }

    /// Whether the next checkpoint of a source should hold all of its state, not a
    /// change: so that a restart has not to read too many changes.
    pub fn wants_full_checkpoint(&self, source: &SourceId) -> bool {
        self.source(source)
            .is_none_or(|state| state.deltas >= DELTAS_BEFORE_FULL)
    }

    /// Notes how far a source was read with all that it appended until now. The
    /// next [`Store::commit`] makes it durable.
    pub fn checkpoint(&mut self, source: &SourceId, checkpoint: Checkpoint) {
        let now_ms = self.clock.now_ms();
        let through = self.next_append;
        let progress = self.progress.entry(source.clone()).or_default();
        let rows = std::mem::take(&mut progress.rows);
        let noted = progress.noted.get_or_insert_with(|| Noted {
            through,
            cursors: Vec::new(),
            is_full: false,
            complete_to_ms: None,
            noted_ms: now_ms,
            rows: 0,
        });
        if checkpoint.is_full {
            noted.cursors.clear();
            noted.is_full = true;
        }
        noted.cursors.push(checkpoint.cursor);
        noted.through = through;
        noted.complete_to_ms = checkpoint.complete_to_ms.or(noted.complete_to_ms);
        noted.rows += rows;
    }

    /// When [`Store::commit`] should be called, in milliseconds since the Unix
    /// epoch. `None` while there is no checkpoint to commit.
    pub fn commit_due_ms(&self) -> Option<i64> {
        if self.in_doubt.is_some() {
            return Some(i64::MIN);
        }
        let noted = || self.progress.values().filter_map(|p| p.noted.as_ref());
        let rows: u64 = noted().map(|noted| noted.rows).sum();
        if rows >= self.options.commit_rows {
            return Some(i64::MIN);
        }
        noted()
            .map(|noted| {
                let age_ms = if noted.rows > 0 {
                    self.options.commit_age_ms
                } else {
                    self.options.idle_commit_age_ms
                };
                noted.noted_ms.saturating_add(age_ms)
            })
            .min()
    }

    /// Failures of compaction, retention and clean-up since the last call. They
    /// cost nothing but room, and are tried again.
    pub fn take_failures(&mut self) -> Vec<Error> {
        std::mem::take(&mut self.failures)
    }

    fn check_open(&self) -> Result<()> {
        if self.is_closed {
            return Err(Error::Closed {
                store: self.location.name().to_owned(),
            });
        }
        Ok(())
    }

    /// Another process wrote to the log: nothing is to be written here any more.
    fn other_owner(&mut self, version: u64) -> Error {
        self.is_closed = true;
        Error::OtherOwner {
            store: self.location.name().to_owned(),
            version,
        }
    }
}
