//! Reading data files.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::async_reader::{
    AsyncFileReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use crate::data_file::DataFile;
use crate::error::{self, Result};

/// A Parquet file in an object store.
#[derive(Debug)]
pub(crate) struct ObjectFile {
    objects: Arc<dyn ObjectStore>,
    path: Path,
    size_bytes: u64,
}

impl ObjectFile {
    pub(crate) fn new(objects: &Arc<dyn ObjectStore>, path: &Path, size_bytes: u64) -> ObjectFile {
        ObjectFile {
            objects: Arc::clone(objects),
            path: path.clone(),
            size_bytes,
        }
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl AsyncFileReader for ObjectFile {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, parquet::errors::Result<Bytes>> {
        self.objects
            .get_range(&self.path, range)
            .map_err(external)
            .boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, parquet::errors::Result<Vec<Bytes>>> {
        async move {
            let found = self.objects.get_ranges(&self.path, &ranges).await;
            found.map_err(external)
        }
        .boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, parquet::errors::Result<Arc<ParquetMetaData>>> {
        async move {
            let size_bytes = self.size_bytes;
            let metadata = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .load_and_finish(self, size_bytes)
                .await?;
            Ok(Arc::new(metadata))
        }
        .boxed()
    }
}

/// The rows of a data file, with the table's types.
pub(crate) struct FileRows {
    file: Arc<DataFile>,
    rows: ParquetRecordBatchStream<ObjectFile>,
}

impl std::fmt::Debug for FileRows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileRows")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl FileRows {
    /// Opens a file: all of its columns, or those of `columns` that it has.
    pub(crate) async fn open(
        objects: &Arc<dyn ObjectStore>,
        file: &Arc<DataFile>,
        table: &Schema,
        columns: Option<&[&str]>,
    ) -> Result<FileRows> {
        let failed = || error::parquet("read", file.path.as_ref());
        let mut reader = ObjectFile::new(objects, &file.path, file.size_bytes);
        let metadata = reader.get_metadata(None).await.map_err(failed())?;
        let leaves = metadata.file_metadata().schema_descr();
        let fields = leaves
            .columns()
            .iter()
            .filter_map(|leaf| table.fields().find(leaf.name()))
            .map(|(_, field)| Arc::clone(field));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let options = ArrowReaderOptions::new().with_schema(schema);
        let metadata = ArrowReaderMetadata::try_new(metadata, options).map_err(failed())?;
        let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata);
        if let Some(columns) = columns {
            let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
            builder = builder.with_projection(mask);
        }
        Ok(FileRows {
            file: Arc::clone(file),
            rows: builder.build().map_err(failed())?,
        })
    }

    /// The columns of the file.
    pub(crate) fn schema(&self) -> &Schema {
        self.rows.schema()
    }

    /// The next rows; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>> {
        self.rows
            .try_next()
            .await
            .map_err(error::parquet("read", self.file.path.as_ref()))
    }
}
