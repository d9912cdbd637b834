//! Taking rows, and writing them ahead of their commit when there are many.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use futures::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use super::amount::Amount;
use super::commit::Prepared;
use super::{Store, StoreOptions};
use crate::data_file::{DataFile, Encoded, Encoding};
use crate::error::{self, Result};
use crate::source::SourceId;

/// Rows of some appends of a source, now in files.
#[derive(Debug)]
pub(super) struct Spilled {
    source: SourceId,
    appends: Range<u64>,
    bytes: usize,
    files: Vec<DataFile>,
}

impl Store {
    /// Takes rows and refused lines of a source; either may be empty. The rows'
    /// columns are those of their format: a part of the table's, or unknown ones
    /// of text, which the table gets then.
    ///
    /// This waits while files are being written, so that memory is bounded
    /// whatever the speed of the source.
    ///
    /// # Errors
    /// When a column has another type than in the table, or when room must be made
    /// and files cannot be written. The rows are not taken then: hand them over
    /// again, when [`crate::Error::is_transient`].
    pub async fn append(
        &mut self,
        source: &SourceId,
        rows: RecordBatch,
        rejects: RecordBatch,
    ) -> Result<()> {
        self.check_open()?;
        self.check_identity(source)?;
        let (rows, wider) = {
            let shared = self.live.lock();
            let wider = shared.columns.widened_for(rows.schema_ref())?;
            let columns = wider.as_ref().unwrap_or(&shared.columns);
            (columns.as_in_table(&rows)?, wider)
        };
        self.make_room().await?;
        let amount = Amount::of(&rows);
        let append = self.next_append;
        self.next_append += 1;
        {
            let mut shared = self.live.lock();
            if let Some(columns) = wider {
                shared.columns = columns;
            }
            let hot = shared.hot.entry(source.clone()).or_default();
            let progress = self.progress.entry(source.clone()).or_default();
            progress.rows += (amount.rows + rejects.num_rows()) as u64;
            progress.waiting += amount;
            if amount.rows > 0 {
                hot.rows.insert(append, rows);
            }
            if rejects.num_rows() > 0 {
                hot.rejects.insert(append, rejects);
            }
        }
        let waiting = self.progress[source].waiting;
        if waiting.rows >= self.options.segment_rows || waiting.bytes >= self.options.segment_bytes
        {
            self.spill(source);
        }
        Ok(())
    }

    /// Waits until one more file may be on its way; takes what is written.
    async fn make_room(&mut self) -> Result<()> {
        while let Some(done) = self.spills.try_join_next() {
            self.absorb(done).await?;
        }
        let is_full = |store: &Store| {
            store.spills.len() >= store.files.at_once
                || store.spilling_bytes >= store.options.spilling_bytes
        };
        while !self.spills.is_empty() && is_full(self) {
            if let Some(done) = self.spills.join_next().await {
                self.absorb(done).await?;
            }
        }
        // Many sources, each with fewer rows than a file should have.
        let waiting: Amount = self.progress.values().map(|p| p.waiting).sum();
        if waiting.rows >= self.options.segment_rows.saturating_mul(2)
            || waiting.bytes >= self.options.segment_bytes.saturating_mul(2)
        {
            let fullest = self.progress.iter().max_by_key(|(_, p)| p.waiting.bytes);
            if let Some(source) = fullest.map(|(source, _)| source.clone()) {
                self.spill(&source);
            }
        }
        Ok(())
    }

