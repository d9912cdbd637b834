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

use nom::sequence::preceded;
use nom::{IResult, Parser};

use crate::address::is_address;
use crate::field::FieldType;
use crate::format::{Format, FormatField, Separator};
use crate::number;
use crate::policy::{Policy, check_strictly};
use crate::reason::{Reason, RecordError};

use self::explain::explain;
use self::words::{Rest, start_of_values};
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
        let mut values = Values::new(
            Rest::new(self.line.as_bytes(), &[]),
            self.format,
            self.policy,
        );
        self.format.fields().iter().map(move |field| {
            let mut value = None;
            values
                .next(field.field_type(), 0, &mut value)
                .expect("the line was read against this format before");
            (field, value.unwrap_or(Value::Null))
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
    for_each_value(line, &[], format, policy, &mut None)?;
    let Ok(line) = std::str::from_utf8(line) else {
        return Err(RecordError::line(Reason::NotUtf8));
    };
    Ok(Record {
        line,
        format,
        policy,
    })
}

/// Takes the values of a line, each with its index in the format.
pub(crate) trait Sink<'a> {
    /// `-`.
    fn null(&mut self, index: usize);
    /// A number of an `INT` field.
    fn int32(&mut self, index: usize, number: i32);
    /// A number of a `BIGINT` field.
    fn int64(&mut self, index: usize, number: i64);
    /// Microseconds.
    fn timestamp(&mut self, index: usize, micros: i64);
    /// Text or an address.
    fn text(&mut self, index: usize, word: Word<'a>);
}

/// Keeps the last value.
impl<'a> Sink<'a> for Option<Value<'a>> {
    fn null(&mut self, _: usize) {
        *self = Some(Value::Null);
    }

    fn int32(&mut self, _: usize, number: i32) {
        *self = Some(Value::Int32(number));
    }

    fn int64(&mut self, _: usize, number: i64) {
        *self = Some(Value::Int64(number));
    }

    fn timestamp(&mut self, _: usize, micros: i64) {
        *self = Some(Value::Timestamp(micros));
    }

    fn text(&mut self, _: usize, word: Word<'a>) {
        *self = Some(Value::Text(word.text()));
    }
}

/// Reads one line and hands each value to `sink`. After an error the values
/// handed over so far are to be dropped. Returns whether values were left out
/// that follow the last field, which only [`Policy::Lenient`] lets pass.
///
/// `ahead` is the line with what follows it, from the line feed on, or nothing.
#[inline]
pub(crate) fn for_each_value<'a>(
    line: &'a [u8],
    ahead: &'a [u8],
    format: &Format,
    policy: Policy,
    sink: &mut impl Sink<'a>,
) -> Result<bool, RecordError> {
    // The first is several times faster, and nearly always enough.
    if !line.is_ascii() && std::str::from_utf8(line).is_err() {
        return Err(explain(line, format, policy));
    }
    let mut values = Values::new(Rest::new(line, ahead), format, policy);
    for (index, field_type) in format.field_types().iter().enumerate() {
        if values.next(*field_type, index, sink).is_err() {
            return Err(explain(line, format, policy));
        }
    }
    let surplus = !values.rest.is_empty();
    if surplus && policy != Policy::Lenient {
        return Err(explain(line, format, policy));
    }
    if policy == Policy::Strict {
        let line_as_text = std::str::from_utf8(line).unwrap_or_default();
        let record = Record {
            line: line_as_text,
            format,
            policy,
        };
        check_strictly(record).map_err(|fault| explain::at_value(line, format, fault))?;
    }
    Ok(surplus)
}

/// What is wrong is told by [`explain`] in a second look at the line: refused
/// lines are few, and records need not carry the place of a fault along.
type Parsed<'a, T> = IResult<Rest<'a>, T, ()>;

/// The values of a line, one after the other.
struct Values<'a> {
    /// What was not read yet; after a value of a comma-separated line, from
    /// the comma on.
    rest: Rest<'a>,
    separator: Separator,
    policy: Policy,
    first: bool,
}

impl<'a> Values<'a> {
    #[inline]
    fn new(line: Rest<'a>, format: &Format, policy: Policy) -> Values<'a> {
        Values {
            rest: start_of_values(line, format),
            separator: format.separator(),
            policy,
            first: true,
        }
    }

    /// Hands over the next value.
    ///
    /// `terminated` is written out: it passes results through memory, which
    /// doubles the time of a value.
    #[inline(always)]
    fn next(
        &mut self,
        field_type: FieldType,
        index: usize,
        sink: &mut impl Sink<'a>,
    ) -> Result<(), nom::Err<()>> {
        let (rest, word) = match self.separator {
            Separator::Space => {
                let (rest, word) = words::word(self.rest)?;
                (words::spaces(rest)?.0, word)
            }
            Separator::Comma if self.first => words::cell(self.rest)?,
            Separator::Comma => preceded(words::comma, words::cell).parse(self.rest)?,
        };
        hand_over(field_type, self.policy, word, index, sink).map_err(|_| nom::Err::Error(()))?;
        (self.rest, self.first) = (rest, false);
        Ok(())
    }
}

/// Hands over the value of a word: straight to where it goes, since a value of
/// many kinds that passes through memory doubles the time.
#[inline(always)]
fn hand_over<'a>(
    field_type: FieldType,
    policy: Policy,
    word: Word<'a>,
    index: usize,
    sink: &mut impl Sink<'a>,
) -> Result<(), Reason> {
    if word.is_null() {
        sink.null(index);
        return Ok(());
    }
    let (ahead, len) = (word.ahead(), word.len());
    match policy.checked_as(field_type) {
        FieldType::Int32 => sink.int32(index, number::int32(ahead, len)?),
        FieldType::Int64 => sink.int64(index, number::int64(ahead, len)?),
        FieldType::Timestamp => sink.timestamp(index, number::timestamp(ahead, len)?),
        FieldType::Address if !is_address(ahead, len) => return Err(Reason::NotAnAddress),
        FieldType::Address | FieldType::Text => sink.text(index, word),
    }
    Ok(())
}
