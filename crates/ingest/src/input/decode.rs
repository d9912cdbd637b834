//! A file as decoded batches.

use std::fmt;

use vpcflow_record::{DecodeCounts, DecodeOptions, Decoder, Format};

use super::feed::Feed;
use super::open::{Compression, Text};
use super::{InputError, InputFile};
use crate::sink::Decoded;

/// The format of a file and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFormat {
    /// The format of the file's first records.
    pub format: Format,
    /// The user declared it: header lines do not change it.
    pub declared: bool,
}

impl FileFormat {
    /// The format of `file`, as of [`OpenFile::format`](super::OpenFile::format).
    ///
    /// # Errors
    /// When the file cannot be read or is not text, whether or not its format is
    /// declared.
    pub fn resolve(file: &InputFile, declared: Option<&Format>) -> Result<FileFormat, InputError> {
        Ok(file.open()?.format(declared))
    }
}

/// Reads a file as batches of rows and rejects: an iterator that ends with the
/// file, or after its first error. What was read before an error comes first.
pub struct FileDecoder {
    feed: Feed,
    compression: Option<Compression>,
    text: Text,
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
        Ok(file.open()?.decode(format, options))
    }

    pub(super) fn new(
        name: String,
        compression: Option<Compression>,
        text: Text,
        format: &FileFormat,
        options: DecodeOptions,
    ) -> FileDecoder {
        let options = DecodeOptions {
            headers: !format.declared,
            ..options
        };
        FileDecoder {
            feed: Feed::new(name, Decoder::new(format.format.clone(), options)),
            compression,
            text,
        }
    }

    /// What was read so far.
    pub fn counts(&self) -> DecodeCounts {
        self.feed.decoder().counts()
    }
}

impl Iterator for FileDecoder {
    type Item = Result<Decoded, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let compression = self.compression;
        self.feed.next_of(
            || self.text.next(),
            |feed, error| {
                let text_bytes = feed.decoder().counts().bytes;
                InputError::read(feed.source(), compression, text_bytes, error)
            },
        )
    }
}

impl fmt::Debug for FileDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileDecoder")
            .field("file", &self.feed.source())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
