//! The push decoder: bytes in, record batches and rejects out, no I/O.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, SchemaRef};

use crate::batch::Batch;
use crate::format::{Format, FormatField, Separator};
use crate::grammar::{Line, Window, has_export_time, is_space};
use crate::line_format::LineFormat;
use crate::only::Only;
use crate::policy::Policy;
use crate::reason::{Reason, RecordError};
use crate::reject::Reject;
use crate::schema::flows_schema;
use crate::simd::{BLOCK_ROWS, BlockReader, CpuLevel};

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
    /// Which records become rows. `None`: all.
    pub only: Option<Only>,
    /// Rows of a full batch.
    pub batch_rows: usize,
    /// Whether a header line in the input sets the format of what follows.
    /// Switch it off when the format was declared: headers are skipped then.
    pub headers: bool,
    /// What is refused beyond what cannot be read at all.
    pub policy: Policy,
    /// Where the first byte of the input stands in its source, when reading
    /// begins in the middle: positions of rejects count from there.
    pub position: u64,
    /// How to decode: the best way that this CPU has, unless it is to be
    /// compared with others.
    pub cpu: CpuLevel,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            table: None,
            projection: None,
            only: None,
            batch_rows: BATCH_ROWS,
            headers: true,
            policy: Policy::Default,
            position: 0,
            cpu: CpuLevel::detect(),
        }
    }
}

/// What a [`Decoder`] has read so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DecodeCounts {
    /// Records decoded, whether they became rows or [`DecodeOptions::only`] left them out.
    pub records: u64,
    /// Lines refused.
    pub rejects: u64,
    /// Bytes taken.
    pub bytes: u64,
    /// Header lines, comments (`#`) and blank lines.
    pub skipped: u64,
    /// Records kept without the values that followed the last field, under
    /// [`Policy::Lenient`].
    pub cut: u64,
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
    headers: bool,
    batch_rows: usize,
    batch: Batch,
    blocks: Blocks,
    /// Where lines end that are for the grammar.
    window: Window,
    /// A header could be read as a record, since every field takes any word.
    all_text: bool,
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

/// When to read blocks, and how long ones. A block with anything odd in it is
/// read again in quarters, and the grammar gets what is left over, so that one
/// odd line does not cost its neighbours the fast path.
#[derive(Debug)]
struct Blocks {
    reader: BlockReader,
    /// Never: the grammar was asked for.
    off: bool,
    /// Rows to try next.
    rows: usize,
    /// Lines that are for the grammar before the next block.
    odd_lines: usize,
}

/// Rows of a block below which it is not tried again in parts.
const MIN_BLOCK_ROWS: usize = 16;

impl Blocks {
    fn worked(&mut self) {
        self.rows = (self.rows * 4).min(BLOCK_ROWS);
    }

