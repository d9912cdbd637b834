//! Reading one file from its offset on.

use std::fs::File;
use std::io::{self, Read, Seek};

use vpcflow_record::{DecodeOptions, Decoder, Format, compact};

use super::checkpoint::FileState;
use super::identity::{HEAD_BYTES, Head};
use crate::input::{Chunks, FileFormat, InputError, InputFile, Piece, take};
use crate::sink::{Decoded, SinkError};

/// Reads a file from where it was left to its present end.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) file: InputFile,
    pub(super) state: FileState,
    /// The last line counts without a line feed.
    pub(super) to_end: bool,
}

/// What becomes of the batches: `false` to read no further.
pub(super) trait Take: FnMut(Decoded, &FileState) -> bool {}
impl<F: FnMut(Decoded, &FileState) -> bool> Take for F {}

impl Reading {
    /// Reads on. Each batch comes with the state to keep with it.
    pub(super) fn run(
        &mut self,
        declared: Option<&Format>,
        options: DecodeOptions,
        take_batch: impl Take,
    ) -> Result<(), SinkError> {
        let (format, is_declared) = match self.state.format() {
            Some(format) => (format, declared.is_some()),
            None => {
                let format = FileFormat::resolve(&self.file, declared)?;
                (format.format, format.declared)
            }
        };
        let mut input = self.open_at_start()?;
        if !self.state.inode.is_at(&self.file) {
            // Another file was opened.
            return Ok(());
        }
        let head_bytes = self.state.offset.min(HEAD_BYTES as u64);
        let mut begins = Vec::with_capacity(HEAD_BYTES);
        let read = input.by_ref().take(head_bytes).read_to_end(&mut begins);
        read.map_err(|error| self.file.error(error))?;
        if self.state.head.bytes > 0 && !self.state.head.fits(&begins) {
            // It was truncated since it was looked at, and the next poll tells.
            return Ok(());
        }
        let skipped = input.skip(self.state.offset - begins.len() as u64);
        skipped.map_err(|error| self.file.error(error))?;
        self.decode(&mut input, begins, format, is_declared, options, take_batch)
    }

    /// Decodes what comes from the offset on. `begins` is how the file begins, as far
    /// as it was read: the head is made of the very bytes that were decoded, for the
    /// file may be truncated meanwhile, and its copy is known by its head.
    pub(super) fn decode(
        &mut self,
        input: &mut impl Read,
        mut begins: Vec<u8>,
        format: Format,
        is_declared: bool,
        options: DecodeOptions,
        mut take_batch: impl Take,
    ) -> Result<(), SinkError> {
        let options = DecodeOptions {
            headers: !is_declared,
            position: self.state.offset,
            ..options
        };
        let mut decoder = Decoder::new(format, options);
        let start = self.state.offset;
        let mut chunks = Chunks::default();
        let mut pending = Piece::default();
        let mut taken = decoder.counts();
        let mut ended = false;
        loop {
            while !ended && !decoder.is_full() {
                if pending.is_empty() {
                    // Its memory may be used again.
                    pending = Piece::default();
                    let read = chunks.read(input);
                    match read.map_err(|error| self.file.error(error))? {
                        Some(piece) => {
                            let missing = HEAD_BYTES.saturating_sub(begins.len());
                            begins.extend(&piece[..piece.len().min(missing)]);
                            pending = Piece::new(piece);
                        }
                        None => {
                            if self.to_end {
                                decoder.finish();
                            }
                            ended = true;
                        }
                    }
                }
                pending.decode(&mut decoder);
            }
            let counts = decoder.counts();
            self.state.offset = start + counts.bytes - decoder.partial_bytes() as u64;
            self.state.set_format(decoder.format());
            let batch = take(&mut decoder, &self.file.name, taken)?;
            taken = counts;
            if let Some(mut batch) = batch {
                if ended {
                    // A few rows that wait for more would keep all of a piece.
                    batch.rows = compact(batch.rows);
                }
                self.note_head(&begins);
                if !take_batch(batch, &self.state) {
                    return Ok(());
                }
            }
            if ended {
                break;
            }
        }
        if self.state.wrapped_bytes.is_some() {
            self.state.wrapped_bytes = Some(self.file.size_bytes);
        }
        self.note_head(&begins);
        Ok(())
    }

    /// The decoded bytes, from the first one on.
    fn open_at_start(&self) -> Result<Input, InputError> {
        let is_plain = self.state.wrapped_bytes.is_none();
        Ok(match is_plain && self.state.offset > 0 {
            true => Input::Plain(self.file.open_raw()?),
            false => Input::Decoded(Box::new(self.file.open()?.into_reader())),
        })
    }

    /// Brings the head up to date, as long as it is not whole.
    fn note_head(&mut self, begins: &[u8]) {
        let bytes = begins
            .len()
            .min(self.state.offset.min(HEAD_BYTES as u64) as usize);
        if self.state.head.bytes < bytes {
            self.state.head = Head::new(&begins[..bytes]);
        }
    }
}

/// An open file: plain, which can be read from any byte on, or in a wrapping.
enum Input {
    Plain(File),
    Decoded(Box<dyn Read + Send>),
}

impl Input {
    /// Goes on by so many bytes.
    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        match self {
            Input::Plain(file) => {
                let bytes = i64::try_from(bytes).map_err(io::Error::other)?;
                file.seek_relative(bytes)
            }
            Input::Decoded(reader) => {
                io::copy(&mut reader.take(bytes), &mut io::sink()).map(|_| ())
            }
        }
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Plain(file) => file.read(buffer),
            Input::Decoded(reader) => reader.read(buffer),
        }
    }
}
