//! The durable table: a [Delta Lake](https://github.com/delta-io/delta/blob/master/PROTOCOL.md)
//! table on a directory or an object store, that one process writes and any number
//! reads.
//!
//! * [`Location`] says where a store is.
//! * [`Store`] writes it: [`Store::append`] takes rows, [`Store::checkpoint`] how
//!   far a source was read with them, [`Store::commit`] makes both durable in one
//!   step. Compaction, retention and clean-up come with that.
//! * [`Live`] is the writer's view for queries of the same process: committed files
//!   and rows not yet committed, each row once.
//! * [`Reader`] reads what is committed, from any process.
//! * [`Snapshot`] is what both give: files, rows, rejects, sources at one moment.
//! * [`check`](check()) and [`info`](info()) report on a store.
//!
//! ```
//! # use std::sync::Arc;
//! use serde_json::json;
//! use vpcflow_ingest::SystemClock;
//! use vpcflow_record::{DecodeOptions, Decoder, Format, RejectsBuilder};
//! use vpcflow_store::{Checkpoint, Location, SourceId, Store, StoreOptions};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let text = b"2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 20 4249 1418530010 1418530070 REJECT OK\n";
//! let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
//! decoder.decode(text);
//! let rows = decoder.flush()?.expect("one record");
//! let rejects = RejectsBuilder::default().finish()?;
//!
//! let directory = tempfile::tempdir()?;
//! let location = Location::directory(directory.path())?;
//! let clock = Arc::new(SystemClock);
//! let mut store = Store::open(&location, StoreOptions::default(), clock).await?;
//! let source = SourceId::new("file:/var/log/flow.log");
//! // Nothing is known of the source: read it from its start.
//! assert!(store.source(&source).is_none());
//! store.append(&source, rows, rejects).await?;
//! store.checkpoint(&source, Checkpoint::full(json!({ "offset": text.len() })));
//! let commit = store.commit().await?.expect("there is a checkpoint");
//! assert_eq!((commit.version, commit.rows), (1, 1));
//!
//! // After a restart it goes on from here.
//! let state = store.source(&source).expect("it was committed");
//! assert_eq!(state.cursors, [json!({ "offset": text.len() })]);
//! # Ok(())
//! # }
//! ```
//!
//! # What is where
//!
//! | object | holds |
//! |---|---|
//! | `_delta_log/` | the log: what is in the table |
//! | `date=2026-11-22/part-….parquet` | rows of a day, sorted by `start` |
//! | `_cursors/SOURCE/NUMBER.json` | how far a source was read; counts when the log's transaction of the source has its number |
//! | `_rejects/SOURCE/….parquet` | refused lines; count when the source's cursor names them |
//! | `_vpcflow.lock` | who writes, on a directory |
//!
//! Names that begin with `_` are not part of the table: readers and clean-up of
//! other tools leave them alone.
//!
//! No AWS and no SQL here: whoever has credentials hands an object store in.

#![deny(missing_docs)]

mod check;
mod checksum;
mod compact;
mod data_file;
mod durable;
mod encode;
mod error;
mod event_ids;
mod info;
mod live;
mod location;
mod lock;
mod log;
mod merge;
mod object_file;
mod order;
mod orphans;
mod reader;
mod rejects;
mod schema;
mod sink;
mod source;
mod stats;
mod store;
mod table;

pub use check::{Check, Finding, check};
pub use data_file::DataFile;
pub use error::{Error, Result};
pub use info::{CommitRecord, Info, info};
pub use live::{Live, Snapshot};
pub use location::Location;
pub use order::dates;
pub use orphans::Orphan;
pub use reader::Reader;
pub use rejects::read_rejects;
pub use schema::DATE_COLUMN;
pub use sink::{CommitTotals, Patience, SharedStore, StoreSink};
pub use source::{Checkpoint, RejectsFile, SourceId, SourceState, Totals};
pub use stats::FileStats;
pub use store::{Commit, Maintenance, Store, StoreOptions};
pub use table::LAYOUT_VERSION;
