//! Rows in every output format.

mod escape;
mod table;

use std::fmt;
use std::io::Write;
use std::str::FromStr;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::writer::{
    JsonArray, LineDelimited, Writer as JsonWriter, WriterBuilder,
};

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
}

impl OutputFormat {
    /// Every format, in the order of the documents.
    pub const ALL: [OutputFormat; 6] = [
        OutputFormat::Table,
        OutputFormat::Json,
        OutputFormat::Ndjson,
        OutputFormat::Csv,
        OutputFormat::Tsv,
        OutputFormat::Markdown,
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
        }
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

/// Turns batches to text, so that a failure to write is the output's own.
enum Writer {
    Table(TableWriter),
    Json(JsonWriter<Vec<u8>, JsonArray>),
    Ndjson(JsonWriter<Vec<u8>, LineDelimited>),
    Separated { delimiter: u8 },
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
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn batch() -> RecordBatch {
        let times = TimestampMicrosecondArray::from(vec![Some(1_767_225_600_000_000), None]);
        RecordBatch::try_from_iter([
            (
                "addr",
                Arc::new(StringArray::from(vec![Some("10.0.0.1"), None])) as _,
            ),
            (
                "bytes",
                Arc::new(Int64Array::from(vec![Some(1_234_567), Some(0)])) as _,
            ),
            ("start", Arc::new(times.with_timezone("UTC")) as _),
        ])
        .unwrap()
    }

    fn print(format: OutputFormat, width: Option<usize>, batches: &[RecordBatch]) -> String {
        let mut text = Vec::new();
        let mut printer = Printer::new(&mut text, format, batch().schema(), width);
        for batch in batches {
            printer.write(batch).unwrap();
        }
        printer.finish().unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_format_writes_the_same_rows() {
        let rows = [batch()];
        assert_eq!(
            print(OutputFormat::Json, None, &rows),
            "[{\"addr\":\"10.0.0.1\",\"bytes\":1234567,\"start\":\"2026-01-01T00:00:00Z\"},\
             {\"addr\":null,\"bytes\":0,\"start\":null}]\n"
        );
        assert_eq!(
            print(OutputFormat::Ndjson, None, &rows),
            "{\"addr\":\"10.0.0.1\",\"bytes\":1234567,\"start\":\"2026-01-01T00:00:00Z\"}\n\
             {\"addr\":null,\"bytes\":0,\"start\":null}\n"
        );
        assert_eq!(
            print(OutputFormat::Csv, None, &rows),
            "addr,bytes,start\n10.0.0.1,1234567,2026-01-01T00:00:00Z\n,0,\n"
        );
        assert_eq!(
            print(OutputFormat::Tsv, None, &rows),
            "addr\tbytes\tstart\n10.0.0.1\t1234567\t2026-01-01T00:00:00Z\n\t0\t\n"
        );
        assert_eq!(
            print(OutputFormat::Markdown, None, &rows),
            "| addr     |   bytes | start               |\n\
             | -------- | ------: | ------------------- |\n\
             | 10.0.0.1 | 1234567 | 2026-01-01 00:00:00 |\n\
             | -        |       0 | -                   |\n"
        );
        assert_eq!(
            print(OutputFormat::Table, None, &rows),
            "addr        bytes  start\n\
             ────────  ───────  ───────────────────\n\
             10.0.0.1  1234567  2026-01-01 00:00:00\n\
             -               0  -\n"
        );
    }

    #[test]
    fn without_a_row_there_is_a_header_or_an_empty_array() {
        assert_eq!(print(OutputFormat::Json, None, &[]), "[]\n");
        assert_eq!(print(OutputFormat::Ndjson, None, &[]), "");
        assert_eq!(print(OutputFormat::Csv, None, &[]), "addr,bytes,start\n");
        assert_eq!(
            print(OutputFormat::Table, None, &[]),
            "addr  bytes  start\n────  ─────  ─────\n"
        );
    }

    #[test]
    fn several_batches_have_one_header() {
        for format in OutputFormat::ALL {
            let text = print(format, None, &[batch(), batch()]);
            assert_eq!(text.matches("10.0.0.1").count(), 2, "{format}");
            if !matches!(format, OutputFormat::Json | OutputFormat::Ndjson) {
                assert_eq!(text.matches("bytes").count(), 1, "{format}");
            }
        }
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let text = print(OutputFormat::Table, Some(30), &[batch()]);
        assert!(
            text.lines().all(|line| line.chars().count() <= 30),
            "{text}"
        );
        assert!(text.contains('…') && text.contains("1234567"), "{text}");
    }
}
