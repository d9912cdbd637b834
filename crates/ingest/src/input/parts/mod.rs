//! A text file in parts, for several readers at once.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_buffer::Buffer;
use vpcflow_record::{DecodeCounts, DecodeOptions, Decoder, LineFormat, MAX_LINE_BYTES};

use super::chunk::Chunks;
use super::feed::Feed;
use super::open::BYTE_ORDER_MARK;
use super::{FileFormat, InputError};
use crate::sink::Decoded;
use hand_over::HandOver;
pub use hand_over::Verdict;

mod hand_over;

/// Size of a part: some 8,000 records of the default format, which is a batch.
const PART_BYTES: u64 = 896 * 1024;
/// What is read beyond a part to find the end of its last line.
const END_BYTES: usize = 4 * 1024;

/// A text file that is not compressed, to be read in parts by several readers.
/// Together they find the records and rejects that one reader from the start
/// would find: a line is in the part in which it begins, and what header lines
/// mean for later parts is handed on.
///
/// The file is read as far as it went when it was opened.
///
/// ```
/// # use std::io::Write;
/// use vpcflow_ingest::{DividedFile, InputFile, PartDecoder};
/// use vpcflow_record::DecodeOptions;
///
/// # let mut log = tempfile::NamedTempFile::new()?;
/// # log.write_all(b"srcaddr dstport\n10.0.0.1 22\n10.0.0.2 many\n")?;
/// # let path = log.path().to_owned();
/// let file = InputFile::new(path, 0).open()?;
/// let format = file.format(None);
/// let divided = file.divide(&format).map_err(|_| "a plain file")?;
/// let mut decoder = PartDecoder::new(&divided, DecodeOptions::default());
/// let mut rows = 0;
/// while let Some(taken) = divided.take() {
///     let part = decoder.read(&divided, taken)?;
///     let decoded = decoder.decode(&part)?;
///     // Nobody else reads: what was guessed of the part before is right.
///     assert_eq!(divided.report(&part, &decoder).counts(), Some(true));
///     rows += decoded.iter().map(|batch| batch.rows.num_rows()).sum::<usize>();
/// }
/// assert_eq!(rows, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct DividedFile {
    name: String,
    file: Arc<File>,
    size_bytes: u64,
    part_bytes: u64,
    format: FileFormat,
    hand_over: Mutex<HandOver<LineFormat>>,
}

/// A part that a reader has taken. It has to be read and reported.
#[derive(Debug)]
pub struct TakenPart {
    index: u64,
    guess: LineFormat,
}

/// The lines that begin in a part of a file.
#[derive(Debug)]
pub struct Part {
    taken: TakenPart,
    /// Whole lines, the last perhaps without its line feed. Of a line that is
    /// too long to be a record, there is only so much as shows it.
    pub text: Buffer,
    /// Where the text stands in the file.
    position: u64,
    /// Bytes of the file that the part is.
    pub bytes: u64,
}

impl DividedFile {
    pub(super) fn new(
        name: String,
        file: Arc<File>,
        size_bytes: u64,
        format: &FileFormat,
    ) -> DividedFile {
        DividedFile::with_part_bytes(name, file, size_bytes, format, PART_BYTES)
    }

    fn with_part_bytes(
        name: String,
        file: Arc<File>,
        size_bytes: u64,
        format: &FileFormat,
        part_bytes: u64,
    ) -> DividedFile {
        let parts = size_bytes.div_ceil(part_bytes);
        DividedFile {
            name,
            file,
            size_bytes,
            part_bytes,
            format: format.clone(),
            hand_over: Mutex::new(HandOver::new(parts, format.format.clone().into())),
        }
    }

    /// How many parts a file of this size has.
    pub fn parts(size_bytes: u64) -> u64 {
        size_bytes.div_ceil(PART_BYTES)
    }

    /// A part to read; `None`: there is none now, and never will be once all
    /// [are settled](DividedFile::is_settled).
    pub fn take(&self) -> Option<TakenPart> {
        let (index, guess) = self.hand_over().take()?;
        Some(TakenPart { index, guess })
    }

    /// As [`DividedFile::take`], only a part that has to be read again: for who
    /// has read enough that does not count yet.
    pub fn take_again(&self) -> Option<TakenPart> {
        let (index, guess) = self.hand_over().take_again()?;
        Some(TakenPart { index, guess })
    }

    /// Says that a part was decoded, and how `decoder` stands after it. Tells
    /// whether its records count, as soon as that is known.
    pub fn report(&self, part: &Part, decoder: &PartDecoder) -> Verdict {
        let end = decoder.feed.decoder().line_format();
        let TakenPart { index, guess } = &part.taken;
        self.hand_over().report(*index, guess.clone(), end)
    }

    /// Whether all parts were read and count.
    pub fn is_settled(&self) -> bool {
        self.hand_over().is_settled()
    }

