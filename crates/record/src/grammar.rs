//! The grammar of a record, in nom: zero-copy over `&[u8]`, no allocation.
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

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::bytes::complete::{take_while, take_while1};
use nom::combinator::{opt, verify};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::terminated;
use nom::{IResult, Parser};

use crate::field::FieldType;
use crate::format::{Format, FormatField};
use crate::reason::{Reason, RecordError};

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
    line: &'a [u8],
    format: &'a Format,
}

impl<'a> Record<'a> {
    /// The values with their fields, in the order of the format.
    pub fn values(&self) -> impl Iterator<Item = (&'a FormatField, Value<'a>)> + use<'a> {
        let format = self.format;
        let mut rest = start_of_values(self.line, format);
        format.fields().iter().map(move |field| {
            let (after, value) = value_and_spaces(field.field_type(), rest)
                .expect("the line was read against this format before");
            rest = after;
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

/// Reads one line, without its line feed, as a record of `format`.
///
/// # Errors
/// The first thing that makes the line no record of the format. A wrong number
/// of values is told before anything else, since it explains the rest.
pub fn parse_record<'a>(line: &'a [u8], format: &'a Format) -> Result<Record<'a>, RecordError> {
    for_each_value(line, format, |_, _| {})?;
    Ok(Record { line, format })
}

/// Reads one line and hands each value to `sink` with its index in the format.
/// After an error the values handed over so far are to be dropped.
pub(crate) fn for_each_value<'a>(
    line: &'a [u8],
    format: &Format,
    mut sink: impl FnMut(usize, Value<'a>),
) -> Result<(), RecordError> {
    let mut rest = start_of_values(line, format);
    for (index, field) in format.fields().iter().enumerate() {
        match value_and_spaces(field.field_type(), rest) {
            Ok((after, value)) => {
                sink(index, value);
                rest = after;
            }
            Err(nom::Err::Error(fault) | nom::Err::Failure(fault)) => {
                return Err(explain(line, format, index, fault));
            }
            Err(nom::Err::Incomplete(_)) => unreachable!("every parser here is a complete one"),
        }
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(field_count(line, format))
    }
}

/// Where and why a value could not be read.
#[derive(Debug)]
struct Fault<'a> {
    at: &'a [u8],
    /// `None`: there is no value left to read.
    reason: Option<Reason>,
}

impl<'a> ParseError<&'a [u8]> for Fault<'a> {
    fn from_error_kind(at: &'a [u8], _: ErrorKind) -> Self {
        Fault { at, reason: None }
    }

    fn append(_: &'a [u8], _: ErrorKind, other: Self) -> Self {
        other
    }
}

type Parsed<'a, T> = IResult<&'a [u8], T, Fault<'a>>;

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn spaces(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while(is_space).parse(input)
}

fn word(input: &[u8]) -> Parsed<'_, &[u8]> {
    take_while1(|byte| !is_space(byte)).parse(input)
}

/// `2024-12-14T16:25:12.000Z`, as CloudWatch Logs exports write it.
fn export_time(input: &[u8]) -> Parsed<'_, &[u8]> {
    verify(word, |word: &[u8]| {
        let digits = |range: std::ops::Range<usize>| word[range].iter().all(u8::is_ascii_digit);
        word.len() >= 20
            && (word[4], word[7], word[10], word[13], word[16]) == (b'-', b'-', b'T', b':', b':')
            && word.ends_with(b"Z")
            && digits(0..4)
            && digits(5..7)
            && digits(8..10)
    })
    .parse(input)
}

/// Skips leading spaces and the time of an export, which repeats `start`.
fn start_of_values<'a>(line: &'a [u8], format: &Format) -> &'a [u8] {
    // A field that the registry does not have could hold such a time itself.
    let own_time = matches!(format.fields().first(), Some(FormatField::Unknown(_)));
    let start = spaces(line).map_or(line, |(rest, _)| rest);
    if own_time || start.get(4) != Some(&b'-') {
        return start;
    }
    opt(terminated(export_time, spaces))
        .parse(start)
        .map_or(start, |(rest, _)| rest)
}

fn value_and_spaces(field_type: FieldType, input: &[u8]) -> Parsed<'_, Value<'_>> {
    terminated(|input| value(field_type, input), spaces).parse(input)
}

