//! Sources that write to one store: what they hand over becomes durable together
//! with where they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use vpcflow_ingest::{CheckpointDelta, Clock, CommittedEvents, Decoded, Sink, SinkError};

use crate::error::{Error, Result};
use crate::live::Live;
use crate::source::{Checkpoint, SourceId};
use crate::store::{Commit, Store};

/// The wait before a write that failed is tried again.
const RETRY_MS: i64 = 2_000;

/// A store that several sources write to, each through a [`StoreSink`] of its own.
///
/// Whoever notes a checkpoint when a commit is due makes it, for all.
#[derive(Debug, Clone)]
pub struct SharedStore {
    state: Arc<Mutex<State>>,
    live: Live,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

/// What happens when the store cannot be written at the moment: a full disk, a
/// network failure.
#[derive(Debug, Clone)]
pub enum Patience {
    /// The source fails.
    None,
    /// It is tried again until it works, or until this is cancelled. Meanwhile the
    /// source waits, and nothing is lost.
    Until(CancellationToken),
}

#[derive(Debug)]
struct State {
    /// `None` after [`SharedStore::close`].
    store: Option<Store>,
    sources: BTreeMap<SourceId, Stand>,
    commits: CommitTotals,
}

/// Where a source stands.
#[derive(Debug)]
struct Stand {
    /// After its newest delivery.
    checkpoint: Option<vpcflow_ingest::Checkpoint>,
    /// The newest delivery that a checkpoint was noted for.
    noted: u64,
    /// All of the state was noted since the last commit.
    is_full_noted: bool,
    durable: Arc<AtomicU64>,
}

/// What was committed since the store was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CommitTotals {
    /// Commits.
    pub commits: u64,
    /// Rows in them.
    pub rows: u64,
    /// Refused lines in them.
    pub rejects: u64,
    /// Bytes of their data files.
    pub size_bytes: u64,
    /// When the last was made, in milliseconds since the Unix epoch.
    pub last_ms: Option<i64>,
}

impl SharedStore {
    /// Shares a store.
    pub fn new(store: Store, clock: Arc<dyn Clock>, patience: Patience) -> SharedStore {
        SharedStore {
            live: store.live(),
            state: Arc::new(Mutex::new(State {
                store: Some(store),
                sources: BTreeMap::new(),
                commits: CommitTotals::default(),
            })),
            clock,
            patience,
        }
    }

    /// The view of queries.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Where a source stood at its last commit: what it goes on from. `None` when
    /// it is new.
    ///
    /// # Errors
    /// [`Error::Damaged`] when what the store has is no checkpoint.
    pub async fn checkpoint(
        &self,
        source: &SourceId,
    ) -> Result<Option<vpcflow_ingest::Checkpoint>> {
        let state = self.state.lock().await;
        let Some(committed) = state.store.as_ref().and_then(|store| store.source(source)) else {
            return Ok(None);
        };
        let damaged = |reason: String| Error::Damaged {
            path: format!("the cursor of `{source}`"),
            reason,
        };
        let mut cursors = committed.cursors.iter();
        let Some(first) = cursors.next() else {
            return Ok(None);
        };
        let mut checkpoint: vpcflow_ingest::Checkpoint =
            serde_json::from_value(first.clone()).map_err(|error| damaged(error.to_string()))?;
        for cursor in cursors {
            let delta: CheckpointDelta = serde_json::from_value(cursor.clone())
                .map_err(|error| damaged(error.to_string()))?;
            checkpoint
                .apply(&delta)
                .map_err(|error| damaged(error.to_string()))?;
        }
        Ok(Some(checkpoint))
    }

    /// The end of the pipe for a source that stands at this checkpoint. `log_group`
    /// names the group whose events it hands over, if it is one; `notice` takes
    /// sentences for the user.
    pub async fn sink(
        &self,
        source: SourceId,
        checkpoint: Option<vpcflow_ingest::Checkpoint>,
        log_group: Option<String>,
        notice: impl FnMut(&str) + Send + 'static,
    ) -> StoreSink {
        let durable = Arc::new(AtomicU64::new(0));
        let stand = Stand {
            checkpoint,
            noted: 0,
            is_full_noted: false,
            durable: Arc::clone(&durable),
        };
        self.state
            .lock()
            .await
            .sources
            .insert(source.clone(), stand);
        StoreSink {
            store: self.clone(),
            source,
            log_group,
            durable,
            notice: Box::new(notice),
            is_troubled: false,
        }
    }

    /// Adds the events of a log group with these times that the store has, as rows
    /// or rejects, and some others.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn events(
        &self,
        log_group: &str,
        times: Range<i64>,
        events: &mut CommittedEvents,
    ) -> Result<()> {
        let take = |stream: &str, id: &str| events.add(stream, id);
        let snapshot = self.live.snapshot();
        snapshot.event_ids(log_group, times, take).await
    }

    /// Notes a checkpoint of a source's own making, as [`Store::checkpoint`].
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub async fn note(&self, source: &SourceId, checkpoint: Checkpoint) -> Result<()> {
        let mut state = self.state.lock().await;
        state.store()?.checkpoint(source, checkpoint);
        Ok(())
    }

    /// What was committed so far; `None` while a write or commit is on the way.
    pub fn totals(&self) -> Option<CommitTotals> {
        Some(self.state.try_lock().ok()?.commits)
    }

    /// Commits what checkpoints cover, and ends the writer.
    ///
    /// # Errors
    /// As [`Store::close`]. What is not committed then is read again by the next
    /// process.
    pub async fn close(&self) -> Result<CommitTotals> {
        let mut state = self.state.lock().await;
        if let Some(store) = state.store.take() {
            let committed = store.close().await?;
            state.note(committed, self.clock.now_ms());
        }
        Ok(state.commits)
    }
}

