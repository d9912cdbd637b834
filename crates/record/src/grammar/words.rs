//! The words of a line. nom's `take_while` asks a closure about each
//! character; these look at 128 bytes at a time, mostly a whole line, and so know
//! where a word ends before they come to it.

use nom::combinator::opt;
use nom::sequence::terminated;
use nom::{Err, Parser};

use super::Parsed;
use crate::format::{Format, FormatField, Separator};
use crate::simd::separators;

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// A line, and how far it was read: the input of the parsers. It is UTF-8;
/// checking that is up to who makes it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest<'a> {
    line: &'a [u8],
    /// Starts as the line does, and may go on after it: a word near the end can
    /// be read with one load then.
    ahead: &'a [u8],
    at: usize,
    /// Where the spaces and control characters are in the bytes that were
    /// looked at last; without those of words that were read.
    separators: u128,
    looked_from: usize,
    looked_to: usize,
}

impl<'a> Rest<'a> {
    /// All of a line, with what follows it where that is known.
    #[inline]
    pub(super) fn new(line: &'a [u8], ahead: &'a [u8]) -> Rest<'a> {
        let ahead = if ahead.len() < line.len() {
            line
        } else {
            ahead
        };
        Rest {
            line,
            ahead,
            at: 0,
            separators: 0,
            looked_from: 0,
            looked_to: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.line.len()
    }

    /// What was not read yet.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.line.get(self.at..).unwrap_or_default()
    }

    #[inline(always)]
    fn word(self, end: usize) -> Word<'a> {
        Word { rest: self, end }
    }

    #[inline(always)]
    fn after(self, at: usize) -> Rest<'a> {
        Rest { at, ..self }
    }

    /// Goes to the next space, or to the end.
    #[inline(always)]
    fn after_word(mut self) -> Rest<'a> {
        loop {
            if self.separators == 0 {
                self.look();
                continue;
            }
            let at = self.looked_from + self.separators.trailing_zeros() as usize;
            if at >= self.line.len() {
                self.at = self.line.len();
                return self;
            }
            self.separators &= self.separators - 1;
            // One that was skipped before, or another control character, which
            // is part of the word.
            if at < self.at || !is_space(self.ahead[at]) {
                continue;
            }
            self.at = at;
            return self;
        }
    }

    /// Looks at what comes next. Past the end there are only separators.
    #[inline(always)]
    fn look(&mut self) {
        self.looked_from = self.looked_to.max(self.at);
        self.looked_to = self.looked_from + 128;
        let ahead = self.ahead.get(self.looked_from..).unwrap_or_default();
        self.separators = separators(ahead);
    }
}

/// A word of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Word<'a> {
    rest: Rest<'a>,
    end: usize,
}

impl<'a> Word<'a> {
    /// The word that is the whole text.
    pub(super) fn whole(text: &'a [u8]) -> Word<'a> {
        Rest::new(text, &[]).word(text.len())
    }

    /// Its bytes and those that follow it, which lets a number be read with
    /// one load.
    #[inline(always)]
    pub(crate) fn ahead(&self) -> &'a [u8] {
        &self.rest.ahead[self.rest.at..]
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.end - self.rest.at
    }

    /// Where it starts in the line.
    #[inline(always)]
    pub(crate) fn start(&self) -> usize {
        self.rest.at
    }

    #[inline(always)]
    pub(super) fn text(&self) -> &'a str {
        // Words end at ASCII characters, or where the line does: they are UTF-8
        // as the line is.
        let bytes = self.rest.line.get(self.rest.at..self.end);
        std::str::from_utf8(bytes.unwrap_or_default()).unwrap_or_default()
    }

    /// `-`, or nothing between two commas.
    #[inline(always)]
    pub(super) fn is_null(&self) -> bool {
        match self.len() {
            0 => true,
            1 => self.ahead()[0] == b'-',
            _ => false,
        }
    }
}

/// At least one character, up to the next space.
#[inline(always)]
pub(super) fn word(input: Rest<'_>) -> Parsed<'_, Word<'_>> {
    let rest = input.after_word();
    if rest.at == input.at {
        return Err(Err::Error(()));
    }
    Ok((rest, input.word(rest.at)))
}

/// The comma between two cells.
pub(super) fn comma(input: Rest<'_>) -> Parsed<'_, ()> {
    match input.bytes() {
        [b',', ..] => Ok((input.after(input.at + 1), ())),
        _ => Err(Err::Error(())),
    }
}

/// What is between two commas, without spaces at its ends; maybe nothing.
pub(super) fn cell(input: Rest<'_>) -> Parsed<'_, Word<'_>> {
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

/// Any number of spaces, nearly always one.
#[inline(always)]
pub(super) fn spaces(input: Rest<'_>) -> Parsed<'_, ()> {
    let at = input.at;
    let count = match input.ahead.get(at..at + 2) {
        Some([b' ', next]) if *next > b' ' => 1,
        _ => {
            let spaces = input.bytes().iter().take_while(|byte| is_space(**byte));
            spaces.count()
        }
    };
    Ok((input.after(at + count), ()))
}

/// Skips leading spaces and the time of an export, which repeats `start`.
#[inline]
pub(super) fn start_of_values<'a>(line: Rest<'a>, format: &Format) -> Rest<'a> {
    if format.separator() == Separator::Comma {
        return line;
    }
    let start = match line.bytes() {
        [first, ..] if *first > b' ' => line,
        _ => spaces(line).map_or(line, |(rest, ())| rest),
    };
    if !has_export_time(start.bytes(), format) {
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
                    for after in ["", "\n", "\nx y", "\n0123456789abcdef 0123456789abcdef"] {
                        let ahead = format!("{line}{after}");
                        let rest = Rest::new(line.as_bytes(), ahead.as_bytes());
                        let (rest, found) = word(rest).unwrap();
                        assert_eq!(found.text(), expected);
                        assert_eq!(rest.bytes(), end.as_bytes());
                    }
                }
            }
        }
        assert!(word(Rest::new(b"", b"")).is_err());
        assert!(word(Rest::new(b"", b"\na")).is_err());
        assert!(word(Rest::new(b" a", b"")).is_err());
    }
}
