//! Why a record is refused.

use std::fmt;

/// Why a line is no record of its format. Refused lines are data: they go to
/// `rejects` with this reason, and their neighbours are not touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The line has fewer or more values than the format has fields.
    FieldCount {
        /// Fields of the format.
        expected: usize,
        /// Values of the line.
        found: usize,
    },
    /// A number field holds something other than decimal digits.
    NotANumber,
    /// A number does not fit its column.
    OutOfRange,
    /// An address field holds neither an IPv4 nor an IPv6 address.
    NotAnAddress,
    /// The line is not UTF-8.
    NotUtf8,
    /// The line is longer than [`crate::MAX_LINE_BYTES`].
    LineTooLong,
    /// A value that AWS does not document for the field. Only under
    /// [`crate::Policy::Strict`].
    Undocumented,
    /// `-` where every record has a value. Only under
    /// [`crate::Policy::Strict`].
    Missing,
    /// A header in the middle of the input has fields that the table, which
    /// was laid out by the first header, has no column for.
    UnexpectedHeader,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::FieldCount { expected, found } if found < expected => {
                write!(f, "too few fields ({found} of {expected})")
            }
            Reason::FieldCount { expected, found } => {
                write!(f, "too many fields ({found} for {expected})")
            }
            Reason::NotANumber => f.write_str("not a number"),
            Reason::OutOfRange => f.write_str("number out of range"),
            Reason::NotAnAddress => f.write_str("not an address"),
            Reason::NotUtf8 => f.write_str("not UTF-8"),
            Reason::LineTooLong => f.write_str("line too long"),
            Reason::Undocumented => f.write_str("not a documented value"),
            Reason::Missing => f.write_str("no value"),
            Reason::UnexpectedHeader => f.write_str("header with other fields"),
        }
    }
}

/// A refused line: the reason, and the field where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordError {
    /// Index in the format of the field at fault; `None` when the line as a
    /// whole is.
    pub field: Option<usize>,
    /// Byte offset in the line of the value at fault.
    pub offset: usize,
    /// What is wrong.
    pub reason: Reason,
}

impl RecordError {
    /// An error of the line as a whole.
    pub(crate) fn line(reason: Reason) -> RecordError {
        RecordError {
            field: None,
            offset: 0,
            reason,
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.field {
            Some(field) => {
                write!(
                    f,
                    "{} in field {} at byte {}",
                    self.reason,
                    field + 1,
                    self.offset
                )
            }
            None => self.reason.fmt(f),
        }
    }
}

impl std::error::Error for RecordError {}
