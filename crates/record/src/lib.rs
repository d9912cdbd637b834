//! Decoding of AWS VPC flow logs: every field of every version, any custom
//! format, straight into Arrow.
//!
//! This crate has no I/O, no async and no clock: it takes bytes and gives
//! record batches and rejects.
//!
//! * [`Field`] is the registry of all documented fields (versions 2 to 11 and
//!   Transit Gateway): name, SQL column, type, meaning, when it is NULL.
//! * [`Format`] is an ordered list of fields: from `${field}` strings, bare
//!   names, or a header line.
//! * [`parse_record`] is the grammar, in nom and zero-copy: one line to one
//!   [`Record`]. Usable alone.
//! * [`Decoder`] turns text in pieces of any size into Arrow batches. A line
//!   that is no record of the format becomes a [`Reject`] with its place and
//!   reason, and never touches its neighbours. Records are decoded in blocks,
//!   with the instructions of a [`CpuLevel`]; whatever is out of the ordinary
//!   goes through the grammar, and both say the same of every input.
//! * [`AddressBuilder`] makes a column of addresses out of their numbers.
//! * [`compact`] frees batches that live long of the input that they point into.
//! * [`Policy`] is the table of what is refused.
//!
//! ```
//! use vpcflow_record::{Field, Format, Value, parse_record};
//!
//! let format = Format::parse("${srcaddr} ${dstaddr} ${dstport} ${action}")?;
//! let record = parse_record(b"198.51.100.7 10.0.0.5 22 REJECT", &format)?;
//! assert_eq!(record.get(Field::Dstport), Some(Value::Int32(22)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is skipped, what is refused
//!
//! Blank lines, lines that start with `#` and header lines are skipped. `-` is
//! NULL in every column. A record is refused when the number of values differs
//! from the format, a number is none or does not fit, an address is none, or
//! text is not UTF-8; [`Policy`] has the details, and two other ways. Values are
//! separated by spaces, or by commas when the header says so. Unknown actions, statuses and protocols are kept: nothing
//! is repaired, and nothing is put in place of a value that could not be read.

#![deny(missing_docs)]

mod address;
mod address_builder;
mod batch;
mod column;
mod compact;
mod decoder;
mod field;
mod format;
mod grammar;
mod line_format;
mod memory;
mod nulls;
mod number;
mod only;
mod policy;
mod reason;
mod reject;
mod row;
mod schema;
mod simd;

pub use address_builder::AddressBuilder;
pub use compact::compact;
pub use decoder::{BATCH_ROWS, DecodeCounts, DecodeOptions, Decoder, MAX_LINE_BYTES};
pub use field::{Field, FieldType};
pub use format::{Format, FormatError, FormatField, Separator};
pub use grammar::{Record, Value, parse_record, parse_record_with};
pub use line_format::LineFormat;
pub use memory::huge_vec;
pub use only::Only;
pub use policy::{Policy, UnknownPolicy};
pub use reason::{Reason, RecordError};
pub use reject::{MAX_REJECT_BYTES, Reject, RejectsBuilder};
pub use schema::{flows_schema, rejects_schema};
pub use simd::{CpuLevel, Ipv4Texts};
