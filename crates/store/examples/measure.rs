//! Measures a store on a directory of this machine.
//!
//! ```text
//! measure ingest FILE DIR      text to a committed table
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

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
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
        ["ingest", file, directory] => ingest(file, directory).await,
        ["compact", directory] => compact(directory).await,
        ["commits", directory, files] => commits(directory, files.parse()?).await,
        _ => Err("say `ingest FILE DIR`, `compact DIR` or `commits DIR FILES`".into()),
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

async fn ingest(file: &str, directory: &str) -> Result<()> {
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
