//! A file as decoded batches.

use std::io::Read;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use vpcflow_record::{
    DecodeCounts, DecodeOptions, Decoder, Format, MAX_LINE_BYTES, RejectsBuilder,
};

use super::{InputError, InputFile};
use crate::sink::{Decoded, SinkError};

/// Size of the pieces that are read and decoded.
const CHUNK_BYTES: usize = 256 * 1024;

/// The format of a file and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFormat {
    /// The format of the file's first records.
    pub format: Format,
    /// The user declared it: header lines do not change it.
    pub declared: bool,
}

impl FileFormat {
    /// The format of `file`: the declared one, else that of its header line,
    /// else the version-2 default.
    ///
    /// # Errors
    /// When the file cannot be read or is not text.
    pub fn resolve(file: &InputFile, declared: Option<&Format>) -> Result<FileFormat, InputError> {
        // Opened in any case: a file that is not text is to be told now.
        let mut start = Vec::new();
        let mut reader = file.open()?.take(2 * MAX_LINE_BYTES as u64);
        reader
            .read_to_end(&mut start)
            .map_err(|error| file.error(error))?;
        if let Some(format) = declared {
            return Ok(FileFormat {
                format: format.clone(),
                declared: true,
            });
        }
        let first = start
            .split(|byte| *byte == b'\n')
            .map(<[u8]>::trim_ascii)
            .find(|line| !line.is_empty() && !line.starts_with(b"#"));
        let format = first.and_then(Format::from_header).unwrap_or_default();
        Ok(FileFormat {
            format,
            declared: false,
        })
    }
}

/// Reads a file as batches of rows and rejects: an iterator that ends with the
/// file, or after its first error.
pub struct FileDecoder {
    file: InputFile,
    reader: Box<dyn Read + Send>,
    decoder: Decoder,
    chunk: Vec<u8>,
    /// The part of `chunk` that is read and not yet decoded.
    pending: std::ops::Range<usize>,
    /// What the batches so far were decoded from.
    taken: DecodeCounts,
    ended: bool,
}

impl std::fmt::Debug for FileDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileDecoder")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl FileDecoder {
    /// Opens `file`, which has the format given. `options` lays out the rows;
    /// whether headers count follows from the format.
    ///
    /// # Errors
    /// When the file cannot be opened or is not text.
    pub fn open(
        file: &InputFile,
        format: &FileFormat,
        options: DecodeOptions,
    ) -> Result<FileDecoder, InputError> {
        let options = DecodeOptions {
            headers: !format.declared,
            ..options
        };
        Ok(FileDecoder {
            file: file.clone(),
            reader: file.open()?,
            decoder: Decoder::new(format.format.clone(), options),
            chunk: vec![0; CHUNK_BYTES],
            pending: 0..0,
            taken: DecodeCounts::default(),
            ended: false,
        })
    }

    /// What was read so far.
    pub fn counts(&self) -> DecodeCounts {
        self.decoder.counts()
    }

    fn advance(&mut self) -> Result<Option<Decoded>, SinkError> {
        while !self.ended && !self.decoder.is_full() {
            if self.pending.is_empty() {
                let read = self.reader.read(&mut self.chunk);
                let read = read.map_err(|error| self.file.error(error))?;
                self.pending = 0..read;
                if read == 0 {
                    self.decoder.finish();
                    self.ended = true;
                }
            }
            self.pending.start += self.decoder.decode(&self.chunk[self.pending.clone()]);
        }
        let counts = self.decoder.counts();
        let taken = take(&mut self.decoder, &self.file.name, self.taken)?;
        if taken.is_some() {
            self.taken = counts;
        }
        Ok(taken)
    }
}

/// Takes what the decoder holds of `source`, where it had counted `before` at
/// the last time; `None` if it holds neither a row nor a reject.
pub(crate) fn take(
    decoder: &mut Decoder,
    source: &str,
    before: DecodeCounts,
) -> Result<Option<Decoded>, ArrowError> {
    let mut rejects = RejectsBuilder::default();
    for reject in decoder.take_rejects() {
        rejects.append(source, Some(reject.position), None, &reject);
    }
    let rows = decoder.flush()?;
    if rows.is_none() && rejects.is_empty() {
        return Ok(None);
    }
    let rows = rows.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(decoder.schema())));
    Ok(Some(Decoded {
        rows,
        rejects: rejects.finish()?,
        bytes: decoder.counts().bytes - before.bytes,
        cut: decoder.counts().cut - before.cut,
    }))
}

impl Iterator for FileDecoder {
    type Item = Result<Decoded, SinkError>;

    fn next(&mut self) -> Option<Self::Item> {
        let result = self.advance();
        if result.is_err() {
            self.ended = true;
        }
        result.transpose()
    }
}
