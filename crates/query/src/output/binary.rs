//! Formats for programs: Parquet and Arrow.

use std::mem;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::error::Error;

/// A file in the making: what is ready of it is taken away after each batch.
pub(super) struct BinaryWriter {
    schema: SchemaRef,
    /// None before the first batch.
    file: Option<File>,
    kind: Kind,
}

#[derive(Clone, Copy)]
pub(super) enum Kind {
    Parquet,
    Arrow,
}

enum File {
    Parquet(Box<ArrowWriter<Vec<u8>>>),
    Arrow(Box<FileWriter<Vec<u8>>>),
}

impl BinaryWriter {
    pub(super) fn new(kind: Kind, schema: &SchemaRef) -> BinaryWriter {
        BinaryWriter {
            schema: plain(schema),
            file: None,
            kind,
        }
    }

    /// Takes rows and returns the bytes that are ready.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, Error> {
        let fields = self.schema.fields().iter();
        let columns = batch.columns().iter().zip(fields).map(|(column, field)| {
            if column.data_type() == field.data_type() {
                return Ok(Arc::clone(column));
            }
            cast(column, field.data_type())
        });
        let columns = columns.collect::<Result<Vec<_>, ArrowError>>()?;
        let batch = RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)?;
        Ok(match self.file()? {
            File::Parquet(file) => {
                file.write(&batch).map_err(ArrowError::from)?;
                mem::take(file.inner_mut())
            }
            File::Arrow(file) => {
                file.write(&batch)?;
                mem::take(file.get_mut())
            }
        })
    }

    /// The rest of the file.
    pub(super) fn finish(&mut self) -> Result<Vec<u8>, Error> {
        self.file()?;
        Ok(match self.file.take() {
            Some(File::Parquet(file)) => file.into_inner().map_err(ArrowError::from)?,
            Some(File::Arrow(mut file)) => {
                file.finish()?;
                mem::take(file.get_mut())
            }
            None => Vec::new(),
        })
    }

    fn file(&mut self) -> Result<&mut File, Error> {
        let file = match self.file.take() {
            Some(file) => file,
            None => self.begin()?,
        };
        Ok(self.file.insert(file))
    }

    fn begin(&self) -> Result<File, Error> {
        Ok(match self.kind {
            Kind::Parquet => {
                let properties = WriterProperties::builder()
                    .set_compression(Compression::ZSTD(ZstdLevel::default()))
                    .build();
                let schema = SchemaRef::clone(&self.schema);
                let file = ArrowWriter::try_new(Vec::new(), schema, Some(properties));
                File::Parquet(Box::new(file.map_err(ArrowError::from)?))
            }
            Kind::Arrow => File::Arrow(Box::new(FileWriter::try_new(Vec::new(), &self.schema)?)),
        })
    }
}

/// Text as every reader knows it: views are younger than most.
fn plain(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Utf8View => DataType::Utf8,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, field.is_nullable())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
