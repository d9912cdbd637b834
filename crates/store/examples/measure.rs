//! Measures a store on a directory of this machine.
//!
//! ```text
//! measure ingest FILE DIR      text to a committed table
//! measure events FILE DIR      the same, as rows of a log group
//! measure compact DIR          its files to few and large ones
//! measure commits DIR FILES    how long a commit takes with so many files
//! ```
//!
//! `docs/performance-store.md` has the figures.
#![expect(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use arrow_buffer::Buffer;
use arrow_schema::{Field, Schema};
use serde_json::json;
use tokio::sync::mpsc;
use vpcflow_ingest::SystemClock;
use vpcflow_record::{DecodeOptions, Decoder, Format, RejectsBuilder};
use vpcflow_store::{Checkpoint, Location, SourceId, Store, StoreOptions};

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1024 * 1024;

/// Batches that decoding may be ahead.
const BATCHES_AHEAD: usize = 16;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["ingest", file, directory] => ingest(file, directory, None).await,
        ["events", file, directory] => ingest(file, directory, Some(Events::default())).await,
        ["compact", directory] => compact(directory).await,
        ["commits", directory, files] => commits(directory, files.parse()?).await,
        _ => Err(
            "say `ingest FILE DIR`, `events FILE DIR`, `compact DIR` or `commits DIR FILES`".into(),
        ),
    }
}

async fn open(directory: &str, maintain: bool) -> Result<Store> {
    let options = StoreOptions {
        maintain,
        ..StoreOptions::default()
    };
    let location = Location::directory(directory)?;
    Ok(Store::open(&location, options, Arc::new(SystemClock)).await?)
}

async fn ingest(file: &str, directory: &str, mut events: Option<Events>) -> Result<()> {
    let text_bytes = std::fs::metadata(file)?.len();
    let source = SourceId::new(format!("file:{file}"));
    let started = Instant::now();
    let mut store = open(directory, false).await?;
    let (output, mut batches) = mpsc::channel(BATCHES_AHEAD);
    let file = file.to_owned();
    let decoding = tokio::task::spawn_blocking(move || decode(&file, &output));
    let no_rejects = RejectsBuilder::default().finish()?;
    let mut rows = 0;
    while let Some(batch) = batches.recv().await {
        rows += batch.num_rows() as u64;
        let batch = match &mut events {
            Some(events) => events.of(&batch)?,
            None => batch,
        };
        store.append(&source, batch, no_rejects.clone()).await?;
        store.checkpoint(&source, Checkpoint::full(json!({ "rows": rows })));
        if store.commit_due_ms() == Some(i64::MIN) {
            store.commit().await?;
        }
    }
    decoding.await??;
    store.commit().await?;
    let seconds = started.elapsed().as_secs_f64();
    let size_bytes: u64 = store.snapshot().files().map(|file| file.size_bytes).sum();
    println!(
        "{rows} records in {seconds:.2} s: {:.0} records a second, {:.0} MB of text a second, {} files, {:.2} bytes a record",
        rows as f64 / seconds,
        text_bytes as f64 / seconds / 1e6,
        store.snapshot().files().count(),
        size_bytes as f64 / rows as f64,
    );
    Ok(())
}

fn decode(file: &str, output: &mpsc::Sender<RecordBatch>) -> Result<()> {
    let mut file = File::open(file)?;
    let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
    loop {
        let mut block = Vec::with_capacity(BLOCK_BYTES);
        (&mut file)
            .take(BLOCK_BYTES as u64)
            .read_to_end(&mut block)?;
        if block.is_empty() {
            break;
        }
        let block = Buffer::from_vec(block);
        let mut used = 0;
        while used < block.len() {
            used += decoder.decode_buffer(&block.slice(used));
            if decoder.is_full()
                && let Some(batch) = decoder.flush()?
            {
                output.blocking_send(batch)?;
            }
        }
    }
    decoder.finish();
    if let Some(batch) = decoder.flush()? {
        output.blocking_send(batch)?;
    }
    Ok(())
}

/// Makes records events of a log group: a stream for each network interface, whose
/// records of a minute come together, up to five minutes later.
#[derive(Debug, Default)]
struct Events {
    /// Of the last one.
    number: u64,
}

