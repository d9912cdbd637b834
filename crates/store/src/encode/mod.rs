//! Data files, from Arrow's arrays to Parquet's bytes.
//!
//! The writer of the `parquet` crate takes any data; this one takes what a table of
//! flow logs has, columns of numbers, times and text that may be NULL, and takes a
//! third of its time. Rows are not sorted beforehand: values get their codes in the
//! order in which they came, and codes are put in order. What is around the pages
//! (headers, metadata, indexes) is written by that crate.
//!
//! * [`FileEncoder`] writes a file, a row group at a time.
//! * `column` fills the pages of a column, `chunk` compresses and describes them.
//! * `dictionary` knows each value by its code, `packing` packs codes and levels.

mod chunk;
mod column;
mod dictionary;
mod packing;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema, SchemaRef};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::ZstdLevel;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use column::Column;
use tools::Tools;

pub(crate) use column::Layout;

/// How a file is written.
#[derive(Debug, Clone)]
pub(crate) struct EncoderOptions {
    /// Rows of a row group.
    pub(crate) group_rows: usize,
    /// Of each column, with the level of zstd.
    pub(crate) layouts: Vec<(Layout, ZstdLevel)>,
    /// What the file says of itself.
    pub(crate) properties: WriterProperties,
}

/// A file under construction.
pub(crate) struct FileEncoder {
    schema: SchemaRef,
    columns: SchemaDescriptor,
    options: EncoderOptions,
    file: SerializedFileWriter<Vec<u8>>,
    group: Vec<Column>,
    /// In the group.
    rows: usize,
    /// `None` after [`FileEncoder::finish`].
    tools: Option<Tools>,
}

impl std::fmt::Debug for FileEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileEncoder")
            .field("columns", &self.columns.num_columns())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl FileEncoder {
    /// A file of rows with these columns.
    pub(crate) fn new(schema: &SchemaRef, options: EncoderOptions) -> Result<FileEncoder> {
        let columns = ArrowSchemaConverter::new().convert(schema)?;
        if options.layouts.len() != columns.num_columns() || !all_nullable(schema) {
            return Err(ParquetError::NYI("columns that cannot be NULL".to_owned()));
        }
        let properties = Arc::new(options.properties.clone());
        let root = columns.root_schema_ptr();
        let mut encoder = FileEncoder {
            schema: Arc::clone(schema),
            file: SerializedFileWriter::new(Vec::new(), root, properties)?,
            group: Vec::new(),
            rows: 0,
            tools: Some(Tools::take()?),
            columns,
            options,
        };
        encoder.group = encoder.new_group();
        Ok(encoder)
    }

    fn new_group(&mut self) -> Vec<Column> {
        let fields = self.schema.fields().iter().zip(&self.options.layouts);
        let pages = self.tools.as_mut().map(|tools| &mut tools.pages);
        let mut pages = pages.into_iter().flat_map(|pages| pages.drain(..));
        let column = |(index, (field, layout)): (usize, (&FieldRef, &(Layout, ZstdLevel)))| {
            let column = self.columns.column(index);
            let page = pages.next().unwrap_or_default();
            Column::new(column, field.data_type(), *layout, page)
        };
        fields.enumerate().map(column).collect()
    }

    /// Adds rows: those of all batches behind each other, in this order of theirs or
    /// as they are. They go into one row group.
    pub(crate) fn write(&mut self, batches: &[RecordBatch], order: Option<&[u32]>) -> Result<()> {
        let tools = self.tools.as_mut().ok_or_else(is_finished)?;
        for (index, column) in self.group.iter_mut().enumerate() {
            let parts: Vec<_> = batches.iter().map(|batch| batch.column(index)).collect();
            column.add(&parts, order, tools)?;
        }
        self.rows += batches.iter().map(RecordBatch::num_rows).sum::<usize>();
        if self.rows >= self.options.group_rows {
            self.finish_group()?;
        }
        Ok(())
    }

    fn finish_group(&mut self) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        self.rows = 0;
        let tools = self.tools.as_mut().ok_or_else(is_finished)?;
        let mut group = self.file.next_row_group()?;
        for column in std::mem::take(&mut self.group) {
            let (bytes, closed) = column.close(tools)?;
            group.append_column(&bytes, closed)?;
        }
        group.close()?;
        self.group = self.new_group();
        Ok(())
    }

    /// Bytes of row groups that are complete, since the last call.
    pub(crate) fn take_bytes(&mut self) -> Vec<u8> {
        std::mem::take(self.file.inner_mut())
    }

    /// Ends the file; the rest of its bytes, and what its end says. Nothing may be
    /// written after it.
    pub(crate) fn finish(&mut self) -> Result<(Vec<u8>, ParquetMetaData)> {
        self.finish_group()?;
        let metadata = self.file.finish()?;
        if let Some(tools) = self.tools.take() {
            tools.give_back();
        }
        Ok((self.take_bytes(), metadata))
    }
}

fn is_finished() -> ParquetError {
    ParquetError::General("the file is finished".to_owned())
}

fn all_nullable(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| field.is_nullable())
}
