//! Data files, from Arrow's arrays to Parquet's bytes.
//!
//! The writer of the `parquet` crate takes any data; this one takes what a table of
//! flow logs has, columns of numbers, times and text that may be NULL, and takes a
//! third of its time. Rows are not sorted beforehand: values get their codes in the
//! order in which they came, and codes are put in order. What is around the pages
//! (headers, metadata, indexes) is written by that crate.
//!
//! * [`FileEncoder`] writes a file, a row group at a time.
//! * [`Group`] is a file of one row group, whose columns several threads encode.
//! * `column` fills the pages of a column, `chunk` compresses and describes them.
//! * `dictionary` knows each value by its code, `packing` packs codes and levels.

mod chunk;
mod column;
mod dictionary;
mod group;
mod packing;
#[cfg(test)]
mod tests;
mod tools;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::ZstdLevel;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescriptor;

use column::Column;
use tools::Tools;

pub(crate) use column::Layout;
pub(crate) use group::Group;

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

/// What the columns of a file are.
#[derive(Debug)]
struct Shape {
    schema: SchemaRef,
    columns: SchemaDescriptor,
    options: EncoderOptions,
}

impl Shape {
    fn new(schema: &SchemaRef, options: EncoderOptions) -> Result<Shape> {
        let columns = ArrowSchemaConverter::new().convert(schema)?;
        if options.layouts.len() != columns.num_columns() || !all_nullable(schema) {
            return Err(ParquetError::NYI("columns that cannot be NULL".to_owned()));
        }
        Ok(Shape {
            schema: Arc::clone(schema),
            columns,
            options,
        })
    }

    fn len(&self) -> usize {
        self.columns.num_columns()
    }

    fn file(&self) -> Result<SerializedFileWriter<Vec<u8>>> {
        let properties = Arc::new(self.options.properties.clone());
        SerializedFileWriter::new(Vec::new(), self.columns.root_schema_ptr(), properties)
    }

    /// A column without rows, in memory that another one has left, if there is some.
    fn column(&self, index: usize, tools: &mut Tools) -> Column {
        let data_type = self.schema.field(index).data_type();
        let page = tools.pages.pop().unwrap_or_default();
        let layout = self.options.layouts[index];
        Column::new(self.columns.column(index), data_type, layout, page)
    }
}

/// A column of a row group that is complete: its bytes, and what its metadata say.
type Closed = (Bytes, ColumnCloseResult);

fn append_group(
    file: &mut SerializedFileWriter<Vec<u8>>,
    columns: impl IntoIterator<Item = Result<Closed>>,
) -> Result<()> {
    let mut group = file.next_row_group()?;
    for column in columns {
        let (bytes, closed) = column?;
        group.append_column(&bytes, closed)?;
    }
    group.close().map(drop)
}

/// A file under construction.
pub(crate) struct FileEncoder {
    shape: Shape,
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
            .field("columns", &self.shape.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl FileEncoder {
    /// A file of rows with these columns.
    pub(crate) fn new(schema: &SchemaRef, options: EncoderOptions) -> Result<FileEncoder> {
        let shape = Shape::new(schema, options)?;
        let mut tools = Tools::take()?;
        Ok(FileEncoder {
            file: shape.file()?,
            group: new_group(&shape, &mut tools),
            rows: 0,
            tools: Some(tools),
            shape,
        })
    }

    /// Adds rows. They go into one row group.
    pub(crate) fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let tools = self.tools.as_mut().ok_or_else(is_finished)?;
        for (column, values) in self.group.iter_mut().zip(rows.columns()) {
            column.add(&[values], None, tools)?;
        }
        self.rows += rows.num_rows();
        if self.rows >= self.shape.options.group_rows {
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
        let group = std::mem::take(&mut self.group).into_iter();
        append_group(&mut self.file, group.map(|column| column.close(tools)))?;
        self.group = new_group(&self.shape, tools);
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

fn new_group(shape: &Shape, tools: &mut Tools) -> Vec<Column> {
    let columns = 0..shape.len();
    columns.map(|index| shape.column(index, tools)).collect()
}

fn is_finished() -> ParquetError {
    ParquetError::General("the file is finished".to_owned())
}

fn all_nullable(schema: &Schema) -> bool {
    schema.fields().iter().all(|field| field.is_nullable())
}
