//! Files in Parquet as a table: those that AWS delivers, and those that others wrote.
//!
//! * `schema` unites the columns of files by the names and types of `flows`.
//! * `adapt` turns what a scan asks of the table into what it asks of a file, so that
//!   the statistics of the file still rule out its row groups and pages.
//! * `times` is what that takes for `start` and `end`, which AWS writes as numbers.
//! * `coded` reads columns of text with their dictionary.
//! * `files` are where the engine finds them, and tell which one fails.
//! * `scan` is the engine's scan of such files, and of those of a store.
//! * `sought` asks the Bloom filters of files for what may be in several columns.
//! * [`ParquetTable`] is the table, [`ParquetRecords`] reads one file without a query.

mod adapt;
mod coded;
mod files;
mod records;
mod scan;
mod schema;
mod sought;
mod table;
mod times;

pub(crate) use self::coded::CodedFiles;
pub use self::records::ParquetRecords;
pub(crate) use self::scan::{ParquetScan, for_pruning, shared};
pub(crate) use self::sought::Sought;
pub(crate) use self::table::ParquetTable;
