//! What users name: files, globs, directories and standard input.
//!
//! * [`Location`] is the text of a `SOURCE` argument, understood.
//! * [`InputFile`] is a file to read. [`OpenFile`] is one that was opened: what
//!   it is was looked at, gzip, zstd and JSON envelopes are undone.
//! * [`FileDecoder`] reads a file as decoded batches; [`ReadDecoder`],
//!   [`AsyncReadDecoder`] and [`BytesDecoder`] read any text.

mod chunk;
mod decode;
mod envelope;
mod error;
mod feed;
mod file;
mod gzip;
mod location;
mod open;
mod read;
mod stream;

pub use decode::{FileDecoder, FileFormat};
pub use envelope::EnvelopeReader;
pub use error::{InputError, system_message};
pub(crate) use feed::take;
pub use file::{InputFile, expand, spool};
pub use location::{Location, LocationError};
pub(crate) use open::TextStart;
pub use open::{Compression, OpenFile};
pub use read::ReadDecoder;
pub use stream::{AsyncReadDecoder, BytesDecoder};

#[cfg(test)]
mod tests;
