//! Making rows and cursors durable, together.
//!
//! The order is what matters: data files, cursors and rejects first, then one entry in
//! the log that names them all. Before the entry nothing of it counts; with it
//! everything does. What comes first needs no order: files are written beside cursors.

use std::sync::Arc;

use object_store::path::Path;
use uuid::Uuid;

use super::Store;
use super::advance::{Advance, Share, Step};
use super::append::{by_schema, remove};
use crate::data_file::DataFile;
use crate::error::{Error, Result};
use crate::log::{Entry, Written};
use crate::source::{SourceId, SourceState};
use crate::table::{Table, add_action, transaction_action};

/// What a commit made durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The version of the table that it made.
    pub version: u64,
    /// Rows.
    pub rows: u64,
    /// Refused lines.
    pub rejects: u64,
    /// Data files.
    pub files: usize,
    /// Bytes of the data files.
    pub size_bytes: u64,
    /// The sources whose checkpoints it has, with the number of their commit.
    pub sources: Vec<(SourceId, i64)>,
    /// How long it took, in milliseconds.
    pub took_ms: i64,
}

impl Commit {
    /// Both as one.
    fn and(self, then: Commit) -> Commit {
        Commit {
            version: then.version,
            rows: self.rows + then.rows,
            rejects: self.rejects + then.rejects,
            files: self.files + then.files,
            size_bytes: self.size_bytes + then.size_bytes,
            sources: [self.sources, then.sources].concat(),
            took_ms: self.took_ms + then.took_ms,
        }
    }
}

/// An entry of the log, and the state that it makes.
#[derive(Debug)]
pub(super) struct Prepared {
    entry: Entry,
    table: Table,
    states: Vec<SourceState>,
    /// What leaves memory: a source, and the append that stays first.
    taken: Vec<(SourceId, u64)>,
    commit: Commit,
}

impl Prepared {
    /// What leaves memory with it.
    pub(super) fn taken(&self) -> &[(SourceId, u64)] {
        &self.taken
    }
}

/// What is written before the entry.
#[derive(Debug)]
struct Objects {
    files: Vec<DataFile>,
    states: Vec<SourceState>,
}

impl Store {
    /// Makes all rows and rejects durable that a checkpoint covers, and the
    /// checkpoints with them. `None` when there is no checkpoint.
    ///
    /// Compaction, retention and clean-up are looked after here too, when
    /// [`super::StoreOptions::maintain`] says so; they run beside, and what fails
    /// of them is in [`Store::take_failures`].
    ///
    /// Let it run to its end: dropped halfway, it leaves unknown whether it
    /// happened.
    ///
    /// # Errors
    /// When something cannot be written. Nothing is lost: if
    /// [`Error::is_transient`], the same call may succeed later. With
    /// [`Error::OtherOwner`] another process writes the store now, and this one
    /// must stop.
    pub async fn commit(&mut self) -> Result<Option<Commit>> {
        self.commit_all(false).await
    }

    pub(super) async fn commit_all(&mut self, is_closing: bool) -> Result<Option<Commit>> {
        self.check_open()?;
        let resolved = self.resolve_doubt().await?;
        let committed = self.commit_noted().await?;
        let committed = match (resolved, committed) {
            (Some(first), Some(then)) => Some(first.and(then)),
            (first, then) => first.or(then),
        };
        if committed.is_some() && self.options.maintain {
            self.look_after(is_closing).await;
        }
        Ok(committed)
    }

    pub(super) async fn commit_noted(&mut self) -> Result<Option<Commit>> {
        if self.progress.values().all(|p| p.noted.is_none()) {
            return Ok(None);
        }
        let started_ms = self.clock.now_ms();
        self.spill_beside();
        let shares = self.take_shares();
        let mut made = Vec::new();
        let written = self.write_objects(&shares, started_ms, &mut made).await;
        match written.and_then(|objects| self.prepare(&shares, objects, started_ms)) {
            Ok(prepared) => self.write(prepared).await.map(Some),
            Err(error) => {
                remove(self.location.store().as_ref(), made).await;
                for (source, share) in shares {
                    let progress = self.progress.entry(source).or_default();
                    progress.noted = Some(share.noted);
                }
                Err(error)
            }
        }
    }

    /// What the checkpoints cover. It stays in memory until it is committed.
    fn take_shares(&mut self) -> Vec<(SourceId, Share)> {
        let shared = self.live.lock();
        let mut shares = Vec::new();
        for (source, progress) in &mut self.progress {
            let Some(noted) = progress.noted.take() else {
                continue;
            };
            let mut share = Share {
                noted,
                rows: 0,
                rejects: Vec::new(),
            };
            if let Some(hot) = shared.hot.get(source) {
                let through = share.noted.through;
                share.rows = hot.rows_before(through);
                let rejects = hot.rejects.range(..through);
                share.rejects = rejects.map(|(_, rejects)| rejects.clone()).collect();
            }
            shares.push((source.clone(), share));
        }
        shares
    }

