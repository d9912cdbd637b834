//! A partition of a scan.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::buffer::Buffer;
use datafusion::arrow::compute::BatchCoalescer;
use datafusion::common::internal_err;
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, MetricBuilder, RecordOutput};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, stream};
use vpcflow_ingest::{Decoded, Part, PartDecoder, TakenPart, Verdict};
use vpcflow_record::DecodeCounts;

use super::TextScan;
use super::columns::Columns;
use super::condition::Kept;
use super::pick::Picked;
use super::whole;
use super::work::{SharedFile, Task, Work};
use crate::table::{Kind, external};

/// Parts that were read and wait for their verdict, at most.
const MAX_HELD: usize = 2;

/// Reads what is to be read, for one partition: in the task of the query itself,
/// a part of a file at a time.
pub(super) struct Worker {
    work: Arc<Work>,
    columns: Columns,
    batch_rows: usize,
    metrics: Metrics,
    baseline: BaselineMetrics,
    /// Of the file at hand.
    decoders: Option<Decoders>,
    held: Vec<Held>,
    /// Of a file that only one can read.
    whole: Option<SendableRecordBatchStream>,
    /// Rows that conditions have left, until they are a batch.
    few: BatchCoalescer,
    picked: Picked,
    /// The share of rows that the conditions held for lately.
    share: f64,
    /// The share of rows that were built lately, where all columns were.
    built: f64,
    output: VecDeque<RecordBatch>,
    ended: bool,
}

struct Decoders {
    file: Arc<SharedFile>,
    all: PartDecoder,
    /// Of the columns of the conditions.
    first: Option<PartDecoder>,
}

/// A part that was decoded, and may have to be decoded again by somebody.
struct Held {
    file: Arc<SharedFile>,
    part: Part,
    decoded: Vec<Decoded>,
    /// Only the columns of the conditions were decoded.
    first: bool,
    counts: DecodeCounts,
    verdict: Verdict,
}

/// What a scan tells of its work.
#[derive(Clone)]
pub(super) struct Metrics {
    bytes: Count,
    records: Count,
    rejects: Count,
}

impl Worker {
    pub(super) fn new(
        scan: &TextScan,
        work: Arc<Work>,
        columns: Columns,
        batch_rows: usize,
        partition: usize,
    ) -> Worker {
        let batch_rows = scan
            .fetch
            .map_or(batch_rows, |fetch| fetch.clamp(1, batch_rows));
        let few = BatchCoalescer::new(Arc::clone(&columns.schema), batch_rows)
            .with_biggest_coalesce_batch_size(Some(batch_rows / 2));
        let counter = |name| MetricBuilder::new(&scan.metrics).counter(name, partition);
        Worker {
            work,
            batch_rows,
            metrics: Metrics {
                bytes: counter("bytes_scanned"),
                records: counter("records"),
                rejects: counter("rejects"),
            },
            baseline: BaselineMetrics::new(&scan.metrics, partition),
            built: if columns.leaves_out() { 0.0 } else { 1.0 },
            columns,
            decoders: None,
            held: Vec::new(),
            whole: None,
            few,
            picked: Picked::default(),
            share: 0.0,
            output: VecDeque::new(),
            ended: false,
        }
    }

