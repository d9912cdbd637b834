//! A file that was opened: what it is, and its text.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;

use arrow_buffer::Buffer;
use vpcflow_record::{DecodeOptions, Format, MAX_LINE_BYTES};

use super::chunk::Chunks;
use super::envelope::{EnvelopeReader, is_json};
use super::gzip::{self, Failed, GzipObject, GzipReader};
use super::{DividedFile, FileDecoder, FileFormat, InputError};

/// Bytes looked at to tell what a file is.
const MAGIC_BYTES: usize = 8 * 1024;
/// Compressed bytes that are enough for the first lines.
const COMPRESSED_START_BYTES: usize = 64 * 1024;
/// Text in which the first record or header must begin.
const START_BYTES: usize = 2 * MAX_LINE_BYTES;
/// What some editors write before UTF-8 text.
pub(super) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// Size of the reads from a compressed file.
const READ_BYTES: usize = 256 * 1024;

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Gzip, of any number of members.
    Gzip,
    /// Zstandard, of any number of frames.
    Zstd,
}

impl Compression {
    /// How a file that begins so is compressed; `None`: it is not.
    pub fn of(start: &[u8]) -> Option<Compression> {
        if start.starts_with(gzip::MAGIC) {
            Some(Compression::Gzip)
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
            Some(Compression::Zstd)
        } else {
            None
        }
    }

    /// The program that undoes it.
    pub(super) fn program(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Zstd => "zstd",
        }
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.program())
    }
}

/// A file that was opened and looked at, to be decoded or read as text: gzip
/// and zstd, of any number of members and frames, and JSON envelopes are undone.
///
/// ```
/// use vpcflow_ingest::OpenFile;
/// use vpcflow_record::DecodeOptions;
///
/// let text = b"srcaddr dstport action\n10.0.0.1 22 REJECT\n10.0.0.2 443 ACCEPT\n";
/// let compressed = zstd::encode_all(&text[..], 1)?;
/// let size_bytes = Some(compressed.len() as u64);
/// let file = OpenFile::new("flows.log.zst", std::io::Cursor::new(compressed), size_bytes)?;
/// let format = file.format(None);
/// assert_eq!(format.format.to_string(), "srcaddr dstport action");
/// for decoded in file.decode(&format, DecodeOptions::default()) {
///     assert_eq!(decoded?.rows.num_rows(), 2);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct OpenFile {
    name: String,
    compression: Option<Compression>,
    /// The first text, to tell the format by.
    start: Vec<u8>,
    text: Text,
    /// The bytes of the file are the text.
    plain: bool,
    /// The file and its size in bytes, where it can be read from any place on.
    file: Option<(Arc<File>, u64)>,
}

/// The text of a file, from its start.
pub(super) enum Text {
    /// In pieces of one size.
    Pieces(Box<dyn Read + Send>, Chunks),
    /// Of a gzip file that is undone as a whole.
    Gzip(Box<GzipObject>),
}

impl Text {
    /// The next piece, of any size; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Buffer>> {
        match self {
            Text::Pieces(reader, chunks) => chunks.read(reader),
            Text::Gzip(object) => object.next(),
        }
    }
}

