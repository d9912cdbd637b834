//! Merging sorted files into few and large ones.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow_array::{ArrayRef, RecordBatch, new_null_array};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave_record_batch;
use object_store::ObjectStore;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use tokio::io::AsyncWriteExt;

use crate::checksum::RowSum;
use crate::data_file::{DataFile, Effort, describe, encoder_options, new_path};
use crate::encode::FileEncoder;
use crate::error::{self, Error, Result};
use crate::object_file::FileRows;
use crate::order::start_key;
use crate::schema::{adapt, file_schema};

/// Rows of a file that is full: no compaction takes it again.
pub(crate) const FULL_FILE_ROWS: u64 = 8 * 1024 * 1024;

/// Parts of a file that are on their way to the store at the same time.
const PARTS_AT_ONCE: usize = 2;

/// Rows that are put together at a time.
const CHUNK_ROWS: usize = 16 * 1024;

/// Whether the work is still wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cancel(Arc<AtomicBool>);

impl Cancel {
    pub(crate) fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Merges files of one day into new ones, which have the same rows: that is
/// checked by reading them back. `None` when it was cancelled.
pub(crate) async fn merge(
    objects: &Arc<dyn ObjectStore>,
    files: &[Arc<DataFile>],
    table: &SchemaRef,
    cancel: &Cancel,
) -> Result<Option<Vec<DataFile>>> {
    let mut made = Vec::new();
    let outcome = merge_into(objects, files, table, cancel, &mut made).await;
    match outcome {
        Ok(Some(merged)) => Ok(Some(merged)),
        other => {
            crate::store::remove(objects.as_ref(), made).await;
            other
        }
    }
}

async fn merge_into(
    objects: &Arc<dyn ObjectStore>,
    files: &[Arc<DataFile>],
    table: &SchemaRef,
    cancel: &Cancel,
    made: &mut Vec<Path>,
) -> Result<Option<Vec<DataFile>>> {
    let mut inputs = Vec::with_capacity(files.len());
    for file in files {
        let rows = FileRows::open(objects, file, table, None).await?;
        inputs.push(Input::new(rows, least_start(file)));
    }
    let schema = file_schema(table, |name| {
        let mut schemas = inputs.iter().map(|input| input.rows.schema());
        schemas.any(|schema| schema.index_of(name).is_ok())
    });
    let mut output = Output {
        objects: Arc::clone(objects),
        schema: Arc::clone(&schema),
        date: files.first().and_then(|file| file.date),
        modified_ms: files
            .iter()
            .map(|file| file.modified_ms)
            .max()
            .unwrap_or_default(),
        writer: None,
        done: Vec::new(),
    };
    let mut before = RowSum::default();
    let mut merger = Merger::new(inputs, Arc::clone(&schema));
    while let Some(chunk) = merger.next_chunk(&mut before).await? {
        if cancel.is_cancelled() {
            output.note_made(made);
            return Ok(None);
        }
        let written = output.write(chunk).await;
        output.note_made(made);
        written?;
    }
    let finished = output.finish_file().await;
    output.note_made(made);
    finished?;

    let mut after = RowSum::default();
    for file in &output.done {
        let mut rows = FileRows::open(objects, &Arc::new(file.clone()), table, None).await?;
        while let Some(batch) = rows.next().await? {
            after.add(&adapt(&batch, &schema)?);
        }
    }
    if before != after {
        return Err(Error::Unequal {
            date: crate::data_file::date_text(output.date).unwrap_or_else(|| "no date".into()),
            reason: format!("{} rows before, {} after", before.rows, after.rows),
        });
    }
    Ok(Some(output.done))
}

/// No row of a file comes before this, by what the log says of it.
fn least_start(file: &DataFile) -> i64 {
    match file.start_range_us {
        Some((least, _)) if !file.has_nulls("start") => least,
        // Rows without a time come first.
        _ => i64::MIN,
    }
}

/// A file that is merged, at its next row. Nothing but its end was read before it
/// is begun; then a row group of it is in memory, until it is used up.
struct Input {
    rows: FileRows,
    /// None of its rows comes before this.
    least: i64,
    /// The batch of the next row, by its index in the chunk's batches.
    batch: usize,
    starts: ArrayRef,
    row: usize,
}

impl Input {
    fn new(rows: FileRows, least: i64) -> Input {
        Input {
            rows,
            least,
            batch: 0,
            starts: new_null_array(&time_type(), 0),
            row: 0,
        }
    }

    fn key(&self) -> i64 {
        start_key(&self.starts, self.row)
    }