    /// Starts to write the waiting rows of a source. Rows before and after its
    /// last checkpoint go into different files, since they are committed one by
    /// one; what came after may wait if that is little.
    fn spill(&mut self, source: &SourceId) {
        let next = self.next_append;
        let Some(progress) = self.progress.get_mut(source) else {
            return;
        };
        let from = progress.assigned;
        let noted = progress.noted.as_ref().map_or(from, |noted| noted.through);
        let checkpoint = noted.clamp(from, next);
        let (covered, rest) = {
            let shared = self.live.lock();
            let Some(hot) = shared.hot.get(source) else {
                return;
            };
            let rows = |appends| -> Vec<_> {
                let rows = hot.rows.range::<u64, Range<u64>>(appends);
                rows.map(|(_, rows)| rows.clone()).collect()
            };
            (rows(from..checkpoint), rows(checkpoint..next))
        };
        let (covered_amount, rest_amount): (Amount, Amount) =
            (covered.iter().sum(), rest.iter().sum());
        let rest_waits = covered_amount.rows >= rest_amount.rows;
        progress.assigned = if rest_waits { checkpoint } else { next };
        progress.waiting = match rest_waits {
            true => rest_amount,
            false => Amount::default(),
        };
        let rest = if rest_waits { Vec::new() } else { rest };
        let parts = [
            (from..checkpoint, covered, covered_amount.bytes),
            (checkpoint..next, rest, rest_amount.bytes),
        ];
        for (appends, rows, bytes) in parts {
            if rows.is_empty() {
                continue;
            }
            self.spilling_bytes += bytes;
            let (source, segments) = (source.clone(), by_schema(rows, usize::MAX));
            let (writer, now_ms) = (self.files.clone(), self.clock.now_ms());
            self.spills.spawn(async move {
                let files = writer.write(segments, now_ms).await?;
                Ok(Spilled {
                    source,
                    appends,
                    bytes,
                    files,
                })
            });
        }
    }

    /// Before a commit that waits for files: what is left of large sources is written
    /// beside them, not after them.
    pub(super) fn spill_beside(&mut self) {
        if self.spills.is_empty() {
            return;
        }
        let least = self.options.segment_rows / 8;
        let large = self.progress.iter();
        let large = large.filter(|(_, p)| p.noted.is_some() && p.waiting.rows > least);
        let large: Vec<_> = large.map(|(source, _)| source.clone()).collect();
        for source in large {
            self.spill(&source);
        }
    }

    /// Waits for all files that are being written. Failures are no loss: those
    /// rows stay in memory, and are written again.
    pub(super) async fn finish_spills(&mut self) -> Result<()> {
        let mut outcome = Ok(());
        while let Some(done) = self.spills.join_next().await {
            outcome = outcome.and(self.replace_rows(done));
        }
        self.spilling_bytes = 0;
        for progress in self.progress.values_mut() {
            // None is being written: all rows in memory are waiting.
            progress.assigned = 0;
        }
        self.recount();
        outcome
    }

    /// Counts the rows that wait for a file. Those of a commit in doubt have one:
    /// they must not get into another.
    pub(super) fn recount(&mut self) {
        let taken = self.in_doubt.as_ref().map(Prepared::taken);
        for (source, through) in taken.unwrap_or_default() {
            if let Some(progress) = self.progress.get_mut(source) {
                progress.assigned = progress.assigned.max(*through);
            }
        }
        let shared = self.live.lock();
        for (source, progress) in &mut self.progress {
            let waiting = shared.hot.get(source).map(|hot| {
                let waiting = hot.rows.range(progress.assigned..);
                waiting.map(|(_, rows)| rows).sum()
            });
            progress.waiting = waiting.unwrap_or_default();
        }
    }

    async fn absorb(&mut self, done: Result<Result<Spilled>, JoinError>) -> Result<()> {
        match self.replace_rows(done) {
            Ok(()) => Ok(()),
            Err(error) => {
                // For which rows are to be written again.
                let _ = self.finish_spills().await;
                Err(error)
            }
        }
    }

    /// Puts files in place of the rows that they were written from.
    fn replace_rows(&mut self, done: Result<Result<Spilled>, JoinError>) -> Result<()> {
        let spilled = done??;
        self.spilling_bytes -= spilled.bytes;
        let mut shared = self.live.lock();
        let hot = shared.hot.entry(spilled.source).or_default();
        hot.rows
            .retain(|append, _| !spilled.appends.contains(append));
        let files = spilled.files.into_iter().map(Arc::new);
        hot.files
            .extend(files.map(|file| (spilled.appends.end, file)));
        Ok(())
    }
}