    fn hand_over(&self) -> MutexGuard<'_, HandOver<LineFormat>> {
        self.hand_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads into `buffer` from `position` on, as far as the file goes.
    fn read_at(&self, mut buffer: &mut [u8], mut position: u64) -> io::Result<usize> {
        let wanted = buffer.len();
        while !buffer.is_empty() {
            match self.file.read_at(buffer, position) {
                Ok(0) => break,
                Ok(read) => {
                    buffer = &mut buffer[read..];
                    position += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(wanted - buffer.len())
    }

    /// The lines that begin between two offsets, and where the first does.
    fn lines(&self, start: u64, end: u64, chunks: &mut Chunks) -> io::Result<(Buffer, u64)> {
        // The byte before tells whether a line begins right at the start.
        let from = start.saturating_sub(1);
        let len = (end - from) as usize;
        let mut chunk = chunks.take(len + MAX_LINE_BYTES + END_BYTES);
        let mut filled = self.read_at(&mut chunk[..len + END_BYTES], from)?;
        let first = match start {
            0 => Some(0),
            _ => memchr::memchr(b'\n', &chunk[..filled.min(len)]).map(|feed| feed + 1),
        };
        // At `len` begins the first line of the next part.
        let Some(first) = first.filter(|first| *first < len.min(filled)) else {
            return Ok((chunks.give(chunk, 0), start));
        };
        if start == 0 && chunk.starts_with(BYTE_ORDER_MARK) {
            // Spaces in its place: they count for nothing, and places stay.
            chunk[..BYTE_ORDER_MARK.len()].fill(b' ');
        }
        let mut searched = len - 1;
        let last = loop {
            if let Some(feed) = memchr::memchr(b'\n', &chunk[searched.min(filled)..filled]) {
                break searched + feed + 1;
            }
            searched = filled;
            let more = (chunk.len() - filled).min(END_BYTES);
            let read = match filled < len + END_BYTES {
                // The end of the file was met.
                true => 0,
                false => self.read_at(&mut chunk[filled..filled + more], from + filled as u64)?,
            };
            if read == 0 {
                break filled;
            }
            filled += read;
        };
        let text = chunks.give(chunk, last).slice(first);
        Ok((text, from + first as u64))
    }
}

/// Reads and decodes parts of a file.
#[derive(Debug)]
pub struct PartDecoder {
    feed: Feed,
    chunks: Chunks,
}

impl PartDecoder {
    /// A decoder for parts of `file`. `options` lays out the rows; whether
    /// headers count follows from the file's format.
    pub fn new(file: &DividedFile, options: DecodeOptions) -> PartDecoder {
        let options = DecodeOptions {
            headers: !file.format.declared,
            ..options
        };
        let decoder = Decoder::new(file.format.format.clone(), options);
        PartDecoder {
            feed: Feed::new(file.name.clone(), decoder),
            chunks: Chunks::default(),
        }
    }

    /// Reads the lines of a part.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self, file: &DividedFile, taken: TakenPart) -> Result<Part, InputError> {
        let start = taken.index * file.part_bytes;
        let end = file.size_bytes.min(start + file.part_bytes);
        let (text, position) =
            file.lines(start, end, &mut self.chunks)
                .map_err(|source| InputError::Io {
                    path: file.name.clone(),
                    source,
                })?;
        Ok(Part {
            taken,
            text,
            position,
            bytes: end - start,
        })
    }

    /// Decodes a part, as its reader guessed that it begins.
    ///
    /// # Errors
    /// None that are known: the columns are built to the schema.
    pub fn decode(&mut self, part: &Part) -> Result<Vec<Decoded>, InputError> {
        self.decode_text(part.text.clone(), part.position, &part.taken.guess)
    }

    /// Decodes lines that were picked out of parts that began alike.
    ///
    /// # Errors
    /// As [`PartDecoder::decode`].
    pub fn decode_lines(
        &mut self,
        lines: Buffer,
        format: &LineFormat,
    ) -> Result<Vec<Decoded>, InputError> {
        self.decode_text(lines, 0, format)
    }

    fn decode_text(
        &mut self,
        text: Buffer,
        position: u64,
        format: &LineFormat,
    ) -> Result<Vec<Decoded>, InputError> {
        self.feed.go_on(position, format);
        let mut text = Some(text).filter(|text| !text.is_empty());
        let mut decoded = Vec::new();
        let mut read = || Ok(text.take());
        let failed = |feed: &Feed, source| InputError::Io {
            path: feed.source().to_owned(),
            source,
        };
        while let Some(batch) = self.feed.next_of(&mut read, failed) {
            decoded.push(batch?);
        }
        Ok(decoded)
    }

    /// What was decoded so far, in all parts.
    pub fn counts(&self) -> DecodeCounts {
        self.feed.decoder().counts()
    }
}

impl Part {
    /// How its first line is read, as its reader guessed.
    pub fn format(&self) -> &LineFormat {
        &self.taken.guess
    }
}

#[cfg(test)]
mod tests;
