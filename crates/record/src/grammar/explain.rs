//! Why a line is no record: a second, unhurried look at it.

use super::index::Line;
use super::words::{Rest, Word, start_of_values};
use super::{is_space, value};
use crate::field::FieldType;
use crate::format::{Format, Separator};
use crate::number;
use crate::policy::Policy;
use crate::reason::{Reason, RecordError};

/// The number of values if that is wrong, else the first value at fault.
#[cold]
pub(super) fn explain(line: &[u8], format: &Format, policy: Policy) -> RecordError {
    let words = words(line, format);
    let expected = format.fields().len();
    let found = words.len();
    if found < expected || (found > expected && policy != Policy::Lenient) {
        return RecordError::line(Reason::FieldCount { expected, found });
    }
    let fault = words.iter().zip(format.field_types()).enumerate().find_map(
        |(index, (word, field_type))| {
            let reason = fault_of(word, *field_type, policy)?;
            Some((index, reason))
        },
    );
    match fault {
        Some((index, reason)) => error_at(line, words[index], index, reason),
        // Bytes that are no UTF-8 after the last field, under the lenient policy.
        None => RecordError::line(Reason::NotUtf8),
    }
}

/// An error at the value of this index.
#[cold]
pub(super) fn at_value(line: &[u8], format: &Format, fault: (usize, Reason)) -> RecordError {
    let (index, reason) = fault;
    error_at(line, words(line, format)[index], index, reason)
}

fn error_at(line: &[u8], word: &[u8], index: usize, reason: Reason) -> RecordError {
    RecordError {
        field: Some(index),
        offset: word.as_ptr().addr() - line.as_ptr().addr(),
        reason,
    }
}

fn fault_of(word: &[u8], field_type: FieldType, policy: Policy) -> Option<Reason> {
    let checked_as = policy.checked_as(field_type);
    let reason = || match checked_as {
        FieldType::Int32 | FieldType::Int64 | FieldType::Timestamp => number::fault(word),
        FieldType::Address => Reason::NotAnAddress,
        FieldType::Text => Reason::NotUtf8,
    };
    let Ok(text) = std::str::from_utf8(word) else {
        return Some(match checked_as {
            FieldType::Address => Reason::NotUtf8,
            _ => reason(),
        });
    };
    let word = Word::whole(text.as_bytes());
    value(word, checked_as).is_none().then(reason)
}

/// The values of the line, which may be no UTF-8.
fn words<'a>(line: &'a [u8], format: &Format) -> Vec<&'a [u8]> {
    match format.separator() {
        Separator::Space => values_of(line, format)
            .split(|byte| is_space(*byte))
            .filter(|word| !word.is_empty())
            .collect(),
        Separator::Comma => line.split(|byte| *byte == b',').map(trim).collect(),
    }
}

/// The line without leading spaces and the time of an export, which is ASCII.
fn values_of<'a>(line: &'a [u8], format: &Format) -> &'a [u8] {
    let ascii = line.iter().position(|byte| !byte.is_ascii());
    let prefix = &line[..ascii.unwrap_or(line.len())];
    let prefix = std::str::from_utf8(prefix).unwrap_or_default();
    let values = Rest::of(Line::whole(prefix.as_bytes(), &[]));
    let values = start_of_values(values, format);
    &line[prefix.len() - values.bytes().len()..]
}

fn trim(mut cell: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = cell
        && is_space(*first)
    {
        cell = rest;
    }
    while let [rest @ .., last] = cell
        && is_space(*last)
    {
        cell = rest;
    }
    cell
}