    /// The row after the next ones that do not come after `limit`; at least one.
    fn run_end(&self, limit: i64) -> usize {
        // Gallop: runs are one row, or the rest of the batch.
        let length = self.starts.len();
        let (mut low, mut step) = (self.row + 1, 1);
        while low + step <= length && start_key(&self.starts, low + step - 1) <= limit {
            low += step;
            step *= 2;
        }
        let mut high = (low + step).min(length);
        while low < high {
            let middle = low + (high - low) / 2;
            if start_key(&self.starts, middle) <= limit {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

fn time_type() -> arrow_schema::DataType {
    vpcflow_record::FieldType::Timestamp.data_type()
}

/// The rows of several inputs by `start`.
struct Merger {
    inputs: Vec<Input>,
    schema: SchemaRef,
    /// Inputs that are not begun, the one with the least at the end: files follow
    /// each other in time, and few overlap.
    waiting: Vec<(i64, usize)>,
    /// Inputs that have rows, the one with the least first.
    heap: BinaryHeap<Reverse<(i64, usize)>>,
    /// The batches that the inputs are in.
    batches: Vec<RecordBatch>,
}

impl Merger {
    fn new(inputs: Vec<Input>, schema: SchemaRef) -> Merger {
        let of_input = |(index, input): (usize, &Input)| (input.least, index);
        let mut waiting: Vec<_> = inputs.iter().enumerate().map(of_input).collect();
        waiting.sort_unstable_by(|a, b| b.cmp(a));
        Merger {
            inputs,
            schema,
            waiting,
            heap: BinaryHeap::new(),
            batches: Vec::new(),
        }
    }

    /// Begins the inputs that may have the next row.
    async fn begin_due(&mut self, sum: &mut RowSum) -> Result<()> {
        while let Some((least, index)) = self.waiting.last().copied()
            && self.next_key().is_none_or(|key| least <= key)
        {
            self.waiting.pop();
            self.advance(index, sum).await?;
        }
        Ok(())
    }

    /// The least of the inputs that are begun.
    fn next_key(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse((key, _))| *key)
    }

    /// Goes on to the next batch of an input, and adds it to the sum.
    async fn advance(&mut self, index: usize, sum: &mut RowSum) -> Result<()> {
        let input = &mut self.inputs[index];
        while let Some(batch) = input.rows.next().await? {
            if batch.num_rows() == 0 {
                continue;
            }
            let batch = adapt(&batch, &self.schema)?;
            sum.add(&batch);
            input.starts = match batch.column_by_name("start") {
                Some(starts) => Arc::clone(starts),
                None => new_null_array(&time_type(), batch.num_rows()),
            };
            input.row = 0;
            input.batch = self.batches.len();
            self.batches.push(batch);
            self.heap.push(Reverse((input.key(), index)));
            break;
        }
        Ok(())
    }

    /// The next rows; `None` at the end. `sum` gets what is read.
    async fn next_chunk(&mut self, sum: &mut RowSum) -> Result<Option<RecordBatch>> {
        let mut picked = Vec::with_capacity(CHUNK_ROWS);
        while picked.len() < CHUNK_ROWS {
            self.begin_due(sum).await?;
            let Some(Reverse((_, index))) = self.heap.pop() else {
                break;
            };
            let of_waiting = self.waiting.last().map(|(least, _)| *least);
            let others = self.next_key().into_iter().chain(of_waiting);
            let limit = others.min().unwrap_or(i64::MAX);
            let input = &mut self.inputs[index];
            let end = input.run_end(limit);
            picked.extend((input.row..end).map(|row| (input.batch, row)));
            input.row = end;
            if end < input.starts.len() {
                self.heap.push(Reverse((input.key(), index)));
            } else {
                self.advance(index, sum).await?;
            }
        }
        if picked.is_empty() {
            return Ok(None);
        }
        let batches: Vec<_> = self.batches.iter().collect();
        let chunk = interleave_record_batch(&batches, &picked)?;
        self.drop_used();
        Ok(Some(chunk))
    }

    /// Forgets batches that no input is in any more.
    fn drop_used(&mut self) {
        let mut kept = Vec::with_capacity(self.heap.len());
        for Reverse((_, index)) in self.heap.iter() {
            let input = &mut self.inputs[*index];
            kept.push(self.batches[input.batch].clone());
            input.batch = kept.len() - 1;
        }
        self.batches = kept;
    }
}

/// The file that is being written.
struct Writer {
    path: Path,
    rows: u64,
    size_bytes: usize,
    file: FileEncoder,
    sink: BufWriter,
}

impl Writer {
    async fn put(&mut self, bytes: Vec<u8>) -> Result<()> {
        self.size_bytes += bytes.len();
        let put = self.sink.put(bytes.into()).await;
        put.map_err(error::object("write", &self.path))
    }
}

/// Files that are written one after the other.
struct Output {
    objects: Arc<dyn ObjectStore>,
    schema: SchemaRef,
    date: Option<chrono::NaiveDate>,
    modified_ms: i64,
    writer: Option<Writer>,
    done: Vec<DataFile>,
}

impl Output {
    fn start_file(&self) -> Result<Writer> {
        let path = new_path(self.date);
        let options = encoder_options(&self.schema, Effort::Compaction);
        let file = FileEncoder::new(&self.schema, options);
        Ok(Writer {
            file: file.map_err(error::parquet("write", path.as_ref()))?,
            sink: BufWriter::new(Arc::clone(&self.objects), path.clone())
                .with_max_concurrency(PARTS_AT_ONCE),
            path,
            rows: 0,
            size_bytes: 0,
        })
    }

    async fn write(&mut self, rows: RecordBatch) -> Result<()> {
        let count = rows.num_rows() as u64;
        let writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.start_file()?,
        };
        let writer = self.writer.insert(writer);
        let written = writer.file.write(&rows);
        written.map_err(error::parquet("write", writer.path.as_ref()))?;
        let bytes = writer.file.take_bytes();
        writer.put(bytes).await?;
        writer.rows += count;
        if writer.rows >= FULL_FILE_ROWS {
            self.finish_file().await?;
        }
        Ok(())
    }

    async fn finish_file(&mut self) -> Result<()> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        let (bytes, metadata) = writer
            .file
            .finish()
            .map_err(error::parquet("write", writer.path.as_ref()))?;
        writer.put(bytes).await?;
        let ended = writer.sink.shutdown().await;
        ended.map_err(error::buffered("write", &writer.path))?;
        self.done.push(describe(
            writer.path.clone(),
            writer.size_bytes,
            &metadata,
            &self.schema,
            self.date,
            self.modified_ms,
        ));
        self.writer = None;
        Ok(())
    }

    /// Names the objects that exist, or may.
    fn note_made(&self, made: &mut Vec<Path>) {
        made.clear();
        made.extend(self.done.iter().map(|file| file.path.clone()));
        made.extend(self.writer.iter().map(|writer| writer.path.clone()));
    }
}