impl Events {
    fn of(&mut self, rows: &RecordBatch) -> Result<RecordBatch> {
        let column = |name| rows.column_by_name(name).ok_or("it is of version 2");
        let interfaces = column("interface_id")?.as_string_view();
        let starts = column("start")?.as_primitive::<TimestampMicrosecondType>();
        let ends = column("end")?.as_primitive::<TimestampMicrosecondType>();
        let numbers = 0..rows.num_rows();
        let streams = interfaces
            .iter()
            .flatten()
            .map(|name| format!("{name}-all"));
        let ids = starts.values().iter().map(|start_us| {
            self.number += 1;
            event_id((start_us / 1000) as u64, self.number)
        });
        let came = numbers.clone().map(|row| {
            let minute = (ends.value(row) / 60_000_000) as u64;
            let bytes = interfaces.value(row).bytes();
            let delay = bytes.fold(minute, |hash, byte| scramble(hash ^ u64::from(byte)));
            (minute * 60_000 + 60_000 + delay % 300_000) as i64 * 1000
        });
        let came = TimestampMicrosecondArray::from_iter_values(came).with_timezone("UTC");
        let groups = numbers.map(|_| "/vpc/flow-logs/production");
        let added: [(&str, ArrayRef); 4] = [
            (
                "log_group",
                Arc::new(StringViewArray::from_iter_values(groups)),
            ),
            (
                "log_stream",
                Arc::new(StringViewArray::from_iter_values(streams)),
            ),
            ("event_id", Arc::new(StringViewArray::from_iter_values(ids))),
            ("ingestion_time", Arc::new(came)),
        ];
        let mut fields = rows.schema().fields().to_vec();
        let mut columns = rows.columns().to_vec();
        for (name, column) in added {
            fields.push(Arc::new(Field::new(name, column.data_type().clone(), true)));
            columns.push(column);
        }
        Ok(RecordBatch::try_new(
            Arc::new(Schema::new(fields)),
            columns,
        )?)
    }
}

/// An id as AWS's: 56 digits, of which the first come from the time, and the others
/// differ all over.
fn event_id(time_ms: u64, number: u64) -> String {
    const DIGITS: u128 = 10_u128.pow(19);
    let mut limbs = [time_ms << 16, scramble(number), scramble(number ^ 1 << 63)];
    let mut digits = || {
        limbs.iter_mut().fold(0, |rest, limb| {
            let number = rest << 64 | u128::from(*limb);
            *limb = (number / DIGITS) as u64;
            number % DIGITS
        })
    };
    let (low, middle, high) = (digits(), digits(), digits());
    format!("{high:018}{middle:019}{low:019}")
}

/// SplitMix64.
fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ value >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ value >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ value >> 31
}

async fn compact(directory: &str) -> Result<()> {
    let mut store = open(directory, false).await?;
    let started = Instant::now();
    let done = store.compact().await?;
    let seconds = started.elapsed().as_secs_f64();
    let rows = done.compacted_rows as f64;
    println!(
        "{} files to {} in {seconds:.2} s: {:.0} records a second, {:.2} to {:.2} bytes a record",
        done.compacted_files,
        done.new_files,
        rows / seconds,
        done.before_bytes as f64 / rows,
        done.after_bytes as f64 / rows,
    );
    Ok(())
}

/// Commits of 100 rows, one file each.
async fn commits(directory: &str, files: usize) -> Result<()> {
    let line = b"2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK\n";
    let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
    decoder.decode(&line.repeat(100));
    let rows = decoder.flush()?.ok_or("there are records")?;
    let no_rejects = RejectsBuilder::default().finish()?;
    let source = SourceId::new("measure");
    let mut store = open(directory, false).await?;
    let mut took_us = Vec::new();
    while store.snapshot().files().count() < files + 200 {
        store
            .append(&source, rows.clone(), no_rejects.clone())
            .await?;
        store.checkpoint(&source, Checkpoint::full(json!({ "file": took_us.len() })));
        let started = Instant::now();
        store.commit().await?;
        took_us.push(started.elapsed().as_micros());
    }
    let last = &mut took_us.split_off(took_us.len().saturating_sub(200));
    last.sort_unstable();
    let at = |part: usize| last[last.len() * part / 100] as f64 / 1e3;
    println!(
        "{} files: a commit takes {:.1} ms (half of them), {:.1} ms (99 of 100)",
        store.snapshot().files().count(),
        at(50),
        at(99),
    );
    drop(store);
    let started = Instant::now();
    open(directory, true).await?;
    println!("opening takes {} ms", started.elapsed().as_millis());
    Ok(())
}
