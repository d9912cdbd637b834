//! Rows in every output format.

mod binary;
mod escape;
mod table;

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::str::FromStr;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::writer::{
    JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder,
};

use self::binary::{BinaryWriter, Kind};
use self::table::TableWriter;
use crate::error::Error;

pub use self::escape::{escape, escape_lines};

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// Aligned columns for people.
    Table,
    /// One JSON array of objects.
    Json,
    /// A JSON object a line.
    Ndjson,
    /// Comma-separated values with a header.
    Csv,
    /// Tab-separated values with a header.
    Tsv,
    /// A Markdown table.
    Markdown,
    /// A Parquet file.
    Parquet,
    /// An Arrow IPC file, also known as Feather.
    Arrow,
}

impl OutputFormat {
    /// Every format, in the order of the documents.
    pub const ALL: [OutputFormat; 8] = [
        OutputFormat::Table,
        OutputFormat::Json,
        OutputFormat::Ndjson,
        OutputFormat::Csv,
        OutputFormat::Tsv,
        OutputFormat::Markdown,
        OutputFormat::Parquet,
        OutputFormat::Arrow,
    ];

    /// The name, as in `--output`.
    pub fn name(self) -> &'static str {
        match self {
            OutputFormat::Table => "table",
            OutputFormat::Json => "json",
            OutputFormat::Ndjson => "ndjson",
            OutputFormat::Csv => "csv",
            OutputFormat::Tsv => "tsv",
            OutputFormat::Markdown => "markdown",
            OutputFormat::Parquet => "parquet",
            OutputFormat::Arrow => "arrow",
        }
    }

    /// Whether it is a file for programs rather than text.
    pub fn is_binary(self) -> bool {
        matches!(self, OutputFormat::Parquet | OutputFormat::Arrow)
    }

    /// The format that a file has by its name.
    ///
    /// ```
    /// use std::path::Path;
    /// use vpcflow_query::OutputFormat;
    ///
    /// assert_eq!(OutputFormat::of_file(Path::new("top.CSV")), Some(OutputFormat::Csv));
    /// assert_eq!(OutputFormat::of_file(Path::new("top")), None);
    /// ```
    pub fn of_file(path: &Path) -> Option<OutputFormat> {
        let extension = path.extension()?.to_str()?.to_lowercase();
        Some(match extension.as_str() {
            "txt" => OutputFormat::Table,
            "json" => OutputFormat::Json,
            "ndjson" | "jsonl" => OutputFormat::Ndjson,
            "csv" => OutputFormat::Csv,
            "tsv" => OutputFormat::Tsv,
            "md" => OutputFormat::Markdown,
            "parquet" => OutputFormat::Parquet,
            "arrow" | "feather" | "ipc" => OutputFormat::Arrow,
            _ => return None,
        })
    }
}

impl fmt::Display for OutputFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for OutputFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<OutputFormat, String> {
        let found = OutputFormat::ALL
            .into_iter()
            .find(|format| format.name() == text);
        found.ok_or_else(|| {
            let names: Vec<_> = OutputFormat::ALL
                .iter()
                .map(|format| format.name())
                .collect();
            format!("the formats are {}", names.join(", "))
        })
    }
}

/// Writes batches of one schema as they come. Nothing is written before the
/// first batch, so that a failed query leaves no half of an answer.
pub struct Printer<W: Write> {
    output: W,
    schema: SchemaRef,
    /// Nothing was written yet.
    fresh: bool,
    writer: Writer,
}

/// Turns batches to bytes, so that a failure to write is the output's own.
enum Writer {
    Table(TableWriter),
    Json(JsonWriter<Vec<u8>, JsonArray>),
    Ndjson(JsonWriter<Vec<u8>, LineDelimited>),
    Separated { delimiter: u8 },
    Binary(BinaryWriter),
}

impl<W: Write> fmt::Debug for Printer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printer")
            .field("schema", &self.schema)
            .finish_non_exhaustive()
    }
}

impl<W: Write> Printer<W> {
    /// A printer of rows of `schema`. `width` is that of the terminal, which a
    /// table is made to fit; `None` leaves it as wide as its values.
    pub fn new(
        output: W,
        format: OutputFormat,
        schema: SchemaRef,
        width: Option<usize>,
    ) -> Printer<W> {
        // With nulls, so that every object has the same keys.
        let json = WriterBuilder::new().with_explicit_nulls(true);
        let writer = match format {
            OutputFormat::Table => Writer::Table(TableWriter::aligned(&schema, width)),
            OutputFormat::Markdown => Writer::Table(TableWriter::markdown(&schema)),
            OutputFormat::Json => Writer::Json(json.build(Vec::new())),
            OutputFormat::Ndjson => Writer::Ndjson(json.build(Vec::new())),
            OutputFormat::Csv => Writer::Separated { delimiter: b',' },
            OutputFormat::Tsv => Writer::Separated { delimiter: b'\t' },
            OutputFormat::Parquet => Writer::Binary(BinaryWriter::new(Kind::Parquet, &schema)),
            OutputFormat::Arrow => Writer::Binary(BinaryWriter::new(Kind::Arrow, &schema)),
        };
        Printer {
            output,
            schema,
            fresh: true,
            writer,
        }
    }

    /// Writes a batch. A table holds some rows back, to find the widths of its
    /// columns.
    ///
    /// # Errors
    /// When the output cannot be written, a closed pipe among them.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let text = match &mut self.writer {
            Writer::Table(table) => table.write(batch)?.into_bytes(),
            Writer::Json(json) => {
                json.write(batch)?;
                std::mem::take(json.get_mut())
            }
            Writer::Ndjson(json) => {
                json.write(batch)?;
                std::mem::take(json.get_mut())
            }
            Writer::Separated { delimiter } => separated(batch, *delimiter, self.fresh)?,
            Writer::Binary(file) => file.write(batch)?,
        };
        self.fresh = false;
        Ok(self.output.write_all(&text)?)
    }

    /// Passes on what is held back.
    ///
    /// # Errors
    /// As [`Printer::write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        if let Writer::Table(table) = &mut self.writer {
            self.output.write_all(table.flush().as_bytes())?;
        }
        Ok(self.output.flush()?)
    }

    /// Ends the answer with what it has even without a row: the header, or the
    /// brackets of an array.
    ///
    /// # Errors
    /// As [`Printer::write`].
    pub fn finish(mut self) -> Result<(), Error> {
        let text = match &mut self.writer {
            Writer::Table(table) => table.finish().into_bytes(),
            Writer::Json(json) => {
                json.finish()?;
                let mut text = std::mem::take(json.get_mut());
                text.push(b'\n');
                text
            }
            Writer::Ndjson(_) => Vec::new(),
            Writer::Separated { delimiter } if self.fresh => {
                let none = RecordBatch::new_empty(SchemaRef::clone(&self.schema));
                separated(&none, *delimiter, true)?
            }
            Writer::Separated { .. } => Vec::new(),
            Writer::Binary(file) => file.finish()?,
        };
        self.output.write_all(&text)?;
        Ok(self.output.flush()?)
    }
}

fn separated(batch: &RecordBatch, delimiter: u8, header: bool) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    let builder = csv::WriterBuilder::new()
        .with_header(header)
        .with_delimiter(delimiter);
    builder.build(&mut text).write(batch)?;
    Ok(text)
}

#[cfg(test)]
mod tests;