fn value(field_type: FieldType, input: &[u8]) -> Parsed<'_, Value<'_>> {
    let (rest, word) = word(input)?;
    let value = if word == b"-" {
        Ok(Value::Null)
    } else {
        match field_type {
            FieldType::Int32 => int32(word).map(Value::Int32),
            FieldType::Int64 => int64(word).map(Value::Int64),
            FieldType::Timestamp => timestamp(word).map(Value::Timestamp),
            FieldType::Address => address(word).map(Value::Text),
            FieldType::Text => text(word).map(Value::Text),
        }
    };
    match value {
        Ok(value) => Ok((rest, value)),
        Err(reason) => Err(nom::Err::Failure(Fault {
            at: input,
            reason: Some(reason),
        })),
    }
}

/// Unsigned decimal digits and nothing else: no sign, no separators.
fn int64(word: &[u8]) -> Result<i64, Reason> {
    let mut number: i64 = 0;
    for byte in word {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(Reason::NotANumber);
        }
        number = number
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(i64::from(digit)))
            .ok_or_else(|| overflow_or_not_a_number(word))?;
    }
    Ok(number)
}

/// `99999999999999999999x` is no number rather than one out of range.
#[cold]
fn overflow_or_not_a_number(word: &[u8]) -> Reason {
    if word.iter().all(u8::is_ascii_digit) {
        Reason::OutOfRange
    } else {
        Reason::NotANumber
    }
}

fn int32(word: &[u8]) -> Result<i32, Reason> {
    i32::try_from(int64(word)?).map_err(|_| Reason::OutOfRange)
}

/// Digits from which a time is in milliseconds: 12 digits of seconds would be
/// the year 5138 and later.
const MILLISECOND_DIGITS: usize = 12;

fn timestamp(word: &[u8]) -> Result<i64, Reason> {
    let micros = if word.len() < MILLISECOND_DIGITS {
        1_000_000
    } else {
        1_000
    };
    int64(word)?.checked_mul(micros).ok_or(Reason::OutOfRange)
}

fn text(word: &[u8]) -> Result<&str, Reason> {
    std::str::from_utf8(word).map_err(|_| Reason::NotUtf8)
}

fn address(word: &[u8]) -> Result<&str, Reason> {
    let address = text(word)?;
    if address.parse::<Ipv4Addr>().is_ok() || address.parse::<Ipv6Addr>().is_ok() {
        Ok(address)
    } else {
        Err(Reason::NotAnAddress)
    }
}

#[cold]
fn explain(line: &[u8], format: &Format, index: usize, fault: Fault<'_>) -> RecordError {
    let count = field_count(line, format);
    match (fault.reason, count.reason) {
        (Some(reason), Reason::FieldCount { expected, found }) if expected == found => {
            RecordError {
                field: Some(index),
                offset: line.len() - fault.at.len(),
                reason,
            }
        }
        _ => count,
    }
}

