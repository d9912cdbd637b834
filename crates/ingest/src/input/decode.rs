//! A file as decoded batches.

use std::collections::HashMap;
use std::{fmt, io};

use futures::{StreamExt, TryStreamExt};
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

/// Files whose formats are looked at together.
const OPENED_AT_ONCE: usize = 16;

/// The formats of these files, in their order: each is opened, unless another
/// [tells](format_tellers) its format.
///
/// # Errors
/// As of [`FileFormat::resolve`], of the first file that fails.
pub async fn resolve_formats(
    files: Vec<InputFile>,
    declared: Option<&Format>,
) -> Result<Vec<(InputFile, FileFormat)>, InputError> {
    if let Some(format) = declared {
        let format = FileFormat {
            format: format.clone(),
            declared: true,
        };
        let formats = files.into_iter().map(|file| (file, format.clone()));
        return Ok(formats.collect());
    }
    let tellers = format_tellers(&files);
    let mut opened = tellers.clone();
    opened.sort_unstable();
    opened.dedup();
    let files_to_open: Vec<_> = opened.iter().map(|index| files[*index].clone()).collect();
    let resolve = |file: InputFile| async move {
        let name = file.name.clone();
        let resolved = tokio::task::spawn_blocking(move || FileFormat::resolve(&file, None));
        resolved.await.unwrap_or_else(|error| {
            let source = io::Error::other(error);
            Err(InputError::Io { path: name, source })
        })
    };
    let formats = futures::stream::iter(files_to_open).map(resolve);
    let formats: Vec<FileFormat> = formats.buffered(OPENED_AT_ONCE).try_collect().await?;
    let formats: HashMap<usize, FileFormat> = opened.into_iter().zip(formats).collect();
    let told = tellers.into_iter().map(|index| formats[&index].clone());
    Ok(files.into_iter().zip(told).collect())
}

/// For each of these files the index of the one that tells its format. What a flow log
/// delivers has one format, so that of its objects the first does.
pub fn format_tellers(files: &[InputFile]) -> Vec<usize> {
    let mut first = HashMap::new();
    let mut tellers = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let object = file.object.as_ref();
        let flow_log = object.and_then(|object| Some((object.bucket().name(), object.flow_log()?)));
        tellers.push(match flow_log {
            Some(flow_log) => *first.entry((flow_log, file.is_parquet())).or_insert(index),
            None => index,
        });
    }
    tellers
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
