//! Reading one file from its offset on.

use std::io::{self, Read, Seek, SeekFrom};

use vpcflow_record::{DecodeOptions, Decoder, Format, compact};

use super::checkpoint::FileState;
use super::identity::{HEAD_BYTES, Head, first_bytes, if_there};
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
        mut take_batch: impl Take,
    ) -> Result<(), SinkError> {
        let (format, is_declared) = match self.state.format() {
            Some(format) => (format, declared.is_some()),
            None => {
                let format = FileFormat::resolve(&self.file, declared)?;
                (format.format, format.declared)
            }
        };
        let begins = match self.state.head.bytes < HEAD_BYTES {
            true => first_bytes(&self.file)?,
            false => Vec::new(),
        };
        let mut input = self.open()?;
        if !self.state.inode.is_at(&self.file) {
            // Another file was opened.
            return Ok(());
        }
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
                    let read = chunks.read(&mut input);
                    match read.map_err(|error| self.file.error(error))? {
                        Some(piece) => pending = Piece::new(piece),
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
                self.note_head(&begins)?;
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
        self.note_head(&begins)
    }

    /// The decoded bytes from the offset on.
    fn open(&self) -> Result<Box<dyn Read + Send>, InputError> {
        let plain = self.state.wrapped_bytes.is_none();
        let offset = self.state.offset;
        if plain && offset > 0 {
            let mut file = self.file.open_raw()?;
            let sought = file.seek(SeekFrom::Start(offset));
            sought.map_err(|error| self.file.error(error))?;
            return Ok(Box::new(file));
        }
        let mut input = self.file.open()?.into_reader();
        io::copy(&mut input.by_ref().take(offset), &mut io::sink())
            .map_err(|error| self.file.error(error))?;
        Ok(Box::new(input))
    }

    /// Brings the head up to date, as long as it is not whole: with how the file
    /// begins now, or did before it was rotated. A copy of it is known by that.
    fn note_head(&mut self, begins: &[u8]) -> Result<(), SinkError> {
        let bytes = self.state.offset.min(HEAD_BYTES as u64) as usize;
        if self.state.head.bytes < bytes {
            let text = first_bytes(&self.file);
            let text = if_there(self.state.inode, &self.file, text)?;
            let text = text.as_deref().unwrap_or(begins);
            if text.len() > self.state.head.bytes {
                self.state.head = Head::new(&text[..bytes.min(text.len())]);
            }
        }
        Ok(())
    }
}
