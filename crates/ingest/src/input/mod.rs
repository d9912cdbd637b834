//! What users name: files, globs, directories and standard input.
//!
//! * [`Location`] is the text of a `SOURCE` argument, understood.
//! * [`InputFile`] is a file to read: [`InputFile::open`] undoes gzip, zstd and
//!   JSON envelopes.
//! * [`FileDecoder`] reads a file as decoded batches.

mod decode;
mod envelope;
mod file;
mod location;

pub(crate) use decode::take;
pub use decode::{FileDecoder, FileFormat};
pub use file::{InputError, InputFile, expand, spool};
pub use location::{Location, LocationError};
