//! Where words and lines end, found ahead of the parsers.
//!
//! A parser that looks for the end of each word waits for the end of the one
//! before. Here ends are found 64 bytes at a time, whatever is in them, so that
//! the CPU can read many words at once. The index is a help and no more: where
//! it ends, parsers look at the text themselves.

use crate::simd::{CHUNK_BYTES, Marks, WRITE_ROOM, marks, write_bits};

/// Room for the words of a line that is looked at by itself.
const LINE_ROOM: usize = CHUNK_BYTES + WRITE_ROOM;

/// Text that is looked at together: some lines of it.
const WINDOW_BYTES: usize = 64 * CHUNK_BYTES;

/// Room for the words of a window, with what is written beyond them.
const WINDOW_ROOM: usize = WINDOW_BYTES + WRITE_ROOM;

/// The index of one line, on the stack.
#[derive(Debug, Clone)]
pub(super) struct LineIndex {
    places: [u32; LINE_ROOM],
    found: usize,
}

impl LineIndex {
    pub(super) fn of(line: &[u8]) -> LineIndex {
        let mut places = [0; LINE_ROOM];
        let mut found = 0;
        look(line, LINE_ROOM, |marks, base| {
            if places.len() - found < WRITE_ROOM {
                return false;
            }
            write_bits(marks.separators, base, &mut places[found..]);
            found += marks.separators.count_ones() as usize;
            true
        });
        LineIndex { places, found }
    }

    /// Places after separators. The end of the line counts as one.
    pub(super) fn places(&self) -> &[u32] {
        &self.places[..self.found]
    }
}

/// A line in a text, with what is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a, 'i> {
    /// What the line is in, and all that follows it.
    pub(super) text: &'a [u8],
    /// In the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Places after the next separators, as far as they are known.
    pub(super) known: &'i [u32],
    /// It is known to be ASCII.
    ascii: bool,
}

impl<'a, 'i> Line<'a, 'i> {
    /// The line, without its line feed.
    #[inline]
    pub(crate) fn bytes(&self) -> &'a [u8] {
        &self.text[self.start..self.end]
    }

    #[inline]
    pub(super) fn is_ascii(&self) -> bool {
        self.ascii || self.bytes().is_ascii()
    }

    /// Where it is in the text that was looked at.
    #[inline]
    pub(crate) fn start(&self) -> usize {
        self.start
    }

    /// The whole of a text, of which these places are known.
    #[inline]
    pub(super) fn whole(text: &'a [u8], known: &'i [u32]) -> Line<'a, 'i> {
        Line {
            text,
            start: 0,
            end: text.len(),
            known,
            ascii: false,
        }
    }
}

/// The index of a part of a text that is read line by line.
#[derive(Debug, Default)]
pub(crate) struct Window {
    /// Where it starts in the text.
    start: usize,
    /// Bytes that were looked at from there on.
    bytes: usize,
    /// Places after separators, and after line feeds.
    places: Vec<u32>,
    line_ends: Vec<u32>,
    /// How many of them were found, and come before what is read next.
    found: (usize, usize),
    passed: (usize, usize),
    ascii: bool,
}

impl Window {
    /// Forgets the text: the next one is another.
    pub(crate) fn clear(&mut self) {
        self.bytes = 0;
    }

    /// The line of `text` that starts at `at`; `None` when its end is not there.
    #[inline]
    pub(crate) fn line<'a>(&mut self, text: &'a [u8], at: usize) -> Option<Line<'a, '_>> {
        if !self.has_line(at) {
            self.look(text, at);
        }
        let start = at - self.start;
        let end = match self.line_ends[self.passed.1..self.found.1].first() {
            Some(after) => *after as usize - 1,
            None => {
                let looked = self.start + self.bytes;
                let rest = text.get(looked..).unwrap_or_default();
                self.bytes + memchr::memchr(b'\n', rest)?
            }
        };
        Some(Line {
            text: &text[self.start..],
            start,
            end,
            known: &self.places[self.passed.0..self.found.0],
            ascii: self.ascii && end <= self.bytes,
        })
    }

    /// A text that is one line.
    pub(crate) fn message<'a>(&mut self, text: &'a [u8]) -> Line<'a, '_> {
        self.look(text, 0);
        let known = &self.places[..self.found.0];
        let ascii = self.ascii && self.bytes == text.len();
        self.bytes = 0;
        Line {
            ascii,
            ..Line::whole(text, known)
        }
    }

    /// Whether the line that starts at this place ends in the window.
    #[inline]
    fn has_line(&mut self, at: usize) -> bool {
        if !(self.start..self.start + self.bytes).contains(&at) {
            return false;
        }
        let start = (at - self.start) as u32;
        let (places, line_ends) = &mut self.passed;
        while *line_ends < self.found.1 && self.line_ends[*line_ends] <= start {
            *line_ends += 1;
        }
        while *places < self.found.0 && self.places[*places] <= start {
            *places += 1;
        }
        *line_ends < self.found.1
    }

    fn look(&mut self, text: &[u8], at: usize) {
        self.places.resize(WINDOW_ROOM, 0);
        self.line_ends.resize(WINDOW_ROOM, 0);
        let (mut places, mut line_ends, mut non_ascii) = (0, 0, 0);
        let bytes = look(&text[at..], WINDOW_BYTES, |marks, base| {
            write_bits(marks.separators, base, &mut self.places[places..]);
            places += marks.separators.count_ones() as usize;
            // Lines are longer than a chunk, mostly.
            let mut feeds = marks.line_feeds;
            loop {
                self.line_ends[line_ends] = base.wrapping_add(feeds.trailing_zeros());
                line_ends += usize::from(feeds != 0);
                feeds &= feeds.wrapping_sub(1);
                if feeds == 0 {
                    break;
                }
            }
            non_ascii |= marks.non_ascii;
            true
        });
        self.start = at;
        self.bytes = bytes;
        self.found = (places, line_ends);
        self.passed = (0, 0);
        self.ascii = non_ascii == 0;
    }
}

