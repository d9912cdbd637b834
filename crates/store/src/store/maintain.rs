//! Upkeep by the writer: compaction, retention, removal, checkpoints of the log.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use object_store::path::Path;

use super::append::remove;
use super::{Noted, Store};
use crate::compact::{Plan, RunningCompaction, full_plan, plan};
use crate::data_file::DataFile;
use crate::error::Result;
use crate::source::{SourceState, document_path};
use crate::table::{CHECKPOINT_INTERVAL, add_action, remove_action};

/// Cursor documents kept of a source; they are its history.
const DOCUMENTS_KEPT: usize = 64;

/// What upkeep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Maintenance {
    /// Files that compaction read.
    pub compacted_files: usize,
    /// Files that it wrote in their place.
    pub new_files: usize,
    /// Rows in them: as many as before.
    pub compacted_rows: u64,
    /// Bytes of the files before.
    pub before_bytes: u64,
    /// Bytes of the files after.
    pub after_bytes: u64,
    /// Files whose days are over.
    pub expired_files: usize,
    /// Rows in them.
    pub expired_rows: u64,
    /// Files with rejects whose time is over.
    pub expired_rejects_files: usize,
}

impl Maintenance {
    fn add(&mut self, other: Maintenance) {
        self.compacted_files += other.compacted_files;
        self.new_files += other.new_files;
        self.compacted_rows += other.compacted_rows;
        self.before_bytes += other.before_bytes;
        self.after_bytes += other.after_bytes;
        self.expired_files += other.expired_files;
        self.expired_rows += other.expired_rows;
        self.expired_rejects_files += other.expired_rejects_files;
    }
}

impl Store {
    /// Upkeep after a commit: takes what compaction finished, starts the next,
    /// and does what takes no time. Failures are noted, and cost only room.
    pub(super) async fn look_after(&mut self, is_closing: bool) {
        if let Err(error) = self.try_look_after(is_closing).await {
            self.failures.push(error);
        }
    }

    async fn try_look_after(&mut self, is_closing: bool) -> Result<()> {
        if self
            .compaction
            .as_ref()
            .is_some_and(|running| running.is_finished())
        {
            self.finish_compaction().await?;
        }
        if self.compaction.is_none() && !is_closing {
            self.start_compaction(plan);
        }
        if let Some(days) = self.options.keep_days {
            self.expire_files(days).await?;
        }
        self.remove_replaced().await;
        self.prune_documents().await;
        self.checkpoint_log(CHECKPOINT_INTERVAL).await
    }

    /// Does all upkeep that is due, and waits for it: for a process that has
    /// nothing else to do, or is about to end.
    ///
    /// # Errors
    /// When something cannot be read or written; no row is lost or changed then.
    pub async fn maintain(&mut self) -> Result<Maintenance> {
        let mut done = self.run_compactions(plan).await?;
        if let Some(days) = self.options.keep_days {
            done.add(self.expire(days).await?);
        }
        self.remove_replaced().await;
        self.prune_documents().await;
        self.checkpoint_log(CHECKPOINT_INTERVAL).await?;
        Ok(done)
    }

    /// Merges the files of each day into as few as can be. The rows stay the same;
    /// that is checked before the new files take the place of the old.
    ///
    /// # Errors
    /// As [`Store::maintain`].
    pub async fn compact(&mut self) -> Result<Maintenance> {
        let done = self.run_compactions(|files, _| full_plan(files)).await?;
        self.remove_replaced().await;
        self.prune_documents().await;
        self.checkpoint_log(1).await?;
        Ok(done)
    }

    /// Drops the days before the last `keep_days`, of which today is one, and
    /// rejects that were committed before them.
    ///
    /// # Errors
    /// As [`Store::maintain`].
    pub async fn expire(&mut self, keep_days: u32) -> Result<Maintenance> {
        let mut done = self.expire_files(keep_days).await?;
        done.expired_rejects_files = self.expire_rejects(keep_days).await?;
        self.remove_replaced().await;
        Ok(done)
    }