impl State {
    fn store(&mut self) -> Result<&mut Store> {
        self.store.as_mut().ok_or_else(|| Error::Closed {
            store: "the store".to_owned(),
        })
    }

    /// Commits if that is due; returns what upkeep failed at.
    async fn commit_if_due(&mut self, now_ms: i64) -> Result<Vec<Error>> {
        let store = self.store()?;
        if store.commit_due_ms().is_none_or(|due_ms| due_ms > now_ms) {
            return Ok(Vec::new());
        }
        let committed = store.commit().await?;
        let failures = store.take_failures();
        self.note(committed, now_ms);
        Ok(failures)
    }

    /// Everything that was noted is durable.
    fn note(&mut self, committed: Option<Commit>, now_ms: i64) {
        let Some(commit) = committed else { return };
        for stand in self.sources.values_mut() {
            stand.is_full_noted = false;
            stand.durable.store(stand.noted, Ordering::Release);
        }
        self.commits.commits += 1;
        self.commits.rows += commit.rows;
        self.commits.rejects += commit.rejects;
        self.commits.size_bytes += commit.size_bytes;
        self.commits.last_ms = Some(now_ms);
    }

    /// Moves a source by one delivery.
    fn step(
        &mut self,
        source: &SourceId,
        sequence: u64,
        delta: &CheckpointDelta,
    ) -> Result<(), SinkError> {
        let stand = self
            .sources
            .get_mut(source)
            .ok_or("the source has no sink")?;
        let checkpoint = stand
            .checkpoint
            .get_or_insert_with(|| vpcflow_ingest::Checkpoint::of(delta));
        checkpoint.apply(delta)?;
        let complete_to_ms = checkpoint.complete_to_ms();
        let store = self.store.as_mut().ok_or("the store is closed")?;
        let is_full = store.wants_full_checkpoint(source) && !stand.is_full_noted;
        let cursor = match is_full {
            true => serde_json::to_value(&*checkpoint)?,
            false => serde_json::to_value(delta)?,
        };
        store.checkpoint(
            source,
            Checkpoint {
                cursor,
                is_full,
                complete_to_ms,
            },
        );
        stand.is_full_noted |= is_full;
        stand.noted = sequence;
        Ok(())
    }
}

/// Hands what one source reads to a [`SharedStore`].
pub struct StoreSink {
    store: SharedStore,
    source: SourceId,
    log_group: Option<String>,
    durable: Arc<AtomicU64>,
    notice: Box<dyn FnMut(&str) + Send>,
    /// The user knows that the store cannot be written.
    is_troubled: bool,
}

impl fmt::Debug for StoreSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSink")
            .field("source", &self.source)
            .field("log_group", &self.log_group)
            .finish_non_exhaustive()
    }
}

impl StoreSink {
    /// Whether to try again after this failure, now that some time has passed.
    async fn has_patience(&mut self, error: &Error) -> bool {
        let Patience::Until(stop) = &self.store.patience else {
            return false;
        };
        if !error.is_transient() || stop.is_cancelled() {
            return false;
        }
        if !std::mem::replace(&mut self.is_troubled, true) {
            let way_out = error.hint().map(|hint| format!("; {hint}"));
            let text = format!(
                "{}{}; it is tried again until it works, and nothing is lost",
                error.with_causes(),
                way_out.unwrap_or_default()
            );
            (self.notice)(&text);
        }
        let again_ms = self.store.clock.now_ms().saturating_add(RETRY_MS);
        tokio::select! {
            () = self.store.clock.sleep_until_ms(again_ms) => true,
            () = stop.cancelled() => false,
        }
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.is_troubled) {
            (self.notice)("the store can be written again");
        }
    }

    async fn commit_if_due(&mut self) -> Result<(), SinkError> {
        loop {
            let now_ms = self.store.clock.now_ms();
            let committed = self.store.state.lock().await.commit_if_due(now_ms).await;
            match committed {
                Ok(failures) => {
                    for failure in failures {
                        (self.notice)(&format!("upkeep of the store: {}", failure.with_causes()));
                    }
                    self.recovered();
                    return Ok(());
                }
                Err(error) if self.has_patience(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[async_trait]
impl Sink for StoreSink {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        if batch.rows.num_rows() == 0 && batch.rejects.num_rows() == 0 {
            return Ok(());
        }
        loop {
            let (rows, rejects) = (batch.rows.clone(), batch.rejects.clone());
            let mut state = self.store.state.lock().await;
            let appended = state.store()?.append(&self.source, rows, rejects).await;
            drop(state);
            match appended {
                Ok(()) => {
                    self.recovered();
                    return Ok(());
                }
                Err(error) if self.has_patience(&error).await => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        let mut state = self.store.state.lock().await;
        state.step(&self.source, sequence, &step)?;
        drop(state);
        self.commit_if_due().await
    }

    fn acknowledged(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        let Some(group) = &self.log_group else {
            return Ok(None);
        };
        let mut events = CommittedEvents::default();
        self.store.events(group, times, &mut events).await?;
        Ok(Some(events))
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        self.commit_if_due().await
    }

    fn notice(&mut self, message: &str) {
        (self.notice)(message);
    }
}
