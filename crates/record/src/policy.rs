//! What is refused, by how strict the reader wants to be.

use std::fmt;
use std::str::FromStr;

use crate::field::{Field, FieldType};
use crate::format::FormatField;
use crate::grammar::{Record, Value};
use crate::reason::Reason;

/// Which records are refused. A refused line goes to the rejects with its
/// reason, and is never repaired: no policy puts a value in place of one that
/// could not be read.
///
/// | a record with | strict | default | lenient |
/// |---|---|---|---|
/// | too few values | refused | refused | refused |
/// | values after the last field | refused | refused | kept without them, and counted |
/// | a number that is none, or does not fit its column | refused | refused | refused |
/// | bytes that are no UTF-8 | refused | refused | refused |
/// | other text in an address field, such as a masked address | refused | refused | kept as written |
/// | a port above 65535, a protocol above 255 | refused | kept | kept |
/// | an action or log status that AWS does not document | refused | kept | kept |
/// | `-` as `start` or `end`, or as `srcaddr` or `dstaddr` of an `OK` record | refused | NULL | NULL |
/// | `-` in any other field | NULL | NULL | NULL |
///
/// ```
/// use vpcflow_record::{Format, Policy, Reason, parse_record_with};
///
/// let format = Format::parse("srcaddr dstport action")?;
/// let refused = |line: &[u8], policy| {
///     parse_record_with(line, &format, policy).err().map(|error| error.reason)
/// };
/// let odd = b"10.0.0.1 22 SUCCESS";
/// assert_eq!(refused(odd, Policy::Default), None);
/// assert_eq!(refused(odd, Policy::Strict), Some(Reason::Undocumented));
///
/// let masked = b"10.0.x.x 22 ACCEPT";
/// assert_eq!(refused(masked, Policy::Default), Some(Reason::NotAnAddress));
/// assert_eq!(refused(masked, Policy::Lenient), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Only what AWS documents. Records go through the grammar one by one, so
    /// that this is the slowest of the three.
    Strict,
    /// Whatever fits the columns.
    #[default]
    Default,
    /// As much as can be kept without changing a value.
    Lenient,
}

impl Policy {
    /// Every policy, the strictest first.
    pub const ALL: [Policy; 3] = [Policy::Strict, Policy::Default, Policy::Lenient];

    /// The name, as a user writes it.
    pub fn name(self) -> &'static str {
        match self {
            Policy::Strict => "strict",
            Policy::Default => "default",
            Policy::Lenient => "lenient",
        }
    }

    /// The type that a field's values are checked for.
    pub(crate) fn checked_as(self, field_type: FieldType) -> FieldType {
        match (self, field_type) {
            (Policy::Lenient, FieldType::Address) => FieldType::Text,
            (_, field_type) => field_type,
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no [`Policy`]'s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownPolicy(pub String);

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is no policy: strict, default or lenient", self.0)
    }
}

impl std::error::Error for UnknownPolicy {}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(name: &str) -> Result<Policy, UnknownPolicy> {
        Policy::ALL
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| UnknownPolicy(name.to_owned()))
    }
}

/// What [`Policy::Strict`] asks beyond the types of the columns. The error is
/// the index of the first value at fault, and why.
pub(crate) fn check_strictly(record: Record<'_>) -> Result<(), (usize, Reason)> {
    let ok = match record.get(Field::LogStatus) {
        None => true,
        Some(status) => status == Value::Text("OK"),
    };
    for (index, (field, value)) in record.values().enumerate() {
        if let FormatField::Known(field) = field
            && let Some(reason) = fault(*field, value, ok)
        {
            return Err((index, reason));
        }
    }
    Ok(())
}

fn fault(field: Field, value: Value<'_>, ok: bool) -> Option<Reason> {
    use Field::{Action, Dstaddr, Dstport, End, LogStatus, Protocol, Srcaddr, Srcport, Start};
    match (field, value) {
        (Srcport | Dstport, Value::Int32(65_536..)) => Some(Reason::OutOfRange),
        (Protocol, Value::Int32(256..)) => Some(Reason::OutOfRange),
        (Action, Value::Text(action)) if !matches!(action, "ACCEPT" | "REJECT") => {
            Some(Reason::Undocumented)
        }
        (LogStatus, Value::Text(status)) if !matches!(status, "OK" | "NODATA" | "SKIPDATA") => {
            Some(Reason::Undocumented)
        }
        (Start | End, Value::Null) => Some(Reason::Missing),
        (Srcaddr | Dstaddr, Value::Null) if ok => Some(Reason::Missing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Format;
    use crate::grammar::parse_record_with;
    use crate::reason::RecordError;

    const ROW: &str = "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 3 4 5 6 ACCEPT OK";

    fn refused(line: &str, policy: Policy) -> Option<Reason> {
        let error = parse_record_with(line.as_bytes(), &Format::default(), policy).err();
        error.map(|error| error.reason)
    }

    /// A row of the table: the line, and what strict, default and lenient say.
    fn row(from: &str, to: &str, expected: [Option<Reason>; 3]) {
        let line = ROW.replacen(from, to, 1);
        assert_ne!(line, ROW);
        assert_eq!(
            Policy::ALL.map(|policy| refused(&line, policy)),
            expected,
            "{line}"
        );
    }

    #[test]
    fn the_table_holds() {
        assert_eq!(Policy::ALL.map(|policy| refused(ROW, policy)), [None; 3]);
        let (strict, all) = (
            |reason| [Some(reason), None, None],
            |reason| [Some(reason); 3],
        );
        let count = |found| Reason::FieldCount {
            expected: 14,
            found,
        };
        row(" OK", "", all(count(13)));
        row(" OK", " OK more", [Some(count(15)), Some(count(15)), None]);
        row(" 6 3", " tcp 3", all(Reason::NotANumber));
        row(" 6 3", " 2147483648 3", all(Reason::OutOfRange));
        let masked = Some(Reason::NotAnAddress);
        row("10.0.0.1", "10.0.x.x", [masked, masked, None]);
        row(" 1 2 6", " 65536 2 6", strict(Reason::OutOfRange));
        row(" 1 2 6", " 65535 65535 255", [None; 3]);
        row(" 6 3", " 256 3", strict(Reason::OutOfRange));
        row("ACCEPT", "SUCCESS", strict(Reason::Undocumented));
        row(" OK", " GO_AWAY", strict(Reason::Undocumented));
        row(" 5 6 ", " - 6 ", strict(Reason::Missing));
        row(" 5 6 ", " 5 - ", strict(Reason::Missing));
        row("10.0.0.2", "-", strict(Reason::Missing));
        row(
            "10.0.0.2 1 2 6 3 4 5 6 ACCEPT OK",
            "- - - - - - 5 6 - NODATA",
            [None; 3],
        );
        row(" 1 2 6 3 4", " - - - - -", [None; 3]);
    }

    #[test]
    fn a_strict_refusal_tells_its_place() {
        let line = ROW.replace("ACCEPT", "SUCCESS");
        let format = Format::default();
        let error = parse_record_with(line.as_bytes(), &format, Policy::Strict);
        let offset = line.find("SUCCESS").unwrap();
        let expected = RecordError {
            field: Some(12),
            offset,
            reason: Reason::Undocumented,
        };
        assert_eq!(error.unwrap_err(), expected);
    }

    #[test]
    fn names_are_read_back() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse(), Ok(policy));
        }
        assert!("harsh".parse::<Policy>().is_err());
    }
}