    /// Ends the writer in order: commits what checkpoints cover, and waits for
    /// what runs beside. What no checkpoint covers is not kept.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub async fn close(mut self) -> Result<Option<super::Commit>> {
        let committed = self.commit_all(true).await?;
        if let Some(mut running) = self.compaction.take() {
            running.cancel();
            if let Some(files) = running.finish().await? {
                let paths = files.into_iter().map(|file| file.path);
                remove(self.location.store().as_ref(), paths).await;
            }
        }
        Ok(committed)
    }

    fn start_compaction(&mut self, plan: impl Fn(&crate::table::Files, i64) -> Option<Plan>) {
        let table = Arc::clone(&self.live.lock().table);
        if let Some(plan) = plan(&table.files, self.clock.now_ms()) {
            let objects = Arc::clone(self.location.store());
            let schema = Arc::clone(table.columns.schema());
            self.compaction = Some(RunningCompaction::start(objects, plan, schema));
        }
    }

    async fn run_compactions(
        &mut self,
        plan: impl Fn(&crate::table::Files, i64) -> Option<Plan>,
    ) -> Result<Maintenance> {
        let mut done = Maintenance::default();
        loop {
            self.check_open()?;
            self.resolve_doubt().await?;
            if self.compaction.is_none() {
                self.start_compaction(&plan);
            }
            if self.compaction.is_none() {
                return Ok(done);
            }
            done.add(self.finish_compaction().await?);
        }
    }

    /// Waits for the compaction that runs, and puts its files in place.
    async fn finish_compaction(&mut self) -> Result<Maintenance> {
        let Some(mut running) = self.compaction.take() else {
            return Ok(Maintenance::default());
        };
        let Some(merged) = running.finish().await? else {
            return Ok(Maintenance::default());
        };
        let inputs = &running.plan.files;
        // A commit whose answer got lost may have replaced the same files.
        self.resolve_doubt().await?;
        let table = Arc::clone(&self.live.lock().table);
        if !inputs
            .iter()
            .all(|file| table.files.contains_key(&file.path))
        {
            // Retention was faster.
            let paths = merged.into_iter().map(|file| file.path);
            remove(self.location.store().as_ref(), paths).await;
            return Ok(Maintenance::default());
        }
        fail::fail_point!("store-compacted");
        let now_ms = self.clock.now_ms();
        let removed = inputs.iter().map(|file| remove_action(file, false, now_ms));
        let added = merged.iter().map(|file| add_action(file, false));
        let actions = removed.chain(added).collect();
        self.commit_actions("OPTIMIZE", actions).await?;
        fail::fail_point!("store-compaction-committed");
        let bytes = |files: &mut dyn Iterator<Item = &DataFile>| -> u64 {
            files.map(|file| file.size_bytes).sum()
        };
        Ok(Maintenance {
            compacted_files: inputs.len(),
            new_files: merged.len(),
            compacted_rows: merged.iter().map(|file| file.rows).sum(),
            before_bytes: bytes(&mut inputs.iter().map(|file| file.as_ref())),
            after_bytes: bytes(&mut merged.iter()),
            ..Maintenance::default()
        })
    }

    async fn expire_files(&mut self, keep_days: u32) -> Result<Maintenance> {
        self.resolve_doubt().await?;
        let now_ms = self.clock.now_ms();
        let table = Arc::clone(&self.live.lock().table);
        let first = first_kept(now_ms, keep_days);
        let expired: Vec<_> = table
            .files
            .values()
            .filter(|file| match file.date {
                Some(date) => date < first,
                None => file.modified_ms < start_ms(first),
            })
            .collect();
        if expired.is_empty() {
            return Ok(Maintenance::default());
        }
        let actions = expired
            .iter()
            .map(|file| remove_action(file, true, now_ms))
            .collect();
        self.commit_actions("DELETE", actions).await?;
        fail::fail_point!("store-expired");
        Ok(Maintenance {
            expired_files: expired.len(),
            expired_rows: expired.iter().map(|file| file.rows).sum(),
            ..Maintenance::default()
        })
    }

    /// Writes a new cursor, which moves nothing, for each source with rejects
    /// whose time is over: the cursor names the rejects.
    async fn expire_rejects(&mut self, keep_days: u32) -> Result<usize> {
        let first_ms = start_ms(first_kept(self.clock.now_ms(), keep_days));
        let states: Vec<_> = self.live.lock().sources.values().cloned().collect();
        let is_expired = |file: &&crate::source::RejectsFile| file.committed_ms < first_ms;
        let mut expired = 0;
        for state in states {
            let count = state.rejects_files.iter().filter(is_expired).count();
            if count == 0 {
                continue;
            }
            expired += count;
            let progress = self.progress.entry(state.source.clone()).or_default();
            progress.noted.get_or_insert_with(|| Noted {
                through: 0,
                cursors: Vec::new(),
                is_full: false,
                complete_to_ms: None,
                noted_ms: self.clock.now_ms(),
                rows: 0,
            });
        }
        if expired > 0 {
            let kept = self.options.keep_days.replace(keep_days);
            let committed = self.commit_noted().await;
            self.options.keep_days = kept;
            committed?;
        }
        Ok(expired)
    }

    /// Rejects committed before this, in milliseconds since the Unix epoch, are
    /// not kept.
    pub(super) fn first_kept_ms(&self, now_ms: i64) -> i64 {
        self.options
            .keep_days
            .map_or(i64::MIN, |days| start_ms(first_kept(now_ms, days)))
    }

    /// Removes files that were replaced so long ago that no reader wants them.
    async fn remove_replaced(&mut self) {
        let before_ms = self.clock.now_ms() - self.options.reader_grace_ms;
        let table = Arc::clone(&self.live.lock().table);
        let old: Vec<Path> = table
            .tombstones
            .iter()
            .filter(|(_, removed_ms)| **removed_ms <= before_ms)
            .map(|(path, _)| path.clone())
            .collect();
        if old.is_empty() {
            return;
        }
        remove(self.location.store().as_ref(), old.clone()).await;
        fail::fail_point!("store-removed");
        let mut shared = self.live.lock();
        let table = Arc::make_mut(&mut shared.table);
        for path in &old {
            table.tombstones.remove(path);
        }
    }

    /// Removes cursors that neither a restart nor the history needs.
    async fn prune_documents(&mut self) {
        let states: Vec<_> = self.live.lock().sources.values().cloned().collect();
        for state in states {
            let kept = DOCUMENTS_KEPT.max(state.deltas + 1);
            if state.documents.len() < 2 * kept {
                continue;
            }
            let mut pruned = SourceState::clone(&state);
            let old: Vec<_> = pruned
                .documents
                .drain(..state.documents.len() - kept)
                .collect();
            let key = state.source.key();
            let paths = old.into_iter().map(|seq| document_path(&key, seq));
            remove(self.location.store().as_ref(), paths).await;
            let mut shared = self.live.lock();
            shared
                .sources
                .insert(state.source.clone(), Arc::new(pruned));
        }
    }

    /// Writes a checkpoint of the log when there are `interval` entries since the
    /// last.
    async fn checkpoint_log(&mut self, interval: u64) -> Result<()> {
        let version = self.live.lock().table.version;
        if version < self.checkpointed + interval {
            return Ok(());
        }
        self.log.checkpoint(self.clock.now_ms()).await?;
        self.checkpointed = version;
        fail::fail_point!("store-checkpointed");
        Ok(())
    }
}

/// The first day that is kept.
fn first_kept(now_ms: i64, keep_days: u32) -> NaiveDate {
    let today = DateTime::from_timestamp_millis(now_ms).unwrap_or_default();
    let days = chrono::Days::new(u64::from(keep_days.saturating_sub(1)));
    today
        .date_naive()
        .checked_sub_days(days)
        .unwrap_or(NaiveDate::MIN)
}

fn start_ms(date: NaiveDate) -> i64 {
    date.and_time(chrono::NaiveTime::MIN)
        .and_utc()
        .timestamp_millis()
}
