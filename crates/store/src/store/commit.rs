//! Making rows and cursors durable, together.
//!
//! The order is what matters: data files, then each source's cursor, then its
//! rejects, then one entry in the log that names them all. Before the entry
//! nothing of it counts; with it everything does.

use std::sync::Arc;

use arrow_array::RecordBatch;
use object_store::path::Path;
use uuid::Uuid;

use super::append::{by_schema, remove};
use super::{Noted, Store};
use crate::data_file::DataFile;
use crate::error::{Error, Result};
use crate::log::{Entry, Written};
use crate::rejects;
use crate::source::{Cursors, Document, RejectsFile, SourceId, SourceState};
use crate::table::{Table, add_action, transaction_action};

/// Numbers tried for a cursor: each try that failed before may have taken one.
const NUMBERS_TRIED: i64 = 1_000;

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

/// What one source brings to a commit.
struct Share {
    source: SourceId,
    noted: Noted,
    rows: Vec<RecordBatch>,
    rejects: Vec<RecordBatch>,
    files: Vec<Arc<DataFile>>,
}

impl Share {
    fn row_count(&self) -> u64 {
        let hot: usize = self.rows.iter().map(RecordBatch::num_rows).sum();
        hot as u64 + self.files.iter().map(|file| file.rows).sum::<u64>()
    }

