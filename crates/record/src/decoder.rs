//! The push decoder: bytes in, record batches and rejects out, no I/O.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, SchemaRef};

use crate::column::{ColumnBuilder, INLINE_BYTES};
use crate::field::FieldType;
use crate::format::{Format, FormatField};
use crate::grammar::{Value, for_each_value, is_space};
use crate::reason::{Reason, RecordError};
use crate::reject::Reject;
use crate::schema::flows_schema;

/// The longest line that is read as a record; a longer one is refused. The
/// longest real records, with every ECS field, have about 2 KB.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Rows of a batch, unless asked otherwise: DataFusion's default.
pub const BATCH_ROWS: usize = 8192;

/// How a [`Decoder`] lays out its batches.
#[derive(Debug, Clone)]
pub struct DecodeOptions {
    /// The columns of the table, by name; those that the format does not have
    /// are NULL. `None`: [`flows_schema`] of the format.
    pub table: Option<SchemaRef>,
    /// Which of the table's columns the batches hold. The other fields are
    /// checked all the same, so that a projection never changes what is
    /// refused. `None`: all.
    pub projection: Option<Vec<usize>>,
    /// Rows of a full batch.
    pub batch_rows: usize,
    /// Whether a header line in the input sets the format of what follows.
    /// Switch it off when the format was declared: headers are skipped then.
    pub headers: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            table: None,
            projection: None,
            batch_rows: BATCH_ROWS,
            headers: true,
        }
    }
}

/// What a [`Decoder`] has read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Records decoded into rows.
    pub records: u64,
    /// Lines refused.
    pub rejects: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Header lines, comments (`#`) and blank lines.
    pub skipped: u64,
}

/// Decodes flow log text, handed over in pieces of any size, to Arrow batches.
///
/// ```
/// use arrow_array::cast::AsArray;
/// use arrow_array::types::Int64Type;
/// use vpcflow_record::{DecodeOptions, Decoder, Format, Reason};
///
/// let text = b"2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK
/// 2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA
/// 2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 NaN 3389 6 20 4249 1418530010 1418530070 REJECT OK
/// ";
/// let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
/// assert_eq!(decoder.decode(text), text.len());
/// decoder.finish();
///
/// let batch = decoder.flush()?.unwrap();
/// assert_eq!(batch.num_rows(), 2);
/// let bytes = batch.column_by_name("bytes").unwrap().as_primitive::<Int64Type>();
/// assert_eq!(bytes.iter().collect::<Vec<_>>(), [Some(4249), None]);
///
/// let rejects = decoder.take_rejects();
/// assert_eq!(rejects[0].reason, Reason::NotANumber);
/// assert_eq!(rejects[0].field.as_deref(), Some("srcport"));
/// # Ok::<(), arrow_schema::ArrowError>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    format: Format,
    table: SchemaRef,
    schema: SchemaRef,
    headers: bool,
    batch_rows: usize,
    columns: Vec<ColumnBuilder>,
    /// For each field of the format, the column that takes it.
    column_of_field: Vec<Option<usize>>,
    /// A header could be read as a record, since every field is text.
    all_text: bool,
    /// The lines of the batch: what the views of long text point into.
    text: Vec<u8>,
    rows: usize,
    rejects: Vec<Reject>,
    counts: DecodeCounts,
    /// The start of a line whose end has not been seen.
    partial: Vec<u8>,
    /// Input offset of the line in `partial`, or of the next byte.
    position: u64,
    /// In the middle of a line that was refused for its length.
    skipping: bool,
    /// A header with fields that the table lacks was met: all that follows is
    /// refused until a header fits.
    foreign: bool,
}

impl Decoder {
    /// A decoder of records of `format`.
    ///
    /// # Panics
    /// When the projection names a column that the table does not have.
    pub fn new(format: Format, options: DecodeOptions) -> Decoder {
        let table = options.table.unwrap_or_else(|| flows_schema([&format]));
        let schema = match &options.projection {
            Some(columns) => Arc::new(
                table
                    .project(columns)
                    .expect("the projection is within the table"),
            ),
            None => Arc::clone(&table),
        };
        let batch_rows = options.batch_rows.max(1);
        let columns = schema
            .fields()
            .iter()
            .map(|field| ColumnBuilder::new(column_type(field.data_type()), batch_rows))
            .collect();
        let mut decoder = Decoder {
            format: Format::default(),
            table,
            schema,
            headers: options.headers,
            batch_rows,
            columns,
            column_of_field: Vec::new(),
            all_text: false,
            text: Vec::new(),
            rows: 0,
            rejects: Vec::new(),
            counts: DecodeCounts::default(),
            partial: Vec::new(),
            position: 0,
            skipping: false,
            foreign: false,
        };
        decoder.set_format(format);
        decoder
    }

    /// The format in force: the one given, or that of the last header.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Bytes of a last line whose end has not been seen.
    pub fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// What was read so far, in all batches.
    pub fn counts(&self) -> DecodeCounts {
        self.counts
    }

    /// Whether a batch of rows or rejects is full, so that [`Decoder::decode`]
    /// takes nothing before [`Decoder::flush`] and [`Decoder::take_rejects`].
    pub fn is_full(&self) -> bool {
        self.rows >= self.batch_rows || self.rejects.len() >= self.batch_rows
    }

