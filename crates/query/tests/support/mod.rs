//! Stores for tests, written from text.

use std::sync::Arc;

use datafusion::object_store::memory::InMemory;
use serde_json::json;
use vpcflow_ingest::{FileDecoder, FileFormat, InputFile, SimulatedClock};
use vpcflow_record::DecodeOptions;
use vpcflow_store::{Checkpoint, SourceId, Store, StoreOptions};

pub(crate) use rows::{Failure, answer, files};

mod rows;

/// 2026-11-22T00:00:00Z.
pub(crate) const NOW_MS: i64 = 1_795_305_600_000;

/// A store in memory, which only does what it is told.
pub(crate) async fn new_store() -> Result<Store, Failure> {
    let url = "memory:///some/store".parse()?;
    let location = vpcflow_store::Location::objects(url, Arc::new(InMemory::new()));
    open(&location).await
}

pub(crate) async fn open(location: &vpcflow_store::Location) -> Result<Store, Failure> {
    let options = StoreOptions {
        maintain: false,
        segment_rows: 50,
        ..StoreOptions::default()
    };
    let clock = Arc::new(SimulatedClock::new(NOW_MS));
    Ok(Store::open(location, options, clock).await?)
}

/// Appends the records of a file, with a checkpoint that a commit takes.
pub(crate) async fn append_file(store: &mut Store, file: &InputFile) -> Result<(), Failure> {
    let name = file.path.file_name().unwrap_or_default();
    let source = SourceId::new(format!("file:{}", name.display()));
    let format = FileFormat::resolve(file, None)?;
    let decoder = FileDecoder::open(file, &format, DecodeOptions::default())?;
    for decoded in decoder {
        let decoded = decoded?;
        store.append(&source, decoded.rows, decoded.rejects).await?;
    }
    store.checkpoint(&source, Checkpoint::full(json!({})));
    Ok(())
}