impl OpenFile {
    /// Looks at the start of `input`, which messages call `name`. A gzip file
    /// whose size in bytes is known, and not too large, is undone as a whole,
    /// which takes half the time.
    ///
    /// # Errors
    /// When the start cannot be read, or is not text.
    pub fn new(
        name: impl Into<String>,
        mut input: impl Read + Send + 'static,
        size_bytes: Option<u64>,
    ) -> Result<OpenFile, InputError> {
        let name = name.into();
        let mut start = Vec::new();
        read_up_to(&mut input, MAGIC_BYTES, &mut start)
            .map_err(|error| InputError::read(&name, None, 0, error))?;
        let compression = Compression::of(&start);
        if compression == Some(Compression::Gzip)
            && let Some(size_bytes) = size_bytes.filter(|size| *size <= gzip::MAX_OBJECT_BYTES)
        {
            read_up_to(&mut input, COMPRESSED_START_BYTES, &mut start)
                .map_err(|error| InputError::read(&name, None, 0, error))?;
            // Where it is cut off or damaged, decoding will tell.
            let (text, _) = first_lines(&mut GzipReader::new(start.as_slice()));
            if !is_json(&text) && !text.starts_with(BYTE_ORDER_MARK) {
                require_text(&name, &text)?;
                let object = GzipObject::new(start, Box::new(input), size_bytes);
                return Ok(OpenFile {
                    name,
                    compression,
                    start: text,
                    text: Text::Gzip(Box::new(object)),
                    plain: false,
                    file: None,
                });
            }
        }
        // Chained rather than sought back, so that a named pipe works too.
        let bytes = Cursor::new(start).chain(input);
        let mut reader: Box<dyn Read + Send> = match compression {
            None => Box::new(bytes),
            Some(Compression::Gzip) => {
                Box::new(GzipReader::new(BufReader::with_capacity(READ_BYTES, bytes)))
            }
            Some(Compression::Zstd) => Box::new(
                zstd::Decoder::new(bytes)
                    .map_err(|error| InputError::read(&name, compression, 0, error))?,
            ),
        };
        let (mut start, failed) = first_lines(&mut reader);
        TextStart::blank_mark(&mut start);
        require_text(&name, &start)?;
        let json = is_json(&start);
        let mut text = again(&start, failed, reader);
        if json {
            let mut records = EnvelopeReader::new(text);
            let failed;
            (start, failed) = first_lines(&mut records);
            text = again(&start, failed, Box::new(records));
        }
        Ok(OpenFile {
            name,
            compression,
            start,
            text: Text::Pieces(text, Chunks::default()),
            plain: compression.is_none() && !json,
            file: None,
        })
    }

    /// As [`OpenFile::new`], of a file on disk of so many bytes.
    pub(super) fn of_disk(
        name: String,
        file: File,
        size_bytes: u64,
    ) -> Result<OpenFile, InputError> {
        let file = Arc::new(file);
        let opened = OpenFile::new(name, Arc::clone(&file), Some(size_bytes))?;
        Ok(OpenFile {
            file: Some((file, size_bytes)),
            ..opened
        })
    }

    /// What messages and `rejects.source` call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it is compressed; `None`: it is not.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The format of the file: the declared one, else that of its header line,
    /// else the version-2 default.
    pub fn format(&self, declared: Option<&Format>) -> FileFormat {
        TextStart(&self.start).format(declared)
    }

    /// The file as batches of rows and rejects. `options` lays out the rows;
    /// whether headers count follows from the format.
    pub fn decode(self, format: &FileFormat, options: DecodeOptions) -> FileDecoder {
        FileDecoder::new(self.name, self.compression, self.text, format, options)
    }

    /// Whether [`OpenFile::divide`] is possible: the file is on disk, as text.
    pub fn is_divisible(&self) -> bool {
        // What the system makes up as it is read states no size.
        self.plain && self.file.as_ref().is_some_and(|(_, size)| *size > 0)
    }

    /// The file in parts, for several readers at once.
    ///
    /// # Errors
    /// The file as it was, when it has to be read from its start to its end.
    pub fn divide(self, format: &FileFormat) -> Result<DividedFile, Box<OpenFile>> {
        match &self.file {
            Some((file, size_bytes)) if self.is_divisible() => {
                let (file, size_bytes) = (Arc::clone(file), *size_bytes);
                Ok(DividedFile::new(self.name, file, size_bytes, format))
            }
            _ => Err(Box::new(self)),
        }
    }

    /// The text of the file.
    ///
    /// Its errors are those of reading and undoing; what came before them was
    /// given.
    pub fn into_reader(self) -> impl Read + Send {
        TextReader {
            text: self.text,
            piece: Buffer::default(),
        }
    }
}