/// Looks at up to `most` bytes of a text, chunk by chunk, until `see` has
/// enough. It gets each chunk's marks, and the place after the chunk's first
/// byte. The end of the text counts as a separator. Returns how many bytes were
/// looked at.
#[inline(always)]
fn look(text: &[u8], most: usize, mut see: impl FnMut(&Marks, u32) -> bool) -> usize {
    let mut at = 0;
    for chunk in text.as_chunks::<CHUNK_BYTES>().0 {
        if at >= most || !see(&marks(chunk), at as u32 + 1) {
            return at;
        }
        at += CHUNK_BYTES;
    }
    if at < most {
        let rest = &text[at..];
        let mut chunk = [b'x'; CHUNK_BYTES];
        chunk[..rest.len()].copy_from_slice(rest);
        let mut last = marks(&chunk);
        last.separators |= 1 << rest.len();
        if see(&last, at as u32 + 1) {
            return text.len();
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::{Rest, is_space, start_of_values, word};
    use super::*;
    use crate::Format;

    /// The words of a line as the parser reads them.
    fn words<'a>(line: Line<'a, '_>) -> Vec<&'a [u8]> {
        let mut rest = start_of_values(Rest::of(line), &Format::default());
        let mut words = Vec::new();
        while let Ok((after, word)) = word(rest) {
            words.push(&word.ahead()[..word.len()]);
            rest = after;
        }
        assert!(rest.is_empty());
        words
    }

    /// The same, byte by byte.
    fn words_of(line: &[u8]) -> Vec<&[u8]> {
        let words = line.split(|byte| is_space(*byte));
        words.filter(|word| !word.is_empty()).collect()
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            8 => "[a-z0-9.]{1,20} ",
            1 => "[ \t\r\u{1}\u{b}\u{7f}\u{431}\0-]{1,3}",
            2 => "\n",
            1 => "[a-z]{50,200}",
            1 => "( [a-z]){20,90}",
            1 => " {60,70}",
        ];
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn words_and_lines_end_where_they_do(text in text(), skip in 0..3_usize) {
            let mut window = Window::default();
            let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            // What follows the last line feed is no line yet.
            let rest = lines.pop().unwrap_or_default();
            let mut at = 0;
            for (index, line) in lines.into_iter().enumerate() {
                // Some are read by others, as blocks are.
                if index % 3 >= skip {
                    let found = window.line(&text, at).expect("the line ends");
                    prop_assert_eq!(found.bytes(), line);
                    prop_assert_eq!(found.is_ascii(), line.is_ascii());
                    prop_assert_eq!(words(found), words_of(line));
                }
                let places = LineIndex::of(line);
                let alone = Line::whole(line, places.places());
                prop_assert_eq!(words(alone), words_of(line));
                prop_assert_eq!(words(Line::whole(line, &[])), words_of(line));
                at += line.len() + 1;
            }
            prop_assert!(window.line(&text, at).is_none());
            let message = window.message(rest);
            prop_assert_eq!(message.is_ascii(), rest.is_ascii());
            prop_assert_eq!(words(message), words_of(rest));
        }
    }

    #[test]
    fn the_index_may_end_within_a_run_of_spaces() {
        for words_before in 0..2 * LINE_ROOM {
            let line = format!("{} b", "a ".repeat(words_before));
            let places = LineIndex::of(line.as_bytes());
            let alone = Line::whole(line.as_bytes(), places.places());
            assert_eq!(words(alone), words_of(line.as_bytes()));
        }
    }

    #[test]
    fn a_line_may_be_longer_than_the_window() {
        let line = "word ".repeat(WINDOW_BYTES).into_bytes();
        let text = [&line[..], b"\nx y\n"].concat();
        let mut window = Window::default();
        let found = window.line(&text, 0).unwrap();
        assert_eq!(words(found), words_of(&line));
        let next = window.line(&text, line.len() + 1).unwrap();
        assert_eq!(words(next), [b"x", b"y"]);
    }
}
