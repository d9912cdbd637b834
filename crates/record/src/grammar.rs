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
mod index;
#[cfg(test)]
mod tests;
mod words;

use crate::field::FieldType;
use crate::format::{Format, FormatField, Separator};
use crate::policy::{Policy, check_strictly};
use crate::reason::{Reason, RecordError};

use self::explain::explain;
use self::index::LineIndex;
pub(crate) use self::index::{Line, Window};
use self::words::{Parsed, Rest, start_of_values};
pub(crate) use self::words::{Word, has_export_time, is_space};

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
        let Record {
            line,
            format,
            policy,
        } = *self;
        let line = Line::whole(line.as_bytes(), &[]);
        let mut rest = start_of_values(Rest::of(line), format);
        let mut first = true;
        format.fields().iter().map(move |field| {
            let (after, word) =
                words::any_word(format.separator(), first, rest).expect("the line was read before");
            (rest, first) = (after, false);
            let checked_as = policy.checked_as(field.field_type());
            (
                field,
                value(word, checked_as).expect("the word was read before"),
            )
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
    let index = LineIndex::of(line);
    let whole = Line::whole(line, index.places());
    let types = format.field_types().iter();
    read_words(whole, format, policy, types, &mut Check(policy))?;
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(RecordError::line(Reason::NotUtf8));
    };
    Ok(Record {
        line,
        format,
        policy,
    })
}

/// Takes the words of a line, each with its field.
pub(crate) trait Sink<'a, Field> {
    /// Takes the word of a field. `false`: it is no value of the field's type.
    fn take(&mut self, field: Field, word: Word<'a>) -> bool;
}

/// Only looks whether they are values.
struct Check(Policy);

impl<'a> Sink<'a, &FieldType> for Check {
    #[inline(always)]
    fn take(&mut self, field_type: &FieldType, word: Word<'a>) -> bool {
        value(word, self.0.checked_as(*field_type)).is_some()
    }
}

/// Reads one line and hands over the word of each field; after an error what
/// was handed over is to be dropped. Returns whether values were left out that follow the last field,
/// which only [`Policy::Lenient`] lets pass.
#[inline(always)]
pub(crate) fn read_words<'a, Field>(
    line: Line<'a, '_>,
    format: &Format,
    policy: Policy,
    fields: impl Iterator<Item = Field>,
    sink: &mut impl Sink<'a, Field>,
) -> Result<bool, RecordError> {
    let bytes = line.bytes();
    // The first two are several times faster, and nearly always enough.
    if !line.is_ascii() && std::str::from_utf8(bytes).is_err() {
        return Err(explain(bytes, format, policy));
    }
    let start = start_of_values(Rest::of(line), format);
    let Ok((rest, ())) = words_of(format.separator(), start, fields, sink) else {
        return Err(explain(bytes, format, policy));
    };
    if !rest.is_empty() && policy != Policy::Lenient {
        return Err(explain(bytes, format, policy));
    }
    if policy == Policy::Strict {
        let line = std::str::from_utf8(bytes).unwrap_or_default();
        let record = Record {
            line,
            format,
            policy,
        };
        check_strictly(record).map_err(|fault| explain::at_value(bytes, format, fault))?;
    }
    Ok(!rest.is_empty())
}

/// A word for each field.
///
/// nom's combinators for lists are written out: they pass results through
/// memory, which doubles the time of a word.
#[inline(always)]
fn words_of<'a, 'i, Field>(
    separator: Separator,
    line: Rest<'a, 'i>,
    fields: impl Iterator<Item = Field>,
    sink: &mut impl Sink<'a, Field>,
) -> Parsed<'a, 'i, ()> {
    let (mut rest, mut first) = (line, true);
    for field in fields {
        let (after, word) = words::any_word(separator, first, rest)?;
        if !sink.take(field, word) {
            return Err(nom::Err::Error(()));
        }
        (rest, first) = (after, false);
    }
    Ok((rest, ()))
}

/// The value of a word; `None` if it is none of this type.
#[inline(always)]
fn value(word: Word<'_>, checked_as: FieldType) -> Option<Value<'_>> {
    if word.is_null() {
        return Some(Value::Null);
    }
    match checked_as {
        FieldType::Int32 => word.int32().map(Value::Int32),
        FieldType::Int64 => word.int64().map(Value::Int64),
        FieldType::Timestamp => word.timestamp().map(Value::Timestamp),
        FieldType::Address if !word.is_address() => None,
        FieldType::Address | FieldType::Text => Some(Value::Text(word.text())),
    }
}