    /// Takes input and returns how many bytes of it were used: all, unless a
    /// batch is full. An unfinished last line is kept for the next call.
    pub fn decode(&mut self, input: &[u8]) -> usize {
        let mut used = 0;
        while used < input.len() && !self.is_full() {
            let rest = &input[used..];
            let Some(end) = memchr::memchr(b'\n', rest) else {
                self.keep_partial(rest);
                used = input.len();
                break;
            };
            if self.skipping {
                self.skipping = false;
                self.position += end as u64 + 1;
            } else if self.partial.is_empty() {
                self.line(&rest[..end]);
                self.position += end as u64 + 1;
            } else {
                let mut line = std::mem::take(&mut self.partial);
                line.extend_from_slice(&rest[..end]);
                self.line(&line);
                self.position += line.len() as u64 + 1;
                line.clear();
                self.partial = line;
            }
            used += end + 1;
        }
        self.counts.bytes += used as u64;
        used
    }

    /// Ends the input: a last line without a line feed is a line.
    pub fn finish(&mut self) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
            self.position += line.len() as u64;
        }
        self.skipping = false;
    }

    /// Decodes one message as one record, apart from any line in progress.
    /// Returns whether it became a row; otherwise it was refused, or skipped as
    /// a header or blank.
    pub fn decode_message(&mut self, message: &[u8]) -> bool {
        let rows = self.rows;
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        self.counts.bytes += message.len() as u64;
        self.line(message);
        self.rows > rows
    }

    /// The rows so far as a batch, or `None` when there are none.
    ///
    /// # Errors
    /// None that are known: the columns are built to the schema.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.rows);
        let capacity = self.text.capacity();
        let text = Buffer::from_vec(std::mem::take(&mut self.text));
        self.text.reserve(capacity);
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            column.pad_to(rows);
            columns.push(column.finish(&text, self.batch_rows)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some)
    }

    /// The lines refused since the last call.
    pub fn take_rejects(&mut self) -> Vec<Reject> {
        std::mem::take(&mut self.rejects)
    }

    fn keep_partial(&mut self, rest: &[u8]) {
        if self.skipping {
            self.position += rest.len() as u64;
            return;
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > MAX_LINE_BYTES {
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
            self.position += line.len() as u64;
            self.skipping = true;
        }
    }

    /// One whole line, without its line feed.
    fn line(&mut self, line: &[u8]) {
        let first = line.iter().find(|byte| !is_space(**byte));
        if matches!(first, None | Some(b'#')) {
            self.counts.skipped += 1;
        } else if line.len() > MAX_LINE_BYTES {
            self.refuse(line, RecordError::line(Reason::LineTooLong));
        } else if !(self.foreign || self.all_text) {
            if let Err(error) = self.append_row(line) {
                self.header_or_reject(line, error);
            }
        } else if let Some(header) = Format::from_header(line) {
            self.header(line, header);
        } else if self.foreign {
            self.refuse(line, RecordError::line(Reason::UnexpectedHeader));
        } else if let Err(error) = self.append_row(line) {
            self.refuse(line, error);
        }
    }

    /// A line that is no record of the format may be a header: looked at only
    /// here, so that records do not pay for it.
    #[cold]
    fn header_or_reject(&mut self, line: &[u8], error: RecordError) {
        match Format::from_header(line) {
            Some(header) => self.header(line, header),
            None => self.refuse(line, error),
        }
    }

    #[cold]
    fn header(&mut self, line: &[u8], header: Format) {
        if self.headers && header != self.format {
            let has_column = |field: &FormatField| self.table.index_of(&field.column()).is_ok();
            self.foreign = !header.fields().iter().all(has_column);
            if self.foreign {
                self.refuse(line, RecordError::line(Reason::UnexpectedHeader));
                return;
            }
            self.set_format(header);
        }
        self.foreign = false;
        self.counts.skipped += 1;
    }

    fn set_format(&mut self, format: Format) {
        for column in &mut self.columns {
            column.pad_to(self.rows);
        }
        self.column_of_field = format
            .fields()
            .iter()
            .map(|field| self.schema.index_of(&field.column()).ok())
            .collect();
        self.all_text = format
            .fields()
            .iter()
            .all(|field| field.field_type() == FieldType::Text);
        self.format = format;
    }

    fn append_row(&mut self, line: &[u8]) -> Result<(), RecordError> {
        let start = self.text.len();
        // A batch holds at most 8,192 lines of 64 KiB by default; the views'
        // offsets have 32 bits.
        let base = u32::try_from(start).map_err(|_| RecordError::line(Reason::LineTooLong))?;
        let (columns, column_of_field) = (&mut self.columns, &self.column_of_field);
        let mut keep_line = false;
        let result = for_each_value(line, &self.format, |index, value| {
            let Some(column) = column_of_field[index] else {
                return;
            };
            let offset = match value {
                Value::Text(text) if text.len() > INLINE_BYTES => {
                    keep_line = true;
                    base + (text.as_ptr().addr() - line.as_ptr().addr()) as u32
                }
                _ => 0,
            };
            columns[column].append(value, offset);
        });
        match result {
            Ok(()) => {
                if keep_line {
                    self.text.extend_from_slice(line);
                }
                self.rows += 1;
                self.counts.records += 1;
                Ok(())
            }
            Err(error) => {
                for column in self.column_of_field.iter().flatten() {
                    self.columns[*column].truncate(self.rows);
                }
                Err(error)
            }
        }
    }

    #[cold]
    fn refuse(&mut self, line: &[u8], error: RecordError) {
        self.counts.rejects += 1;
        self.rejects
            .push(Reject::new(self.position, error, line, &self.format));
    }
}

/// The type of field that fills a column of this Arrow type.
fn column_type(data_type: &DataType) -> FieldType {
    match data_type {
        DataType::Int32 => FieldType::Int32,
        DataType::Int64 => FieldType::Int64,
        DataType::Timestamp(..) => FieldType::Timestamp,
        _ => FieldType::Text,
    }
}