impl fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenFile")
            .field("name", &self.name)
            .field("compression", &self.compression)
            .finish_non_exhaustive()
    }
}

/// The first bytes of a text.
pub(crate) struct TextStart<'a>(pub(crate) &'a [u8]);

impl TextStart<'_> {
    /// Whether the first line that says something is whole.
    pub(crate) fn has_a_line(&self) -> bool {
        lines(self.0).any(|line| says_something(line) && line.ends_with(b"\n"))
    }

    /// The declared format, else that of the header line, else the version-2
    /// default.
    pub(crate) fn format(&self, declared: Option<&Format>) -> FileFormat {
        let first = lines(self.0).find(|line| says_something(line));
        let header = || Format::from_header(first?.trim_ascii());
        FileFormat {
            format: match declared {
                Some(format) => format.clone(),
                None => header().unwrap_or_default(),
            },
            declared: declared.is_some(),
        }
    }

    /// Makes sure that a text that begins so is plain, not compressed and not JSON.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn require_plain(name: &str, start: &mut [u8]) -> Result<(), InputError> {
        TextStart::blank_mark(start);
        let kind = match Compression::of(start) {
            Some(Compression::Gzip) => "gzip data",
            Some(Compression::Zstd) => "zstd data",
            None if is_json(start) => "JSON",
            None => return require_text(name, start),
        };
        Err(InputError::NotText {
            path: name.to_owned(),
            kind,
        })
    }

    /// Puts spaces in place of a byte order mark: they count for nothing, and places
    /// stay.
    fn blank_mark(start: &mut [u8]) {
        if start.starts_with(BYTE_ORDER_MARK) {
            start[..BYTE_ORDER_MARK.len()].fill(b' ');
        }
    }
}

/// Text as a reader, where somebody does not want pieces.
struct TextReader {
    text: Text,
    piece: Buffer,
}

impl Read for TextReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.text.next()? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let size = self.piece.len().min(buffer.len());
        buffer[..size].copy_from_slice(&self.piece[..size]);
        self.piece.advance(size);
        Ok(size)
    }
}

/// Reads on until `start` has `len` bytes, or the input ends.
fn read_up_to(input: &mut impl Read, len: usize, start: &mut Vec<u8>) -> io::Result<()> {
    let missing = len.saturating_sub(start.len()) as u64;
    input.take(missing).read_to_end(start).map(drop)
}

/// The start of a text, at least to the end of its first line, and what reading
/// it failed with.
fn first_lines(text: &mut impl Read) -> (Vec<u8>, Option<io::Error>) {
    let mut start = Vec::new();
    loop {
        let len = start.len() + MAGIC_BYTES;
        if let Err(error) = read_up_to(text, len, &mut start) {
            return (start, Some(error));
        }
        let whole = TextStart(&start).has_a_line();
        if whole || start.len() < len || len >= START_BYTES {
            return (start, None);
        }
    }
}

/// A text whose start was read: that, and what comes after it or the failure.
fn again(
    start: &[u8],
    failed: Option<io::Error>,
    rest: Box<dyn Read + Send>,
) -> Box<dyn Read + Send> {
    let start = Cursor::new(start.to_vec());
    match failed {
        Some(error) => Box::new(start.chain(Failed(Some(error)))),
        None => Box::new(start.chain(rest)),
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Whether a line is neither blank nor a comment.
fn says_something(line: &[u8]) -> bool {
    !matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

/// # Errors
/// When a text that begins so is none.
fn require_text(name: &str, start: &[u8]) -> Result<(), InputError> {
    let kind = if start.starts_with(b"PAR1") {
        "a Parquet file"
    } else if start[..start.len().min(MAGIC_BYTES)].contains(&0) {
        "binary data"
    } else {
        return Ok(());
    };
    Err(InputError::NotText {
        path: name.to_owned(),
        kind,
    })
}
