//! The words of a line. nom's `take_while` asks a closure about each
//! character; these know from an index where a word ends before they come to it.

use nom::sequence::preceded;
use nom::{Err, IResult, Parser};

use super::index::Line;
use crate::address::is_address;
use crate::format::{Format, FormatField, Separator};
use crate::number;

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// What is wrong is told by [`explain`](super::explain) in a second look at the
/// line: refused lines are few, and records need not carry the place of a fault
/// along.
pub(super) type Parsed<'a, 'i, T> = IResult<Rest<'a, 'i>, T, ()>;

/// What was not read yet of a line: the input of the parsers. The line is UTF-8;
/// checking that is up to who makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a, 'i> {
    /// The line is in it, and what follows the line: a word near the end can be
    /// read with one load then.
    text: &'a [u8],
    at: usize,
    /// Of the line.
    end: usize,
    /// Places after the next separators, as far as they are known. A separator
    /// is a space, a control character, or the end of the line.
    known: &'i [u32],
}

impl<'a, 'i> Rest<'a, 'i> {
    /// All of a line.
    #[inline]
    pub(super) fn of(line: Line<'a, 'i>) -> Rest<'a, 'i> {
        Rest {
            text: line.text,
            at: line.start,
            end: line.end,
            known: line.known,
        }
    }

    #[inline(always)]
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.end
    }

    /// What was not read yet.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    #[inline(always)]
    fn word(self, end: usize) -> Word<'a> {
        Word {
            text: self.text,
            start: self.at,
            end,
        }
    }

    #[inline(always)]
    fn after(self, at: usize) -> Rest<'a, 'i> {
        Rest { at, ..self }
    }

    /// Goes over any number of spaces, and forgets the places before.
    #[inline(always)]
    fn after_spaces(self, at: usize) -> Rest<'a, 'i> {
        let at = at + count_spaces(&self.text[at..self.end]);
        let known = &self.known[count_passed(self.known, at)..];
        Rest { at, known, ..self }
    }
}

// What is rare is told by numbers alone: a `Rest` that passes through memory
// would do so for all words.

#[cold]
#[inline(never)]
fn word_len(rest: &[u8]) -> usize {
    let space = rest.iter().position(|byte| is_space(*byte));
    space.unwrap_or(rest.len())
}

#[cold]
#[inline(never)]
fn count_spaces(rest: &[u8]) -> usize {
    rest.iter().take_while(|byte| is_space(**byte)).count()
}

/// How many of these places are not after `at`.
#[cold]
#[inline(never)]
fn count_passed(places: &[u32], at: usize) -> usize {
    let passed = places.iter().take_while(|place| **place as usize <= at);
    passed.count()
}

/// A word of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    text: &'a [u8],
    start: usize,
    end: usize,
}

impl<'a> Word<'a> {
    /// The word that is the whole text.
    pub(super) fn whole(text: &'a [u8]) -> Word<'a> {
        Word {
            text,
            start: 0,
            end: text.len(),
        }
    }

    /// Its bytes and those that follow it, which lets a number be read with
    /// one load.
    #[inline(always)]
    pub(crate) fn ahead(&self) -> &'a [u8] {
        &self.text[self.start..]
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Where it starts in the text that the line is in.
    #[inline(always)]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    #[inline(always)]
    pub(super) fn text(&self) -> &'a str {
        // Words end at ASCII characters, or where the line does: they are UTF-8
        // as the line is.
        let bytes = self.text.get(self.start..self.end);
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    /// `-`, or nothing between two commas.
    #[inline(always)]
    pub(crate) fn is_null(&self) -> bool {
        // One branch, that nearly always goes the same way: whether there is
        // one character only goes either way.
        let first = self.text.get(self.start).copied().unwrap_or(b'-');
        self.len() == 0 || (self.len() == 1) & (first == b'-')
    }

    /// The number of an `INT` field.
    #[inline(always)]
    pub(crate) fn int32(&self) -> Option<i32> {
        number::int32(self.ahead(), self.len())
    }

    /// The number of a `BIGINT` field.
    #[inline(always)]
    pub(crate) fn int64(&self) -> Option<i64> {
        number::int64(self.ahead(), self.len())
    }

    /// The time, in microseconds.
    #[inline(always)]
    pub(crate) fn timestamp(&self) -> Option<i64> {
        number::timestamp(self.ahead(), self.len())
    }

    #[inline(always)]
    pub(crate) fn is_address(&self) -> bool {
        is_address(self.ahead(), self.len())
    }
}

/// The first value of a line, or another.
#[inline(always)]
pub(super) fn any_word<'a, 'i>(
    separator: Separator,
    first: bool,
    input: Rest<'a, 'i>,
) -> Parsed<'a, 'i, Word<'a>> {
    match separator {
        Separator::Space => word(input),
        Separator::Comma if first => cell(input),
        Separator::Comma => comma_and_cell(input),
    }
}

