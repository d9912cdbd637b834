//! SQL over flow logs, on DataFusion.
//!
//! * [`Sources`] are the files, decoded batches and stores that a session reads.
//! * [`Session`] has the tables `flows`, `rejects`, `enis` and `ingest_log` and
//!   answers SQL, with functions that know networks: [`Functions`], within [`Limits`].
//! * [`Report`] is a page of HTML about all of it.
//! * [`Library`] has queries with parameters, [`Top`] ranks.
//! * [`ParquetRecords`] reads Parquet files to be stored.
//! * [`Printer`] writes rows in every output format.
//!
//! No AWS here: rows of a log group come in as batches.

#![deny(missing_docs)]

mod catalog;
mod count;
mod error;
mod filter;
mod groups;
mod joins;
mod keys;
mod library;
mod limits;
mod narrow;
mod networks;
mod once;
mod output;
mod parquet;
mod paths;
mod reach;
mod report;
#[cfg(test)]
mod rules;
mod scan;
mod scans;
mod session;
mod shared;
mod size;
mod sources;
mod statements;
mod store;
mod table;
mod tables;
mod top;
mod totals;
mod utc;

pub use catalog::{ColumnInfo, FunctionInfo, TableInfo};
pub use error::{Error, SqlError};
pub use filter::RowFilter;
pub use library::{Library, Parameter, ParameterKind, Query, infer_parameter};
pub use limits::Limits;
pub use output::{OutputFormat, Printer, escape, escape_lines};
pub use parquet::ParquetRecords;
pub use paths::{ObjectFinder, ObjectsError};
pub use reach::Reach;
pub use report::{Report, ReportOptions};
pub use session::{Parameters, Session, SessionOptions, Window};
pub use size::{Size, grouped};
pub use sources::{ReadCounts, Sources};
pub use statements::{Token, TokenKind, is_whole, split_statements, tokens};
pub use table::adapt;
pub use top::{
    Compared, Key, Line, LiveCounts, LiveOptions, LiveTop, Look, MAX_REJECTED, Measure, Ranked,
    Ranking, RejectedFlow, Stat, Top, Totals, Trend,
};
pub use vpcflow_functions::{Error as FunctionsError, Functions, port_service, protocol_name};