#[cold]
fn field_count(line: &[u8], format: &Format) -> RecordError {
    let found = start_of_values(line, format)
        .split(|byte| is_space(*byte))
        .filter(|word| !word.is_empty())
        .count();
    RecordError::line(Reason::FieldCount {
        expected: format.fields().len(),
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Field;

    fn values<'a>(line: &'a str, format: &'a Format) -> Result<Vec<Value<'a>>, RecordError> {
        let record = parse_record(line.as_bytes(), format)?;
        Ok(record.values().map(|(_, value)| value).collect())
    }

    fn one(field: Field, word: &str) -> Result<String, Reason> {
        let format = Format::from_fields(&[field]).unwrap();
        let result = values(word, &format).map(|values| format!("{:?}", values[0]));
        result.map_err(|error| error.reason)
    }

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(one(Field::Srcport, "65543").unwrap(), "Int32(65543)");
        assert_eq!(
            one(Field::Srcport, "2147483647").unwrap(),
            "Int32(2147483647)"
        );
        assert_eq!(one(Field::Srcport, "2147483648"), Err(Reason::OutOfRange));
        assert_eq!(
            one(Field::Bytes, "9223372036854775807").unwrap(),
            "Int64(9223372036854775807)"
        );
        assert_eq!(
            one(Field::Bytes, "9223372036854775808"),
            Err(Reason::OutOfRange)
        );
        assert_eq!(
            one(Field::Bytes, "99999999999999999999x"),
            Err(Reason::NotANumber)
        );
        for word in ["NaN", "+1", "-1", "1.0", "0x10", "1e3", "١"] {
            assert_eq!(one(Field::Bytes, word), Err(Reason::NotANumber), "{word}");
        }
        assert_eq!(one(Field::Bytes, "-").unwrap(), "Null");
    }

    #[test]
    fn times_are_seconds_or_from_twelve_digits_milliseconds() {
        assert_eq!(
            one(Field::Start, "1418530010").unwrap(),
            "Timestamp(1418530010000000)"
        );
        assert_eq!(
            one(Field::Start, "1512564058000").unwrap(),
            "Timestamp(1512564058000000)"
        );
        assert_eq!(one(Field::End, "0").unwrap(), "Timestamp(0)");
        assert_eq!(
            one(Field::End, "9223372036854775807"),
            Err(Reason::OutOfRange)
        );
    }

    #[test]
    fn addresses_are_checked_and_kept_as_written() {
        for word in [
            "10.0.0.1",
            "2001:db8::1",
            "2001:DB8:0:0::1",
            "::ffff:10.0.0.1",
            "::",
        ] {
            assert_eq!(
                one(Field::Srcaddr, word).unwrap(),
                format!("Text({word:?})")
            );
        }
        for word in [
            "10.0.0",
            "10.0.0.256",
            "10.0.0.1.2",
            "host",
            "10.0.0.1/8",
            "2001:db8::g",
        ] {
            assert_eq!(
                one(Field::Srcaddr, word),
                Err(Reason::NotAnAddress),
                "{word}"
            );
        }
    }

    #[test]
    fn spaces_may_run_and_stand_at_both_ends() {
        let format = Format::parse("srcport dstport action").unwrap();
        let expected = [Value::Int32(1), Value::Int32(2), Value::Text("ACCEPT")];
        for line in [
            "1 2 ACCEPT",
            "  1  2\tACCEPT ",
            "1 2 ACCEPT\r",
            "\t1\t\t2 ACCEPT \r",
        ] {
            assert_eq!(values(line, &format).unwrap(), expected, "{line:?}");
        }
    }

    #[test]
    fn the_number_of_values_is_told_first() {
        let format = Format::parse("srcport dstport action").unwrap();
        let reason = |line| values(line, &format).unwrap_err().reason;
        assert_eq!(
            reason("x 2"),
            Reason::FieldCount {
                expected: 3,
                found: 2
            }
        );
        assert_eq!(
            reason("x 2 ACCEPT OK"),
            Reason::FieldCount {
                expected: 3,
                found: 4
            }
        );
        assert_eq!(
            reason(""),
            Reason::FieldCount {
                expected: 3,
                found: 0
            }
        );
        let error = values(" 1 x OK", &format).unwrap_err();
        assert_eq!(
            error,
            RecordError {
                field: Some(1),
                offset: 3,
                reason: Reason::NotANumber
            }
        );
        assert_eq!(error.to_string(), "not a number in field 2 at byte 3");
    }

    #[test]
    fn the_time_of_an_export_is_skipped() {
        let format = Format::parse("version action").unwrap();
        let expected = [Value::Int32(2), Value::Text("ACCEPT")];
        assert_eq!(
            values("2024-12-14T16:25:12.000Z 2 ACCEPT", &format).unwrap(),
            expected
        );
        assert_eq!(
            values("2024-12-14T16:25:12Z 2 ACCEPT", &format).unwrap(),
            expected
        );
        assert!(values("2024-12-14 2 ACCEPT", &format).is_err());
        // A field of the user's own may hold a time.
        let format = Format::parse("event-time action").unwrap();
        let time = "2024-12-14T16:25:12.000Z";
        assert_eq!(
            values(&format!("{time} ACCEPT"), &format).unwrap(),
            [Value::Text(time), Value::Text("ACCEPT")]
        );
    }

    #[test]
    fn text_is_any_utf8() {
        assert_eq!(
            one(Field::SubnetId, "su\u{431}net").unwrap(),
            "Text(\"su\u{431}net\")"
        );
        assert_eq!(one(Field::Action, "SUCCESS").unwrap(), "Text(\"SUCCESS\")");
        let format = Format::parse("action").unwrap();
        assert_eq!(
            parse_record(b"\xff\xfe", &format).unwrap_err().reason,
            Reason::NotUtf8
        );
    }
}