    /// Of about `rows` lines, or an unknown number.
    fn failed(&mut self, rows: usize) {
        if rows > MIN_BLOCK_ROWS {
            self.rows = (rows / 4).max(MIN_BLOCK_ROWS);
        } else {
            self.odd_lines = MIN_BLOCK_ROWS;
        }
    }
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
        let blocks = Blocks {
            reader: BlockReader::new(options.cpu),
            // The strict policy looks at whole records.
            off: options.cpu == CpuLevel::GRAMMAR || options.policy == Policy::Strict,
            rows: BLOCK_ROWS,
            odd_lines: 0,
        };
        let mut decoder = Decoder {
            format: Format::default(),
            table,
            headers: options.headers,
            batch_rows,
            batch: Batch::new(schema, options.policy, batch_rows).with_only(options.only),
            blocks,
            window: Window::default(),
            all_text: false,
            rejects: Vec::new(),
            counts: DecodeCounts::default(),
            partial: Vec::new(),
            position: options.position,
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

    /// How the next line will be read.
    pub fn line_format(&self) -> LineFormat {
        LineFormat {
            format: self.format.clone(),
            foreign: self.foreign,
        }
    }

    /// Goes on elsewhere: with a line that stands at `position` of the source and
    /// is read as `format` says. An unfinished line before it is ended, as by
    /// [`Decoder::finish`]; rows and rejects so far stay.
    pub fn go_on(&mut self, position: u64, format: &LineFormat) {
        self.finish();
        if self.format != format.format {
            self.set_format(format.format.clone());
        }
        self.foreign = format.foreign;
        self.position = position;
    }

    /// Bytes of a last line whose end has not been seen.
    pub fn partial_bytes(&self) -> usize {
        self.partial.len()
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        self.batch.schema()
    }

    /// What was read so far, in all batches.
    pub fn counts(&self) -> DecodeCounts {
        self.counts
    }

    /// Whether a batch of rows or rejects is full, so that [`Decoder::decode`]
    /// takes nothing before [`Decoder::flush`] and [`Decoder::take_rejects`].
    pub fn is_full(&self) -> bool {
        self.batch.room() == 0 || self.rejects.len() >= self.batch_rows
    }

    /// Takes input and returns how many bytes of it were used: all, unless a
    /// batch is full. An unfinished last line is kept for the next call.
    ///
    /// Text that columns refer to is copied once; [`Decoder::decode_buffer`]
    /// does without.
    pub fn decode(&mut self, input: &[u8]) -> usize {
        self.decode_lines(input, None)
    }

    /// As [`Decoder::decode`], of a buffer that the batches may share: long
    /// text is not copied, and a batch keeps the buffer alive as long as it
    /// lives itself. Best for buffers of some megabytes, full of records.
    ///
    /// ```
    /// use arrow_buffer::Buffer;
    /// use vpcflow_record::{DecodeOptions, Decoder, Format};
    ///
    /// let text = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA\n";
    /// let input = Buffer::from_vec(text.repeat(10_000).into_bytes());
    /// let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
    /// let (mut used, mut rows) = (0, 0);
    /// while used < input.len() {
    ///     used += decoder.decode_buffer(&input.slice(used));
    ///     rows += decoder.flush()?.map_or(0, |batch| batch.num_rows());
    /// }
    /// assert_eq!(rows, 10_000);
    /// # Ok::<(), arrow_schema::ArrowError>(())
    /// ```
    pub fn decode_buffer(&mut self, input: &Buffer) -> usize {
        // Offsets of views have 32 bits.
        let len = input.len().min(i32::MAX as usize);
        self.decode_lines(&input[..len], Some(input))
    }

    fn decode_lines(&mut self, input: &[u8], shared: Option<&Buffer>) -> usize {
        let mut window = std::mem::take(&mut self.window);
        window.clear();
        let mut used = 0;
        while used < input.len() && !self.is_full() {
            let shared = shared.map(|buffer| (buffer, used));
            let block = self.decode_block(&input[used..], shared);
            if block > 0 {
                used += block;
                continue;
            }
            let Some(line) = window.line(input, used) else {
                self.keep_partial(&input[used..]);
                used = input.len();
                break;
            };
            let bytes = line.bytes().len();
            if self.skipping {
                self.skipping = false;
            } else if self.partial.is_empty() {
                self.line(line, shared);
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                let start = whole.len();
                whole.extend_from_slice(line.bytes());
                self.whole_line(&whole);
                self.position += start as u64;
                whole.clear();
                self.partial = whole;
            }
            self.position += bytes as u64 + 1;
            used += bytes + 1;
        }
        self.window = window;
        self.counts.bytes += used as u64;
        used
    }

    /// Decodes a block of records at the start of the input, if what is there
    /// is one. Returns its bytes, or 0 when the next line is for the grammar.
    fn decode_block(&mut self, input: &[u8], shared: Option<(&Buffer, usize)>) -> usize {
        let in_line = self.skipping || !self.partial.is_empty();
        let unsuited = self.foreign || self.all_text || self.format.separator() == Separator::Comma;
        if self.blocks.off || in_line || unsuited {
            return 0;
        }
        if self.blocks.odd_lines > 0 {
            self.blocks.odd_lines -= 1;
            return 0;
        }
        let time = usize::from(has_export_time(input, &self.format));
        let values = self.format.fields().len() + time;
        while self.blocks.odd_lines == 0 {
            let rows = self.blocks.rows.min(self.batch.room());
            let failed = match self.blocks.reader.read(input, values, rows) {
                Ok(block) if self.batch.append_block(&block, &self.format, shared) => {
                    let (rows, bytes) = (block.rows() as u64, block.lines().len());
                    self.counts.records += rows;
                    self.position += bytes as u64;
                    self.blocks.worked();
                    return bytes;
                }
                Ok(block) => block.rows(),
                Err(rows) => rows,
            };
            self.blocks.failed(failed);
        }
        self.blocks.odd_lines -= 1;
        0
    }

    /// Ends the input: a last line without a line feed is a line.
    pub fn finish(&mut self) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.whole_line(&line);
            self.position += line.len() as u64;
        }
        self.skipping = false;
    }

    /// Decodes one message as one record, apart from any line in progress.
    /// Returns whether it was one; otherwise it was refused, or skipped as a header or
    /// blank.
    pub fn decode_message(&mut self, message: &[u8]) -> bool {
        let records = self.counts.records;
        let message = message.strip_suffix(b"\n").unwrap_or(message);
        self.counts.bytes += message.len() as u64;
        self.whole_line(message);
        self.counts.records > records
    }

    /// The rows so far as a batch, or `None` when there are none.
    ///
    /// # Errors
    /// None that are known: the columns are built to the schema.
    pub fn flush(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        self.batch.finish()
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
            self.whole_line(&line);
            self.position += line.len() as u64;
            self.skipping = true;
        }
    }

    /// A line that is apart from any input.
    fn whole_line(&mut self, line: &[u8]) {
        let mut window = std::mem::take(&mut self.window);
        self.line(window.message(line), None);
        self.window = window;
    }

    /// One whole line. `shared` is the input that it is in, and its offset.
    #[inline]
    fn line(&mut self, line: Line<'_, '_>, shared: Option<(&Buffer, usize)>) {
        let bytes = line.bytes();
        let first = bytes.iter().find(|byte| !is_space(**byte));
        if matches!(first, None | Some(b'#')) {
            self.counts.skipped += 1;
        } else if bytes.len() > MAX_LINE_BYTES {
            self.refuse(bytes, RecordError::line(Reason::LineTooLong));
        } else if !(self.foreign || self.all_text) {
            if let Err(error) = self.append_record(line, shared) {
                self.header_or_reject(bytes, error);
            }
        } else if let Some(header) = Format::from_header(bytes) {
            self.header(bytes, header);
        } else if self.foreign {
            self.refuse(bytes, RecordError::line(Reason::UnexpectedHeader));
        } else if let Err(error) = self.append_record(line, shared) {
            self.refuse(bytes, error);
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
        } else if !self.headers {
            // The fields are those declared; how they are separated shows here.
            let declared = self.format.clone();
            self.set_format(declared.with_separator(header.separator()));
        }
        self.foreign = false;
        self.counts.skipped += 1;
    }

    fn set_format(&mut self, format: Format) {
        self.batch.set_format(&format);
        self.all_text = self.batch.takes_any_words();
        self.format = format;
    }

    fn append_record(
        &mut self,
        line: Line<'_, '_>,
        shared: Option<(&Buffer, usize)>,
    ) -> Result<(), RecordError> {
        let cut = self.batch.append_record(line, &self.format, shared)?;
        self.counts.records += 1;
        self.counts.cut += u64::from(cut);
        Ok(())
    }

    #[cold]
    fn refuse(&mut self, line: &[u8], error: RecordError) {
        self.counts.rejects += 1;
        self.rejects
            .push(Reject::new(self.position, error, line, &self.format));
    }
}
