//! Sources of flow log records, and how to follow them without loss.
//!
//! * [`Location`] and [`InputFile`]: files, globs, directories and standard
//!   input. [`OpenFile`] undoes gzip, zstd and JSON envelopes, and
//!   [`FileDecoder`] reads it as batches. A [`DividedFile`] is read by several
//!   [`PartDecoder`]s at once.
//! * [`ReadDecoder`], [`AsyncReadDecoder`] and [`BytesDecoder`] decode any text
//!   that comes from a reader or a stream.
//! * [`LogGroup`]: a group of log streams that is read by ranges of event time;
//!   [`Follow`] is the pure state machine that follows one without loss or
//!   repeats, [`Follower`] drives it, and [`Budget`] keeps its calls under the
//!   quota.
//! * [`Checkpoint`] is where a source stands, for a sink to keep with the rows.
//! * [`Bucket`] lists objects of S3, and [`BucketReader`] reads those that are new.
//! * [`DirectoryFollower`] follows a directory whose files grow.
//! * [`LineFollower`] follows text that cannot be read again: standard input.
//! * [`Sink`] takes the decoded batches.
//! * [`Clock`] is where time comes from; [`SimulatedClock`] runs an hour of
//!   following in the time that its work takes.
//!
//! No AWS and no SQL here: `vpcflow-aws` serves real log groups, `vpcflow-query`
//! asks.

#![deny(missing_docs)]

mod bucket;
mod budget;
mod checkpoint;
mod clock;
mod directory;
mod events;
mod follow;
mod group;
mod history;
mod input;
mod lines;
mod memory;
mod progress;
mod range_map;
mod sink;

pub use bucket::{
    Access, Bucket, BucketError, BucketReader, FETCHED_AHEAD, ObjectCounts, ObjectsCheckpoint,
    ObjectsDelta, ParquetDecoder, Times,
};
pub use budget::{Budget, BudgetUsage};
pub use checkpoint::{Checkpoint, CheckpointDelta, CheckpointMismatch};
pub use clock::{Clock, SimulatedClock, SystemClock};
pub use directory::{DirectoryFollower, FilesCheckpoint, FilesDelta, FilesProgress};
pub use events::{DecodingSink, EventDecoder, events_schema};
pub use follow::{
    CommittedEvents, Delivery, Follow, FollowError, FollowOptions, Follower, GroupCheckpoint,
    GroupDelta, Progress, Read, ReadId, ReadKind, Step,
};
pub use group::{EventPage, LogEvent, LogGroup, PageRequest, ReadError, ReadErrorKind};
pub use history::read_history;
pub use input::{
    AsyncReadDecoder, BytesDecoder, Compression, DividedFile, EnvelopeReader, FileDecoder,
    FileFormat, InputError, InputFile, Location, LocationError, OpenFile, Part, PartDecoder,
    ReadDecoder, TakenPart, Verdict, expand, format_tellers, resolve_formats, spool,
    system_message,
};
pub use lines::{LineFollower, LinesCheckpoint, LinesDelta, LinesProgress};
pub use memory::MemoryLogGroup;
pub use progress::SourceProgress;
pub use sink::{Collected, Decoded, EventSink, Sink, SinkError};
