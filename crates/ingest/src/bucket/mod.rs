//! Buckets of S3, and the objects in them.
//!
//! * [`Bucket`] lists objects: those that a prefix or a pattern means (`keys`), without
//!   those whose keys tell that they have no records of the [`Times`] asked for
//!   (`layout`).
//! * [`Object`] is one of them. A [`Download`] fetches it in pieces, ahead of whoever
//!   reads them.
//! * [`BucketReader`] hands what is new in a bucket to a sink, each object once, by a
//!   [`ObjectsCheckpoint`].

mod checkpoint;
mod download;
mod error;
mod keys;
mod layout;
mod listing;
mod object;
mod reader;

pub use checkpoint::{ObjectsCheckpoint, ObjectsDelta};
pub use error::{Access, BucketError};
pub use layout::Times;
pub use listing::Bucket;
pub use object::FETCHED_AHEAD;
pub(crate) use object::Object;
pub use reader::{BucketReader, ObjectCounts, ParquetDecoder};
