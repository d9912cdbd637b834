//! What users name: files, globs, directories, objects and standard input.
//!
//! * [`Location`] is the text of a `SOURCE` argument, understood.
//! * [`InputFile`] is a file to read. [`OpenFile`] is one that was opened: what
//!   it is was looked at, gzip, zstd and JSON envelopes are undone.
//! * [`FileDecoder`] reads a file as decoded batches; [`ReadDecoder`],
//!   [`AsyncReadDecoder`] and [`BytesDecoder`] read any text.
//! * [`DividedFile`] is a file that several [`PartDecoder`]s read at once.

mod chunk;
mod decode;
mod envelope;
mod error;
mod feed;
mod file;
mod gzip;
mod location;
mod open;
mod parts;
mod read;
mod stream;

pub(crate) use chunk::{Chunks, Piece};
pub use decode::{FileDecoder, FileFormat, format_tellers, resolve_formats};
pub use envelope::EnvelopeReader;
pub use error::{InputError, system_message};
pub(crate) use feed::take;
pub use file::{InputFile, expand, spool};
pub(crate) use file::{LOG_NAMES, is_records};
pub(crate) use location::is_pattern;
pub use location::{Location, LocationError};
pub(crate) use open::TextStart;
pub use open::{Compression, OpenFile};
pub use parts::{DividedFile, Part, PartDecoder, TakenPart, Verdict};
pub use read::ReadDecoder;
pub use stream::{AsyncReadDecoder, BytesDecoder};

#[cfg(test)]
mod tests;