    /// Writes everything but the entry. `made` gets what nothing refers to without it.
    async fn write_objects(
        &mut self,
        shares: &[(SourceId, Share)],
        started_ms: i64,
        made: &mut Vec<Path>,
    ) -> Result<Objects> {
        let step = Step {
            batch: Uuid::new_v4(),
            version: self.live.lock().table.version + 1,
            committed_ms: started_ms,
            first_kept_ms: self.first_kept_ms(started_ms),
        };
        let advances = shares.iter().map(|(source, share)| {
            let known = self.source(source);
            let known = known.map(|known| SourceState::clone(&known));
            let state = known.unwrap_or_else(|| SourceState::new(source.clone()));
            Advance::new(state, share, step)
        });
        let advances: Vec<_> = advances.collect();
        let objects = Arc::clone(self.location.store());
        let mut made_of_sources = Vec::new();
        let sources = async {
            let mut states = Vec::with_capacity(advances.len());
            for advance in advances {
                states.push(advance.write(&objects, &mut made_of_sources).await?);
            }
            fail::fail_point!("store-rejects-written");
            Ok::<_, Error>(states)
        };
        let files = self.write_files(shares, started_ms, made);
        let (files, states) = futures::join!(files, sources);
        made.append(&mut made_of_sources);
        Ok(Objects {
            files: files?,
            states: states?,
        })
    }

    /// Writes the rows that are in no file yet. Gives the files of all that the
    /// checkpoints cover.
    async fn write_files(
        &mut self,
        shares: &[(SourceId, Share)],
        started_ms: i64,
        made: &mut Vec<Path>,
    ) -> Result<Vec<DataFile>> {
        // A failure is met again when the rows are written below.
        let _ = self.finish_spills().await;
        let (mut files, mut rows) = (Vec::new(), Vec::new());
        {
            let shared = self.live.lock();
            for (source, share) in shares {
                let Some(hot) = shared.hot.get(source) else {
                    continue;
                };
                let through = share.noted.through;
                rows.extend(hot.rows.range(..through).map(|(_, rows)| rows.clone()));
                let covered = hot.files.iter().filter(|(end, _)| *end <= through);
                files.extend(covered.map(|(_, file)| DataFile::clone(file)));
            }
        }
        let segments = by_schema(rows, self.options.segment_rows);
        let written = self.files.write(segments, started_ms).await?;
        made.extend(written.iter().map(|file| file.path.clone()));
        files.extend(written);
        fail::fail_point!("store-data-files-written");
        Ok(files)
    }

    /// The entry that names all that was written.
    fn prepare(
        &self,
        shares: &[(SourceId, Share)],
        Objects { files, states }: Objects,
        started_ms: i64,
    ) -> Result<Prepared> {
        let (mut table, columns) = {
            let shared = self.live.lock();
            (Table::clone(&shared.table), shared.columns.clone())
        };
        table.version += 1;
        let mut actions = Vec::new();
        if table.columns != columns {
            table.columns = columns;
            actions.push(table.metadata_action());
        }
        actions.extend(files.iter().map(|file| add_action(file, true)));
        actions.extend(states.iter().map(|state| {
            let application = state.source.application();
            transaction_action(&application, state.seq, started_ms)
        }));
        let entry = Entry::new(table.version, "WRITE", actions, started_ms);
        for action in &entry.actions {
            table.apply(self.location.name(), action)?;
        }
        let commit = Commit {
            version: entry.version,
            rows: shares.iter().map(|(_, share)| share.rows).sum(),
            rejects: shares.iter().map(|(_, share)| share.reject_count()).sum(),
            files: files.len(),
            size_bytes: files.iter().map(|file| file.size_bytes).sum(),
            sources: states.iter().map(|s| (s.source.clone(), s.seq)).collect(),
            took_ms: 0,
        };
        let taken = shares.iter();
        let taken = taken.map(|(source, share)| (source.clone(), share.noted.through));
        Ok(Prepared {
            taken: taken.collect(),
            entry,
            table,
            states,
            commit,
        })
    }

    /// Writes the entry. When that fails, nobody knows whether it arrived: it is
    /// kept, and written again before anything else.
    async fn write(&mut self, mut prepared: Prepared) -> Result<Commit> {
        match self.log.write(&prepared.entry).await {
            Ok(Written::Ours) => {}
            Ok(Written::Theirs) => return Err(self.other_owner(prepared.entry.version)),
            Err(error) => {
                self.in_doubt = Some(prepared);
                self.recount();
                return Err(error);
            }
        }
        fail::fail_point!("store-entry-written");
        let started_ms = prepared.states.iter().map(|state| state.committed_ms).max();
        let now_ms = self.clock.now_ms();
        prepared.commit.took_ms = now_ms - started_ms.unwrap_or(now_ms);
        self.live
            .lock()
            .committed(prepared.table, &prepared.states, &prepared.taken);
        self.recount();
        Ok(prepared.commit)
    }

    /// Writes an entry again of which it is not known whether it is in the log. Before
    /// the first one the table is there.
    pub(super) async fn resolve_doubt(&mut self) -> Result<Option<Commit>> {
        self.finish_creation().await?;
        match self.in_doubt.take() {
            Some(prepared) => self.write(prepared).await.map(Some),
            None => Ok(None),
        }
    }

    /// Adds an entry that moves no source, such as one of compaction.
    pub(super) async fn commit_actions(
        &mut self,
        operation: &str,
        actions: Vec<serde_json::Value>,
    ) -> Result<u64> {
        self.check_open()?;
        self.resolve_doubt().await?;
        let mut table = Table::clone(&self.live.lock().table);
        table.version += 1;
        let entry = Entry::new(table.version, operation, actions, self.clock.now_ms());
        for action in &entry.actions {
            table.apply(self.location.name(), action)?;
        }
        let commit = Commit {
            version: table.version,
            rows: 0,
            rejects: 0,
            files: 0,
            size_bytes: 0,
            sources: Vec::new(),
            took_ms: 0,
        };
        let prepared = Prepared {
            entry,
            table,
            states: Vec::new(),
            taken: Vec::new(),
            commit,
        };
        Ok(self.write(prepared).await?.version)
    }
}