/// Batches of one schema each, in parts of about `limit` rows.
pub(super) fn by_schema(batches: Vec<RecordBatch>, limit: usize) -> Vec<Vec<RecordBatch>> {
    let mut open: Vec<(Vec<RecordBatch>, usize)> = Vec::new();
    let mut full = Vec::new();
    for batch in batches {
        let rows = batch.num_rows();
        let same = open
            .iter()
            .position(|(segment, _)| segment[0].schema_ref() == batch.schema_ref());
        let index = same.unwrap_or_else(|| {
            open.push((Vec::new(), 0));
            open.len() - 1
        });
        open[index].0.push(batch);
        open[index].1 += rows;
        if open[index].1 >= limit {
            full.push(open.swap_remove(index).0);
        }
    }
    full.extend(open.into_iter().map(|(segment, _)| segment));
    full
}

/// Writes rows as files: encodes some, while others are on their way to the disk.
#[derive(Debug, Clone)]
pub(super) struct FileWriter {
    objects: Arc<dyn ObjectStore>,
    encoding: Arc<Semaphore>,
    encoders: usize,
    /// Files that are encoded or on their way.
    at_once: usize,
}

impl FileWriter {
    pub(super) fn new(objects: Arc<dyn ObjectStore>, options: &StoreOptions) -> FileWriter {
        let encoders = options.encoders.max(1);
        FileWriter {
            objects,
            encoding: Arc::new(Semaphore::new(encoders)),
            encoders,
            at_once: encoders + options.writes,
        }
    }

    /// Writes each segment as files. What was written before a failure is removed,
    /// as far as that works.
    pub(super) async fn write(
        &self,
        segments: Vec<Vec<RecordBatch>>,
        now_ms: i64,
    ) -> Result<Vec<DataFile>> {
        let writes = segments
            .into_iter()
            .map(|segment| self.write_segment(segment, now_ms));
        let outcomes: Vec<_> = futures::stream::iter(writes)
            .buffer_unordered(self.at_once)
            .collect()
            .await;
        let mut files = Vec::with_capacity(outcomes.len());
        let mut failure = None;
        for (written, outcome) in outcomes {
            files.extend(written);
            failure = failure.or(outcome.err());
        }
        let Some(error) = failure else {
            return Ok(files);
        };
        let paths = files.into_iter().map(|file| file.path);
        remove(self.objects.as_ref(), paths).await;
        Err(error)
    }

    /// Writes one segment; gives what was written, even when that is not all.
    async fn write_segment(
        &self,
        segment: Vec<RecordBatch>,
        now_ms: i64,
    ) -> (Vec<DataFile>, Result<()>) {
        let mut files = Vec::new();
        let outcome = async {
            for encoded in self.encode(segment, now_ms).await? {
                let path = encoded.file.path.clone();
                // Named first: a write that fails may still have arrived.
                files.push(encoded.file);
                let put = self.objects.put(&path, encoded.bytes.into()).await;
                put.map_err(error::object("write", &path))?;
            }
            Ok(())
        };
        let outcome = outcome.await;
        (files, outcome)
    }

    /// Encodes a segment when it is its turn: the disk is not waited for in it. Whoever
    /// has no segment of its own helps, so that all are busy to the end of the last.
    async fn encode(&self, segment: Vec<RecordBatch>, now_ms: i64) -> Result<Vec<Encoded>> {
        // It is never closed.
        let turn = self.encoding.acquire().await;
        let begun = spawn_blocking(move || Encoding::new(segment, now_ms)).await??;
        let encoding = Arc::new(begun);
        let mut helpers = JoinSet::new();
        for _ in 1..self.encoders {
            let (turns, encoding) = (Arc::clone(&self.encoding), Arc::clone(&encoding));
            helpers.spawn(async move {
                let _turn = turns.acquire().await;
                spawn_blocking(move || encoding.work()).await?
            });
        }
        let own = Arc::clone(&encoding);
        spawn_blocking(move || own.work()).await??;
        drop(turn);
        while !encoding.is_done()
            && let Some(helped) = helpers.join_next().await
        {
            helped??;
        }
        spawn_blocking(move || encoding.finish()).await?
    }
}

/// Removes objects that nothing refers to; one that stays is removed at the next
/// start.
pub(crate) async fn remove(
    objects: &dyn ObjectStore,
    paths: impl IntoIterator<Item = object_store::path::Path>,
) {
    let paths: Vec<_> = paths.into_iter().map(Ok).collect();
    let mut removed = objects.delete_stream(futures::stream::iter(paths).boxed());
    while removed.next().await.is_some() {}
}
