//! Why an input cannot be read.

use std::io;
use std::path::Path;

use arrow_schema::ArrowError;

use super::open::Compression;
use crate::bucket::BucketError;

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file or directory is missing, or reading failed.
    #[error("cannot read `{path}`: {}", system_message(source))]
    Io {
        /// The file or directory.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A compressed file that is cut off. What came before is decoded.
    #[error(
        "`{path}` ends early: its {compression} data are cut off after {text_bytes} bytes of text"
    )]
    CutOff {
        /// The file.
        path: String,
        /// How it is compressed.
        compression: Compression,
        /// Bytes of text that could be read.
        text_bytes: u64,
    },
    /// A compressed file that is damaged. What came before is decoded.
    #[error(
        "`{path}` is damaged: its {compression} data cannot be read after {text_bytes} bytes of \
         text ({reason})"
    )]
    Damaged {
        /// The file.
        path: String,
        /// How it is compressed.
        compression: Compression,
        /// Bytes of text that could be read.
        text_bytes: u64,
        /// What the decompressor says.
        reason: String,
    },
    /// A pattern that cannot be read.
    #[error("`{pattern}` is no pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong, and where.
        reason: &'static str,
    },
    /// A pattern that no file matches.
    #[error("no file matches `{0}`")]
    NoMatch(String),
    /// A directory without a log file.
    #[error("no log file in `{0}`")]
    NoLogs(String),
    /// A file that is not text.
    #[error("`{path}` is {kind}, not flow log text")]
    NotText {
        /// The file.
        path: String,
        /// What it seems to be.
        kind: &'static str,
    },
    /// A bucket or an object in it cannot be read.
    #[error(transparent)]
    Bucket(#[from] BucketError),
    /// A Parquet file that cannot be read as one.
    #[error("`{path}` is damaged: its Parquet data cannot be read ({reason})")]
    Parquet {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The columns of a batch do not fit together. None is known to do so.
    #[error("the records of `{path}` make no batch: {source}")]
    Batch {
        /// The file.
        path: String,
        /// What does not fit.
        source: ArrowError,
    },
}

impl InputError {
    pub(super) fn io(path: &Path, source: io::Error) -> InputError {
        InputError::Io {
            path: path.display().to_string(),
            source,
        }
    }

    /// The error of a read from the input `path`, after so many bytes of text.
    pub(crate) fn read(
        path: &str,
        compression: Option<Compression>,
        text_bytes: u64,
        source: io::Error,
    ) -> InputError {
        // Whatever is read through, the object failed and not its data.
        let source = match source.downcast::<BucketError>() {
            Ok(error) => return error.into(),
            Err(source) => source,
        };
        let path = path.to_owned();
        match compression {
            // What the system says is not about the data.
            Some(compression) if source.raw_os_error().is_none() => match source.kind() {
                io::ErrorKind::UnexpectedEof => InputError::CutOff {
                    path,
                    compression,
                    text_bytes,
                },
                _ => InputError::Damaged {
                    path,
                    compression,
                    text_bytes,
                    reason: source.to_string(),
                },
            },
            _ => InputError::Io { path, source },
        }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            InputError::Bucket(error) => error.hint(),
            InputError::NotText {
                kind: "a Parquet file",
                ..
            } => Some("Parquet files are known by their names: `*.parquet`".to_owned()),
            InputError::NoLogs(_) => Some(format!(
                "log files are those named {}",
                super::file::LOG_NAMES
            )),
            InputError::CutOff {
                path, compression, ..
            }
            | InputError::Damaged {
                path, compression, ..
            } => Some(format!(
                "copy it again from where it came; `{} -dc {path} | vpcflow … --from -` reads what \
                 is left of it",
                compression.program()
            )),
            _ => None,
        }
    }
}

/// What the system says of a failure, as a part of a sentence: without the
/// number of the error.
///
/// ```
/// let error = std::fs::File::open("/no/such/file").unwrap_err();
/// assert_eq!(error.to_string(), "No such file or directory (os error 2)");
/// assert_eq!(vpcflow_ingest::system_message(&error), "no such file or directory");
/// ```
pub fn system_message(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(number) = error.raw_os_error() else {
        return text;
    };
    let text = text
        .strip_suffix(&format!(" (os error {number})"))
        .unwrap_or(&text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
