//! Stores for tests, written from text.

use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::object_store::memory::InMemory;
use futures::TryStreamExt;
use serde_json::json;
use vpcflow_ingest::{FileDecoder, FileFormat, InputFile, Location, SimulatedClock, expand};
use vpcflow_query::{Parameters, Session};
use vpcflow_record::DecodeOptions;
use vpcflow_store::{Checkpoint, SourceId, Store, StoreOptions};

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

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

/// The files that a path names.
pub(crate) fn files(path: &Path) -> Result<Vec<InputFile>, Failure> {
    Ok(expand(&Location::Path(path.to_owned()))?)
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

/// How many columns an answer has, and its rows as text, with the day in place of the names of a store's
/// files.
pub(crate) async fn answer(
    session: &Session,
    sql: &str,
    parameters: Parameters,
) -> Result<(usize, Vec<Vec<String>>), Failure> {
    let stream = session.sql(sql, parameters).await?;
    let columns = stream.schema().fields().len();
    let batches: Vec<RecordBatch> = stream
        .map_err(vpcflow_query::Error::from)
        .try_collect()
        .await?;
    let mut rows = Vec::new();
    for batch in &batches {
        rows.extend(text_rows(batch)?);
    }
    Ok((columns, rows))
}

fn text_rows(batch: &RecordBatch) -> Result<Vec<Vec<String>>, Failure> {
    let options = FormatOptions::default().with_null("NULL");
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column.as_ref() as &dyn Array, &options))
        .collect::<Result<Vec<_>, _>>()?;
    let row = |row| {
        let values = columns.iter().map(|column| {
            let text = column.value(row).try_to_string()?;
            Ok(without_file_names(&text))
        });
        values.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

fn without_file_names(text: &str) -> String {
    let mut parts = text.split("some/store/date=");
    let mut named = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (path, rest) = part.split_once(".parquet").unwrap_or((part, ""));
        let (date, _) = path.split_once('/').unwrap_or((path, ""));
        named.push_str(date);
        named.push_str(rest);
    }
    named
}
