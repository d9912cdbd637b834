//! Columns of text that come with their dictionary.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::error::Result;
use datafusion::parquet::arrow::arrow_reader::ArrowReaderOptions;
use datafusion::parquet::arrow::async_reader::AsyncFileReader;
use datafusion::parquet::arrow::{
    ARROW_SCHEMA_META_KEY, encode_arrow_schema, parquet_to_arrow_schema,
};
use datafusion::parquet::basic::Encoding;
use datafusion::parquet::errors::Result as ParquetResult;
use datafusion::parquet::file::metadata::{
    FileMetaData, KeyValue, ParquetMetaData, ParquetMetaDataBuilder,
};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::FutureExt;
use futures::future::BoxFuture;

/// Rows of a file from which its dictionaries are worth it.
const LEAST_ROWS: i64 = 4_096;

/// Has files say of some columns that they are dictionaries, where all of their pages
/// are: then they are read as such, which leaves out to write each text anew.
#[derive(Debug)]
pub(crate) struct CodedFiles {
    files: Arc<dyn ParquetFileReaderFactory>,
    columns: Arc<[String]>,
}

impl CodedFiles {
    pub(crate) fn new(
        files: Arc<dyn ParquetFileReaderFactory>,
        columns: Arc<[String]>,
    ) -> CodedFiles {
        CodedFiles { files, columns }
    }
}

impl ParquetFileReaderFactory for CodedFiles {
    fn create_reader(
        &self,
        partition: usize,
        file: PartitionedFile,
        metadata_size_hint: Option<usize>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Box<dyn AsyncFileReader + Send>> {
        let files = &self.files;
        let reader = files.create_reader(partition, file, metadata_size_hint, metrics)?;
        let columns = Arc::clone(&self.columns);
        Ok(Box::new(CodedFile { reader, columns }))
    }
}

struct CodedFile {
    reader: Box<dyn AsyncFileReader + Send>,
    columns: Arc<[String]>,
}

impl AsyncFileReader for CodedFile {
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
            let metadata = self.reader.get_metadata(options).await?;
            Ok(coded(&metadata, &self.columns)?.map_or(metadata, Arc::new))
        }
        .boxed()
    }
}

/// What a file says of itself, with these columns as dictionaries; `None` if none is.
fn coded(metadata: &ParquetMetaData, columns: &[String]) -> ParquetResult<Option<ParquetMetaData>> {
    let file = metadata.file_metadata();
    if file.num_rows() < LEAST_ROWS {
        return Ok(None);
    }
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())?;
    let fields = schema.fields().iter().map(|field| {
        let is_coded = columns.contains(field.name())
            && field.data_type().is_string()
            && has_dictionary_pages_only(metadata, field.name());
        match is_coded {
            true => {
                let data_type =
                    DataType::Dictionary(DataType::UInt32.into(), DataType::Utf8.into());
                Arc::new(field.as_ref().clone().with_data_type(data_type))
            }
            false => Arc::clone(field),
        }
    });
    let coded = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata.clone());
    if coded == schema {
        return Ok(None);
    }
    let others = file.key_value_metadata().into_iter().flatten();
    let others = others.filter(|entry| entry.key != ARROW_SCHEMA_META_KEY);
    let schema = encode_arrow_schema(&coded);
    let own = KeyValue::new(ARROW_SCHEMA_META_KEY.to_owned(), schema);
    let file = FileMetaData::new(
        file.version(),
        file.num_rows(),
        file.created_by().map(str::to_owned),
        Some(others.cloned().chain([own]).collect()),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    let coded = ParquetMetaDataBuilder::new(file)
        .set_row_groups(metadata.row_groups().to_vec())
        .set_column_index(metadata.column_index().cloned())
        .set_offset_index(metadata.offset_index().cloned());
    Ok(Some(coded.build()))
}

/// Whether all texts of a column are in dictionaries.
fn has_dictionary_pages_only(metadata: &ParquetMetaData, column: &str) -> bool {
    metadata.row_groups().iter().all(|group| {
        let mut chunks = group.columns().iter();
        let chunk = chunks.find(|chunk| chunk.column_path().parts() == [column]);
        let pages = chunk.and_then(|chunk| {
            chunk.dictionary_page_offset()?;
            chunk.page_encoding_stats_mask()
        });
        pages.is_some_and(|pages| pages.is_only(Encoding::RLE_DICTIONARY))
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, RecordBatch, StringViewArray};
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::metadata::ParquetMetaDataReader;
    use datafusion::parquet::file::properties::WriterProperties;

    use super::*;

    /// The types of the columns of a file, of which one may be a dictionary.
    fn types(rows: usize, dictionary_bytes: Option<usize>) -> Vec<DataType> {
        let text = |number: usize| Some(format!("10.0.{}.{}", number % 200, number % 7));
        let column: ArrayRef = Arc::new((0..rows).map(text).collect::<StringViewArray>());
        let columns = [("srcaddr", Arc::clone(&column)), ("dstaddr", column)];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let properties = WriterProperties::builder()
            .set_write_batch_size(100)
            .set_dictionary_enabled(dictionary_bytes.is_some())
            .set_dictionary_page_size_limit(dictionary_bytes.unwrap_or_default());
        let mut file = Vec::new();
        let properties = Some(properties.build());
        let mut writer = ArrowWriter::try_new(&mut file, batch.schema(), properties).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
        let file = Bytes::from(file);
        let metadata = ParquetMetaDataReader::new()
            .parse_and_finish(&file)
            .unwrap();
        let columns = ["srcaddr".to_owned(), "none".to_owned()];
        let coded = coded(&metadata, &columns).unwrap().unwrap_or(metadata);
        let file = coded.file_metadata();
        let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
        let schema = schema.unwrap();
        let types = schema
            .fields()
            .iter()
            .map(|field| field.data_type().clone());
        types.collect()
    }

    #[test]
    fn columns_of_dictionaries_are_read_as_such() {
        let text = DataType::Utf8View;
        let coded = DataType::Dictionary(DataType::UInt32.into(), DataType::Utf8.into());
        assert_eq!(types(5_000, Some(1 << 20)), [coded, text.clone()]);
        let plain = [text.clone(), text];
        // Too few rows, no dictionary, and one that was full at some time.
        assert_eq!(types(500, Some(1 << 20)), plain);
        assert_eq!(types(5_000, None), plain);
        assert_eq!(types(5_000, Some(1_000)), plain);
    }
}
