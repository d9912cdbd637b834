//! The grammar of a record, in nom: zero-copy, no allocation.
//!
//! ```text
//! line    = space* [ iso-time space+ ] value ( space+ value )* space*
//! value   = "-" | typed by the format's field
//! number  = digit+            ; fits the column
//! address = ipv4 | ipv6
//! text    = any UTF-8 without spaces
//! space   = " " | tab | carriage return
//! ```
//!
//! The optional leading time is what CloudWatch Logs exports write before each
//! event. Runs of spaces count as one, since AWS's own samples hold some.
//!
//! Of a format with commas a line is
//!
//! ```text
//! line    = value ( "," value )*
//! value   = space* [ "-" | typed by the format's field ] space*
//! ```
//!
//! with nothing read as NULL too, and text that may hold spaces. Quotes are
//! ordinary characters: no value of a flow log needs them.

mod explain;
#[cfg(test)]
mod tests;
mod words;

use nom::character::complete::char;
use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::address::is_address;
use crate::field::FieldType;
use crate::format::{Format, FormatField, Separator};
use crate::number;
use crate::policy::{Policy, check_strictly};
use crate::reason::{Reason, RecordError};

use self::explain::explain;
use self::words::{Word, start_of_values};
pub(crate) use self::words::{has_export_time, is_space};

/// One value of a record, typed by its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// `-`: not applicable, or not computed.
    Null,
    /// A number of an `INT` field.
    Int32(i32),
    /// A number of a `BIGINT` field.
    Int64(i64),
    /// Microseconds since the Unix epoch.
    Timestamp(i64),
    /// Text or an address, a slice of the line.
    Text(&'a str),
}

/// A line that has been read against its format: a view that borrows both.
///
/// ```
/// use vpcflow_record::{Field, Format, Value, parse_record};
///
/// let line = b"2 123456789010 eni-1235b8ca123456789 172.31.9.69 172.31.9.12 49761 3389 6 \
///              20 4249 1418530010 1418530070 REJECT OK";
/// let format = Format::default();
/// let record = parse_record(line, &format)?;
/// assert_eq!(record.get(Field::Dstport), Some(Value::Int32(3389)));
/// assert_eq!(record.get(Field::Action), Some(Value::Text("REJECT")));
/// assert_eq!(record.get(Field::VpcId), None);
/// # Ok::<(), vpcflow_record::RecordError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    line: &'a str,
    format: &'a Format,
    policy: Policy,
}

impl<'a> Record<'a> {
    /// The values with their fields, in the order of the format.
    pub fn values(&self) -> impl Iterator<Item = (&'a FormatField, Value<'a>)> + use<'a> {
        let mut values = Values::new(self.line, self.format, self.policy);
        self.format.fields().iter().map(move |field| {
            let value = values
                .next(field.field_type())
                .expect("the line was read against this format before");
            (field, value)
        })
    }

    /// The value of `field`, or `None` when the format does not have it.
    pub fn get(&self, field: crate::Field) -> Option<Value<'a>> {
        self.values()
            .find(|(column, _)| **column == FormatField::Known(field))
            .map(|(_, value)| value)
    }
}

/// Reads one line, without its line feed, as a record of `format`, under
/// [`Policy::Default`].
///
/// # Errors
/// The first thing that makes the line no record of the format. A wrong number
/// of values is told before anything else, since it explains the rest.
pub fn parse_record<'a>(line: &'a [u8], format: &'a Format) -> Result<Record<'a>, RecordError> {
    parse_record_with(line, format, Policy::Default)
}

/// As [`parse_record`], under a policy of the caller's choice.
///
/// # Errors
/// As [`parse_record`], by the table of [`Policy`].
pub fn parse_record_with<'a>(
    line: &'a [u8],
    format: &'a Format,
    policy: Policy,
) -> Result<Record<'a>, RecordError> {
    for_each_value(line, format, policy, |_, _| {})?;
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(RecordError::line(Reason::NotUtf8));
    };
    Ok(Record {
        line,
        format,
        policy,
    })
}

/// Reads one line and hands each value to `sink` with its index in the format.
/// After an error the values handed over so far are to be dropped. Returns
/// whether values were left out that follow the last field, which only
/// [`Policy::Lenient`] lets pass.
#[inline]
pub(crate) fn for_each_value<'a>(
    line: &'a [u8],
    format: &Format,
    policy: Policy,
    mut sink: impl FnMut(usize, Value<'a>),
) -> Result<bool, RecordError> {
    let Ok(text) = std::str::from_utf8(line) else {
        return Err(explain(line, format, policy));
    };
    let mut values = Values::new(text, format, policy);
    for (index, field_type) in format.field_types().iter().enumerate() {
        match values.next(*field_type) {
            Ok(value) => sink(index, value),
            Err(_) => return Err(explain(line, format, policy)),
        }
    }
    let surplus = !values.rest.is_empty();
    if surplus && policy != Policy::Lenient {
        return Err(explain(line, format, policy));
    }
    if policy == Policy::Strict {
        let record = Record {
            line: text,
            format,
            policy,
        };
        check_strictly(record).map_err(|fault| explain::at_value(line, format, fault))?;
    }
    Ok(surplus)
}

/// What is wrong is told by [`explain`] in a second look at the line: refused
/// lines are few, and records need not carry the place of a fault along.
type Parsed<'a, T> = IResult<&'a str, T, ()>;

/// The values of a line, one after the other.
struct Values<'a> {
    /// What was not read yet; after a value of a comma-separated line, from
    /// the comma on.
    rest: &'a str,
    separator: Separator,
    policy: Policy,
    first: bool,
}

impl<'a> Values<'a> {
    #[inline]
    fn new(line: &'a str, format: &Format, policy: Policy) -> Values<'a> {
        Values {
            rest: start_of_values(line, format),
            separator: format.separator(),
            policy,
            first: true,
        }
    }

    /// Written out rather than with `map_res` and `terminated`: these pass
    /// results through memory, which doubles the time of a value.
    #[inline(always)]
    fn next(&mut self, field_type: FieldType) -> Result<Value<'a>, nom::Err<()>> {
        let (rest, word) = match self.separator {
            Separator::Space => words::word(self.rest)?,
            Separator::Comma if self.first => words::cell(self.rest)?,
            Separator::Comma => preceded(char(','), words::cell).parse(self.rest)?,
        };
        let value = typed(field_type, self.policy, word).map_err(|_| nom::Err::Error(()))?;
        (self.rest, self.first) = match self.separator {
            Separator::Space => (words::spaces(rest)?.0, false),
            Separator::Comma => (rest, false),
        };
        Ok(value)
    }
}

/// The value of a word. Only a cell of a comma-separated line can be empty.
#[inline(always)]
fn typed<'a>(field_type: FieldType, policy: Policy, word: Word<'a>) -> Result<Value<'a>, Reason> {
    let Word { text, ahead } = word;
    if matches!(text.as_bytes(), [] | [b'-']) {
        return Ok(Value::Null);
    }
    match policy.checked_as(field_type) {
        FieldType::Int32 => number::int32(ahead, text.len()).map(Value::Int32),
        FieldType::Int64 => number::int64(ahead, text.len()).map(Value::Int64),
        FieldType::Timestamp => number::timestamp(ahead, text.len()).map(Value::Timestamp),
        FieldType::Address if !is_address(ahead, text.len()) => Err(Reason::NotAnAddress),
        FieldType::Address | FieldType::Text => Ok(Value::Text(text)),
    }
}
