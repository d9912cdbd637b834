//! Refused lines in the store: small files that are merged now and then.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use uuid::Uuid;
use vpcflow_record::rejects_schema;

use crate::error::{self, Error, Result};
use crate::source::RejectsFile;

/// Where rejects are.
pub(crate) const REJECTS: &str = "_rejects";

/// Files of a source with fewer lines than this are merged …
const SMALL_ROWS: u64 = 64 * 1024;

/// … when there are so many.
const SMALL_FILES: usize = 32;

/// A file of refused lines that is not written yet.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) file: RejectsFile,
    bytes: Bytes,
}

impl Encoded {
    /// Lines that a commit will name, of a source with this key.
    pub(crate) fn new(
        key: &str,
        seq: i64,
        batches: &[RecordBatch],
        committed_ms: i64,
    ) -> Result<Encoded> {
        // Another try of this number has another name.
        let name = format!("{seq:020}-{}.parquet", Uuid::new_v4());
        let path = Path::from_iter([REJECTS, key, name.as_str()]);
        let rejects = concat_batches(&rejects_schema(), batches)?;
        let bytes = encode(&rejects).map_err(error::parquet("write", path.as_ref()))?;
        Ok(Encoded {
            file: RejectsFile {
                path: path.to_string(),
                rows: rejects.num_rows() as u64,
                size_bytes: bytes.len() as u64,
                committed_ms,
            },
            bytes: bytes.into(),
        })
    }

    pub(crate) async fn write(self, objects: &dyn ObjectStore) -> Result<()> {
        let path = Path::from(self.file.path);
        let put = objects.put(&path, self.bytes.into()).await;
        put.map(|_| ()).map_err(error::object("write", &path))
    }
}

fn encode(rejects: &RecordBatch) -> parquet::errors::Result<Vec<u8>> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rejects.schema(), Some(properties))?;
    writer.write(rejects)?;
    writer.close()?;
    Ok(bytes)
}

/// Reads a file of refused lines, with the columns
/// [`vpcflow_record::rejects_schema`].
///
/// # Errors
/// When it is missing or damaged.
pub async fn read_rejects(objects: &dyn ObjectStore, file: &RejectsFile) -> Result<RecordBatch> {
    let path = Path::from(file.path.as_str());
    let found = objects.get(&path).await;
    let found = found.map_err(error::object("read", &path))?;
    let bytes = found.bytes().await.map_err(error::object("read", &path))?;
    let failed = || error::parquet("read", &file.path);
    let options = ArrowReaderOptions::new().with_schema(rejects_schema());
    let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options)
        .and_then(|builder| builder.build())
        .map_err(failed())?;
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    let rejects = concat_batches(&rejects_schema(), &batches)?;
    if rejects.num_rows() as u64 != file.rows {
        return Err(Error::Damaged {
            path: file.path.clone(),
            reason: format!("it has {} lines, not {}", rejects.num_rows(), file.rows),
        });
    }
    Ok(rejects)
}

/// Small files that are worth being one. Empty when there are few.
pub(crate) fn to_merge(files: &[RejectsFile]) -> Vec<RejectsFile> {
    let small = || files.iter().filter(|file| file.rows < SMALL_ROWS);
    if small().count() < SMALL_FILES {
        return Vec::new();
    }
    small().cloned().collect()
}

/// The lines of several files, in order.
pub(crate) async fn read_all(
    objects: &Arc<dyn ObjectStore>,
    files: Vec<RejectsFile>,
) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::with_capacity(files.len());
    for file in files {
        batches.push(read_rejects(objects.as_ref(), &file).await?);
    }
    Ok(batches)
}
