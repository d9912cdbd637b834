//! Reading Parquet files: as the engine does, with the cause of a failure.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::catalog::Session;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::object_store::path::Path;
use datafusion::object_store::{ObjectStore, ObjectStoreExt};
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Makes the engine's own readers tell why a file cannot be opened: they say it in
/// words only, and a file that is missing has another way out than one that may
/// not be read.
#[derive(Debug)]
pub(crate) struct StoreFiles {
    objects: Arc<dyn ObjectStore>,
    readers: CachedParquetFileReaderFactory,
}

impl StoreFiles {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, state: &dyn Session) -> StoreFiles {
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&objects), cache);
        StoreFiles { objects, readers }
    }
}

impl ParquetFileReaderFactory for StoreFiles {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let path = file.object_meta.location.clone();
        let reader = self
            .readers
            .create_reader(partition, file, metadata_size_hint, metrics)?;
        let objects = Arc::clone(&self.objects);
        Ok(Box::new(StoreFile {
            reader,
            objects,
            path,
        }))
    }
}

struct StoreFile {
    reader: Box<dyn AsyncFileReader + Send>,
    objects: Arc<dyn ObjectStore>,
    path: Path,
}

impl AsyncFileReader for StoreFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.reader.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.reader.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        async move {
            match self.reader.get_metadata(options).await {
                Err(error) => Err(match self.objects.get_range(&self.path, 0..1).await {
                    Err(cause) => ParquetError::External(Box::new(cause)),
                    Ok(_) => error,
                }),
                read => read,
            }
        }
        .boxed()
    }
}