    fn reject_count(&self) -> u64 {
        self.rejects
            .iter()
            .map(|rejects| rejects.num_rows() as u64)
            .sum()
    }
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
        // A failure is met again when the rows are written below.
        let _ = self.finish_spills().await;
        let shares = self.take_shares();
        match self.prepare(&shares, started_ms).await {
            Ok(prepared) => self.write(prepared).await.map(Some),
            Err(error) => {
                for share in shares {
                    let progress = self.progress.entry(share.source).or_default();
                    progress.noted = Some(share.noted);
                }
                Err(error)
            }
        }
    }

    /// What the checkpoints cover. It stays in memory until it is committed.
    fn take_shares(&mut self) -> Vec<Share> {
        let shared = self.live.lock();
        let noted = self
            .progress
            .iter_mut()
            .filter_map(|(source, progress)| Some((source, progress.noted.take()?)));
        let share = |(source, noted): (&SourceId, Noted)| {
            let hot = shared.hot.get(source);
            let covered = |files: &Vec<(u64, Arc<DataFile>)>| {
                let covered = files.iter().filter(|(end, _)| *end <= noted.through);
                covered
                    .map(|(_, file)| Arc::clone(file))
                    .collect::<Vec<_>>()
            };
            let before = |batches: &std::collections::BTreeMap<u64, RecordBatch>| {
                let covered = batches.range(..noted.through);
                covered.map(|(_, batch)| batch.clone()).collect::<Vec<_>>()
            };
            Share {
                source: source.clone(),
                rows: hot.map(|hot| before(&hot.rows)).unwrap_or_default(),
                rejects: hot.map(|hot| before(&hot.rejects)).unwrap_or_default(),
                files: hot.map(|hot| covered(&hot.files)).unwrap_or_default(),
                noted,
            }
        };
        noted.map(share).collect()
    }

    /// Writes everything but the entry.
    async fn prepare(&self, shares: &[Share], started_ms: i64) -> Result<Prepared> {
        let objects = self.location.store();
        let rows: Vec<_> = shares.iter().flat_map(|share| share.rows.clone()).collect();
        let segments = by_schema(rows, self.options.segment_rows);
        let written = self.files.write(segments, started_ms).await?;
        fail::fail_point!("store-data-files-written");
        let mut made: Vec<Path> = written.iter().map(|file| file.path.clone()).collect();
        let prepared = self
            .prepare_entry(shares, written, &mut made, started_ms)
            .await;
        if prepared.is_err() {
            remove(objects.as_ref(), made).await;
        }
        prepared
    }

    /// `made` gets the objects that were written, of which nothing stays when this
    /// fails.
    async fn prepare_entry(
        &self,
        shares: &[Share],
        written: Vec<DataFile>,
        made: &mut Vec<Path>,
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
        let spilled = shares.iter().flat_map(|share| &share.files);
        let files: Vec<_> = spilled
            .map(|file| DataFile::clone(file))
            .chain(written)
            .collect();
        actions.extend(files.iter().map(|file| add_action(file, true)));

        let batch = Uuid::new_v4();
        let mut states = Vec::with_capacity(shares.len());
        for share in shares {
            let known = self.source(&share.source);
            let mut state = known.map_or_else(
                || SourceState::new(share.source.clone()),
                |known| SourceState::clone(&known),
            );
            let mut document = document(&state, share, batch, table.version, started_ms);
            let first_ms = self.first_kept_ms(started_ms);
            document
                .rejects_files
                .retain(|file| file.committed_ms >= first_ms);
            self.write_source(&mut document, share, made).await?;
            state.advance(&document);
            actions.push(transaction_action(
                &share.source.application(),
                state.seq,
                started_ms,
            ));
            states.push(state);
        }
        fail::fail_point!("store-rejects-written");

        let entry = Entry::new(table.version, "WRITE", actions, started_ms);
        for action in &entry.actions {
            table.apply(self.location.name(), action)?;
        }
        let commit = Commit {
            version: entry.version,
            rows: shares.iter().map(Share::row_count).sum(),
            rejects: shares.iter().map(Share::reject_count).sum(),
            files: files.len(),
            size_bytes: files.iter().map(|file| file.size_bytes).sum(),
            sources: states.iter().map(|s| (s.source.clone(), s.seq)).collect(),
            took_ms: 0,
        };
        let taken = shares.iter().map(|s| (s.source.clone(), s.noted.through));
        Ok(Prepared {
            entry,
            table,
            states,
            taken: taken.collect(),
            commit,
        })
    }

    /// Writes a source's cursor, then its rejects. The cursor names the rejects'
    /// files, so their names are chosen first.
    async fn write_source(
        &self,
        document: &mut Document,
        share: &Share,
        made: &mut Vec<Path>,
    ) -> Result<()> {
        let objects = self.location.store();
        let key = share.source.key();
        let merged = rejects::to_merge(&document.rejects_files);
        let mut lines = rejects::read_all(objects, merged.clone()).await?;
        document.rejects_files.retain(|file| !merged.contains(file));
        lines.extend(share.rejects.iter().cloned());
        if !lines.is_empty() {
            let file = rejects::Encoded::new(&key, document.seq, &lines, document.committed_ms)?;
            document.rejects_files.push(file.file.clone());
            made.push(Path::from(file.file.path.as_str()));
            self.write_cursor(&key, document, made).await?;
            fail::fail_point!("store-cursor-written");
            file.write(objects.as_ref()).await
        } else {
            self.write_cursor(&key, document, made).await?;
            fail::fail_point!("store-cursor-written");
            Ok(())
        }
    }

    /// Writes a cursor under the next free number: a try that failed may have left
    /// its cursor there, which nothing will ever refer to.
    async fn write_cursor(
        &self,
        key: &str,
        document: &mut Document,
        made: &mut Vec<Path>,
    ) -> Result<()> {
        let cursors = Cursors(self.location.store().as_ref());
        for _ in 0..NUMBERS_TRIED {
            if cursors.write(key, document).await? {
                made.push(crate::source::document_path(key, document.seq));
                return Ok(());
            }
            document.seq += 1;
        }
        Err(Error::Damaged {
            path: crate::source::document_path(key, document.seq).to_string(),
            reason: "too many cursors of commits that failed".to_owned(),
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

    /// Writes an entry again of which it is not known whether it is in the log.
    pub(super) async fn resolve_doubt(&mut self) -> Result<Option<Commit>> {
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

fn document(
    state: &SourceState,
    share: &Share,
    batch: Uuid,
    version: u64,
    committed_ms: i64,
) -> Document {
    let (rows, rejects) = (share.row_count(), share.reject_count());
    let mut totals = state.totals;
    totals.commits += 1;
    totals.rows += rows;
    totals.rejects += rejects;
    let rejects_files: Vec<RejectsFile> = state.rejects_files.clone();
    Document {
        source: share.source.clone(),
        seq: state.seq + 1,
        previous: (state.seq > 0).then_some(state.seq),
        batch,
        version,
        committed_ms,
        rows,
        rejects,
        totals,
        complete_to_ms: share.noted.complete_to_ms.or(state.complete_to_ms),
        // The first cursor of a source has nothing to be a change of.
        is_full: share.noted.is_full || state.seq == 0,
        cursors: share.noted.cursors.clone(),
        rejects_files,
    }
}