/// At least one character, up to the next space, and the spaces that follow.
#[inline(always)]
pub(super) fn word<'a, 'i>(input: Rest<'a, 'i>) -> Parsed<'a, 'i, Word<'a>> {
    if let [after, known @ ..] = input.known {
        let (after, end) = (*after as usize, *after as usize - 1);
        // After the last place that is known there may be another space.
        let single = known
            .first()
            .is_some_and(|next| *next as usize != after + 1);
        let spaced = end < input.end && input.text[end] == b' ' && single;
        if end > input.at && (spaced || end == input.end) {
            let at = if spaced { after } else { end };
            return Ok((Rest { at, known, ..input }, input.word(end)));
        }
    }
    // It ends or goes on with something else, or nothing is known of it.
    let end = input.at + word_len(input.bytes());
    if end == input.at {
        return Err(Err::Error(()));
    }
    Ok((input.after_spaces(end), input.word(end)))
}

/// The comma between two cells.
fn comma<'a, 'i>(input: Rest<'a, 'i>) -> Parsed<'a, 'i, ()> {
    match input.bytes() {
        [b',', ..] => Ok((input.after(input.at + 1), ())),
        _ => Err(Err::Error(())),
    }
}

/// Another cell.
pub(super) fn comma_and_cell<'a, 'i>(input: Rest<'a, 'i>) -> Parsed<'a, 'i, Word<'a>> {
    preceded(comma, cell).parse(input)
}

/// What is between two commas, without spaces at its ends; maybe nothing.
pub(super) fn cell<'a, 'i>(input: Rest<'a, 'i>) -> Parsed<'a, 'i, Word<'a>> {
    let bytes = input.bytes();
    let end = memchr::memchr(b',', bytes).unwrap_or(bytes.len());
    let is_text = |byte: &u8| !is_space(*byte);
    let cell = &bytes[..end];
    let first = cell.iter().position(is_text).unwrap_or(end);
    let last = cell
        .iter()
        .rposition(is_text)
        .map_or(first, |last| last + 1);
    let word = input.after(input.at + first).word(input.at + last);
    Ok((input.after(input.at + end), word))
}

/// Skips leading spaces and the time of an export, which repeats `start`.
#[inline]
pub(super) fn start_of_values<'a, 'i>(line: Rest<'a, 'i>, format: &Format) -> Rest<'a, 'i> {
    if format.separator() == Separator::Comma {
        return line;
    }
    let start = match &line.text[line.at..line.end] {
        [first, ..] if *first > b' ' => line,
        _ => line.after_spaces(line.at),
    };
    if !has_export_time(start.bytes(), format) {
        return start;
    }
    word(start).map_or(start, |(rest, _)| rest)
}

/// Whether the line begins with `2024-12-14T16:25:12.000Z`, as CloudWatch Logs
/// exports write it before the values.
#[inline]
pub(crate) fn has_export_time(line: &[u8], format: &Format) -> bool {
    // A field that the registry does not have could hold such a time itself.
    line.get(4) == Some(&b'-')
        && !matches!(format.fields().first(), Some(FormatField::Unknown(_)))
        && is_export_time(
            line.split(|byte| is_space(*byte))
                .next()
                .unwrap_or_default(),
        )
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
