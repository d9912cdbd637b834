//! The words of a line. nom's `take_while` asks a closure about each
//! character; these look at eight bytes at a time.

use nom::combinator::opt;
use nom::sequence::terminated;
use nom::{Err, Parser};

use super::Parsed;
use crate::format::{Format, FormatField, Separator};
use crate::number::at_most_space;

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// A word, and the line from its first byte on, which lets a number be read
/// with one load.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) text: &'a str,
    pub(super) ahead: &'a [u8],
}

/// At least one character, up to the next space.
#[inline(always)]
pub(super) fn word(input: &str) -> Parsed<'_, Word<'_>> {
    let ahead = input.as_bytes();
    match input.split_at_checked(word_bytes(ahead)) {
        Some((text, rest)) if !text.is_empty() => Ok((rest, Word { text, ahead })),
        _ => Err(Err::Error(())),
    }
}

/// What is between two commas, without spaces at its ends; maybe nothing.
pub(super) fn cell(input: &str) -> Parsed<'_, Word<'_>> {
    let end = memchr::memchr(b',', input.as_bytes()).unwrap_or(input.len());
    let (cell, rest) = input.split_at(end);
    let text =
        cell.trim_matches(|character: char| character.is_ascii() && is_space(character as u8));
    let ahead = text.as_bytes();
    Ok((rest, Word { text, ahead }))
}

/// Any number of spaces, nearly always one.
#[inline(always)]
pub(super) fn spaces(input: &str) -> Parsed<'_, ()> {
    let bytes = input.as_bytes();
    let count = match bytes {
        [b' ', next, ..] if *next > b' ' => 1,
        _ => bytes.iter().take_while(|byte| is_space(**byte)).count(),
    };
    Ok((&input[count..], ()))
}

/// Bytes up to the next space or the end.
#[inline(always)]
fn word_bytes(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let low = at_most_space(u64::from_le_bytes(*chunk));
        if low == 0 {
            at += 8;
            continue;
        }
        at += (low.trailing_zeros() / 8) as usize;
        if is_space(bytes[at]) {
            return at;
        }
        // Another control character, which is part of the word.
        at += 1;
    }
    bytes[at..]
        .iter()
        .position(|byte| is_space(*byte))
        .map_or(bytes.len(), |end| at + end)
}

/// Skips leading spaces and the time of an export, which repeats `start`.
#[inline]
pub(super) fn start_of_values<'a>(line: &'a str, format: &Format) -> &'a str {
    if format.separator() == Separator::Comma {
        return line;
    }
    let start = match line.as_bytes() {
        [first, ..] if *first > b' ' => line,
        _ => spaces(line).map_or(line, |(rest, ())| rest),
    };
    if !has_export_time(start.as_bytes(), format) {
        return start;
    }
    opt(terminated(word, spaces))
        .parse(start)
        .map_or(start, |(rest, _)| rest)
}

/// Whether the line begins with `2024-12-14T16:25:12.000Z`, as CloudWatch Logs
/// exports write it before the values.
#[inline]
pub(crate) fn has_export_time(line: &[u8], format: &Format) -> bool {
    // A field that the registry does not have could hold such a time itself.
    line.get(4) == Some(&b'-')
        && !matches!(format.fields().first(), Some(FormatField::Unknown(_)))
        && is_export_time(&line[..word_bytes(line)])
}

fn is_export_time(word: &[u8]) -> bool {
    let Some((date_and_time, rest)) = word.split_first_chunk::<19>() else {
        return false;
    };
    let pattern = b"0000-00-00T00:00:00";
    let fits = |(byte, pattern): (&u8, &u8)| match pattern {
        b'0' => byte.is_ascii_digit(),
        other => byte == other,
    };
    let fraction_and_zone = |byte: &u8| byte.is_ascii_digit() || *byte == b'.' || *byte == b'Z';
    date_and_time.iter().zip(pattern).all(fits)
        && rest.ends_with(b"Z")
        && rest.iter().all(fraction_and_zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_ends_at_a_space_and_nowhere_else() {
        for len in 0..30 {
            for end in [" ", "\t", "\r", "", " a b c d e f g h"] {
                for middle in ["", "\u{1}", "\u{b}", "\u{7f}", "\u{431}", "\0"] {
                    let expected = format!("{}{middle}x", "a".repeat(len));
                    let line = format!("{expected}{end}");
                    let (rest, found) = word(&line).unwrap();
                    assert_eq!(found.text, expected);
                    assert_eq!(rest, end);
                }
            }
        }
        assert!(word("").is_err());
        assert!(word(" a").is_err());
    }
}
