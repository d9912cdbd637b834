//! Where the engine finds Parquet files, and which one it is that fails.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::Field;
use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::path::Path;
use datafusion::object_store::{self, ObjectMeta, ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;
use vpcflow_ingest::{InputError, InputFile};

use crate::store::{KnownFile, StoreFiles};

/// Files of this machine, or of one bucket.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) root: ObjectStoreUrl,
    pub(super) objects: Arc<dyn ObjectStore>,
}

impl Place {
    /// Where a file is.
    pub(super) fn of(file: &InputFile) -> Result<Place> {
        Ok(match file.object() {
            Some((bucket, _)) => Place {
                root: ObjectStoreUrl::parse(format!("s3://{}", bucket.name()))?,
                objects: Arc::clone(bucket.objects()),
            },
            None => Place {
                root: ObjectStoreUrl::local_filesystem(),
                objects: Arc::new(LocalFileSystem::new()),
            },
        })
    }

    /// The file as the engine names it.
    pub(super) async fn find(&self, file: &InputFile) -> Result<ObjectMeta, InputError> {
        if let Some((_, meta)) = file.object() {
            return Ok(meta.clone());
        }
        let found = async {
            let path = absolute(&file.path)?;
            self.objects.head(&path).await
        };
        found.await.map_err(|error| file.failure(&error))
    }
}

/// A file, and what its name says of it.
#[derive(Debug)]
pub(super) struct FoundFile {
    pub(super) meta: ObjectMeta,
    starts_ms: Option<(i64, i64)>,
}

impl FoundFile {
    pub(super) fn new(meta: ObjectMeta, file: &InputFile) -> FoundFile {
        FoundFile {
            meta,
            starts_ms: file.starts_ms(),
        }
    }
}

impl KnownFile for FoundFile {
    fn bounds(&self, field: &Field) -> Option<(ScalarValue, ScalarValue)> {
        let (first, last) = self.starts_ms.filter(|_| field.name() == "start")?;
        let time = |ms: i64| {
            let us = ms.saturating_mul(1_000);
            let time = ScalarValue::TimestampMicrosecond(Some(us), Some("UTC".into()));
            time.cast_to(field.data_type()).ok()
        };
        time(first).zip(time(last))
    }

    fn null_count(&self, _column: &str) -> Option<u64> {
        None
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

fn absolute(path: &FilePath) -> object_store::Result<Path> {
    Ok(Path::from_filesystem_path(path)?)
}

/// Makes readers whose errors name the file as the user does, with the way out.
#[derive(Debug)]
pub(super) struct SourceFiles {
    readers: StoreFiles,
    /// By what the engine calls them.
    files: Arc<HashMap<Path, InputFile>>,
}

impl SourceFiles {
    pub(super) fn new(readers: StoreFiles, files: Arc<HashMap<Path, InputFile>>) -> SourceFiles {
        SourceFiles { readers, files }
    }
}

impl ParquetFileReaderFactory for SourceFiles {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let named = self.files.get(&file.object_meta.location).cloned();
        let reader = self
            .readers
            .create_reader(partition, file, metadata_size_hint, metrics)?;
        Ok(match named {
            Some(file) => Box::new(SourceReader { reader, file }),
            None => reader,
        })
    }
}

struct SourceReader {
    reader: Box<dyn AsyncFileReader + Send>,
    file: InputFile,
}

impl AsyncFileReader for SourceReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        async move {
            let read = self.reader.get_bytes(range).await;
            read.map_err(|error| named(&self.file, error))
        }
        .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        async move {
            let read = self.reader.get_byte_ranges(ranges).await;
            read.map_err(|error| named(&self.file, error))
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            let read = self.reader.get_metadata(options).await;
            read.map_err(|error| named(&self.file, error))
        }
        .boxed()
    }
}

fn named(file: &InputFile, error: ParquetError) -> ParquetError {
    ParquetError::External(Box::new(failure(file, &error)))
}

/// Why a file cannot be read.
pub(super) fn failure(file: &InputFile, error: &(dyn std::error::Error + 'static)) -> InputError {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<object_store::Error>() {
            return file.failure(error);
        }
        if let Some(DataFusionError::ObjectStore(error)) = error.downcast_ref() {
            return file.failure(error);
        }
        if let Some(ParquetError::General(reason) | ParquetError::EOF(reason)) =
            error.downcast_ref()
        {
            return InputError::Parquet {
                path: file.name.clone(),
                reason: reason.to_lowercase(),
            };
        }
        cause = error.source();
    }
    InputError::Parquet {
        path: file.name.clone(),
        reason: error.to_string(),
    }
}