    pub(super) fn into_stream(self) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.columns.schema);
        let batches = stream::try_unfold(self, |mut worker| async move {
            match worker.next().await {
                Ok(batch) => Ok(batch.map(|batch| (batch, worker))),
                Err(error) => {
                    worker.work.fail();
                    Err(error)
                }
            }
        });
        let stream = RecordBatchStreamAdapter::new(schema, batches.boxed());
        Box::pin(cooperative(stream))
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.output.pop_front() {
                let rows = self.work.want(batch.num_rows());
                if rows == 0 {
                    return Ok(None);
                }
                return Ok(Some(batch.slice(0, rows).record_output(&self.baseline)));
            }
            if self.ended {
                return Ok(None);
            }
            if let Some(whole) = &mut self.whole {
                match whole.next().await {
                    Some(batch) => {
                        self.filter(&batch?)?;
                    }
                    None => self.whole = None,
                }
                continue;
            }
            let (work, elapsed) = (
                Arc::clone(&self.work),
                self.baseline.elapsed_compute().clone(),
            );
            // Heard from now on, so that nothing is missed after a look at the work.
            let mut changed = pin!(work.changed().notified());
            changed.as_mut().enable();
            let timer = elapsed.timer();
            let waits = self.step()?;
            drop(timer);
            if waits {
                changed.await;
            } else if self.output.is_empty() {
                // Others want to go on, or to end all this.
                tokio::task::yield_now().await;
            }
        }
    }

    /// Does one thing. `true`: others have to do something before there is more.
    fn step(&mut self) -> Result<bool> {
        let decided = |held: &Held| held.verdict.counts().is_some();
        if let Some(index) = self.held.iter().position(decided) {
            let held = self.held.swap_remove(index);
            self.settle(held)?;
            return Ok(false);
        }
        let has_enough = self.held.len() >= MAX_HELD;
        match self.work.next(has_enough).map_err(external)? {
            Task::Batch(batch) => {
                self.filter(&batch)?;
            }
            Task::Whole(file) => {
                self.whole = Some(whole::read(file, &self.columns, self.metrics.clone()));
            }
            Task::Part(file, taken) => self.part(file, taken)?,
            Task::Wait => return Ok(true),
            Task::End if self.held.is_empty() || !self.work.wants_rows() => self.end()?,
            Task::End => return Ok(true),
        }
        Ok(false)
    }

    /// Reads a part as if what it begins with were known.
    fn part(&mut self, file: Arc<SharedFile>, taken: TakenPart) -> Result<()> {
        let mut decoders = match self.decoders.take() {
            Some(decoders) if Arc::ptr_eq(&decoders.file, &file) => decoders,
            _ => self.decoders_of(Arc::clone(&file)),
        };
        let first = self.columns.first.as_ref();
        let pays = first.is_some_and(|first| first.pay(self.share, self.built));
        let part = decoders.all.read(&file.divided, taken).map_err(external)?;
        let first = decoders.first.as_mut().filter(|_| pays);
        let is_first = first.is_some();
        let decoder = first.unwrap_or(&mut decoders.all);
        let before = decoder.counts();
        let decoded = decoder.decode(&part).map_err(external)?;
        let counts = DecodeCounts {
            bytes: part.bytes,
            ..difference(before, decoder.counts())
        };
        let verdict = file.divided.report(&part, decoder);
        self.work.report();
        self.decoders = Some(decoders);
        self.held.push(Held {
            file,
            part,
            decoded,
            first: is_first,
            counts,
            verdict,
        });
        Ok(())
    }

    fn decoders_of(&self, file: Arc<SharedFile>) -> Decoders {
        let decoder = |options| PartDecoder::new(&file.divided, options);
        Decoders {
            all: decoder(self.columns.part_options()),
            first: self.columns.first_options().map(decoder),
            file,
        }
    }

    /// The verdict on a part is there.
    fn settle(&mut self, held: Held) -> Result<()> {
        if held.verdict.counts() != Some(true) {
            return Ok(());
        }
        held.file.count(held.counts);
        self.metrics.count(DecodeCounts::default(), held.counts);
        if held.first {
            return self.pick(held);
        }
        let built = held.decoded.iter().map(|part| part.rows.num_rows()).sum();
        let records = usize::try_from(held.counts.records).unwrap_or(usize::MAX);
        let kept = self.filter_all(&held.decoded)?;
        self.built = lately(self.built, built, records);
        self.share = lately(self.share, kept, records);
        Ok(())
    }

    fn filter_all(&mut self, decoded: &[Decoded]) -> Result<usize> {
        let mut kept = 0;
        for decoded in decoded {
            match self.columns.kind {
                Kind::Flows => kept += self.filter(&decoded.rows)?,
                Kind::Rejects => kept += self.filter(&decoded.rejects)?,
            }
        }
        Ok(kept)
    }

    /// Keeps the rows that the conditions hold for. How many they are.
    fn filter(&mut self, batch: &RecordBatch) -> Result<usize> {
        if batch.num_rows() == 0 {
            return Ok(0);
        }
        let batch = self.columns.decoded(batch)?;
        let Some(condition) = &self.columns.condition else {
            let rows = batch.num_rows();
            self.output.push_back(batch);
            return Ok(rows);
        };
        let kept = condition.kept(&batch)?;
        let rows = kept.count(batch.num_rows());
        match kept {
            Kept::None => return Ok(0),
            Kept::All => self.few.push_batch(self.columns.asked(batch)?)?,
            Kept::Some(mask) => {
                let batch = self.columns.asked(batch)?;
                self.few.push_batch_with_filter(batch, &mask)?;
            }
        }
        self.take_few()?;
        Ok(rows)
    }

    /// Takes the lines of a part that the conditions hold for.
    fn pick(&mut self, held: Held) -> Result<()> {
        let Some(first) = &self.columns.first else {
            return Ok(());
        };
        let rows = |decoded: &Decoded| decoded.rows.num_rows();
        let kept = held
            .decoded
            .iter()
            .map(|decoded| Ok((first.condition.kept(&decoded.rows)?, rows(decoded))))
            .collect::<Result<Vec<_>>>()?;
        let all: usize = held.decoded.iter().map(rows).sum();
        let count: usize = kept.iter().map(|(kept, rows)| kept.count(*rows)).sum();
        self.share = lately(self.share, count, all);
        if count == 0 {
            return Ok(());
        }
        if held.counts.skipped > 0 || held.counts.rejects > 0 {
            // Which line is which row, only decoding tells.
            let decoded = match &mut self.decoders {
                Some(decoders) if Arc::ptr_eq(&decoders.file, &held.file) => {
                    decoders.all.decode(&held.part)
                }
                _ => self.decoders_of(held.file).all.decode(&held.part),
            };
            self.filter_all(&decoded.map_err(external)?)?;
            return Ok(());
        }
        if !self.picked.takes(held.part.format()) {
            self.decode_picked()?;
        }
        self.picked.add(&held.part.text, &kept, held.part.format());
        let enough = self
            .work
            .wanted()
            .and_then(|rows| usize::try_from(rows).ok());
        if self
            .picked
            .is_full(self.batch_rows.min(enough.unwrap_or(usize::MAX)))
        {
            self.decode_picked()?;
        }
        Ok(())
    }

    /// Decodes all columns of the lines that were picked.
    fn decode_picked(&mut self) -> Result<()> {
        let Some((text, rows, format)) = self.picked.give() else {
            return Ok(());
        };
        let Some(decoders) = &mut self.decoders else {
            return internal_err!("lines were picked by no decoder");
        };
        let decoded = decoders.all.decode_lines(Buffer::from_vec(text), &format);
        let mut found = 0;
        for decoded in decoded.map_err(external)? {
            found += decoded.rows.num_rows();
            self.output.push_back(self.columns.asked(decoded.rows)?);
        }
        if found != rows {
            return internal_err!(
                "{rows} lines that were records make {found} rows when read again"
            );
        }
        Ok(())
    }

    /// Takes what conditions have left of batches, once it is a batch.
    fn take_few(&mut self) -> Result<()> {
        let buffered = self.few.get_buffered_rows() as u64;
        if self.work.wanted().is_some_and(|wanted| buffered >= wanted) {
            self.few.finish_buffered_batch()?;
        }
        while let Some(batch) = self.few.next_completed_batch() {
            self.output.push_back(batch);
        }
        Ok(())
    }

    /// Nothing more is read.
    fn end(&mut self) -> Result<()> {
        self.ended = true;
        self.decode_picked()?;
        self.few.finish_buffered_batch()?;
        self.take_few()
    }
}

impl Metrics {
    /// What was read between two counts.
    pub(super) fn count(&self, before: DecodeCounts, after: DecodeCounts) {
        let read = difference(before, after);
        let add = |count: &Count, more: u64| count.add(usize::try_from(more).unwrap_or(usize::MAX));
        add(&self.bytes, read.bytes);
        add(&self.records, read.records);
        add(&self.rejects, read.rejects);
    }
}

/// A share, as it is after so many more of so many rows.
fn lately(before: f64, some: usize, rows: usize) -> f64 {
    match rows {
        0 => before,
        rows => f64::midpoint(before, some as f64 / rows as f64),
    }
}

/// What was counted between two counts.
fn difference(before: DecodeCounts, after: DecodeCounts) -> DecodeCounts {
    DecodeCounts {
        records: after.records - before.records,
        rejects: after.rejects - before.rejects,
        bytes: after.bytes - before.bytes,
        skipped: after.skipped - before.skipped,
        cut: after.cut - before.cut,
    }
}
