//! The lines whose rows are kept, gathered to be decoded in full.

use datafusion::arrow::array::BooleanArray;
use vpcflow_record::LineFormat;

use super::condition::Kept;

/// Text from which lines are decoded, however few they are.
const MAX_TEXT_BYTES: usize = 1024 * 1024;

/// Lines out of parts of files that are read alike.
#[derive(Debug, Default)]
pub(super) struct Picked {
    text: Vec<u8>,
    rows: usize,
    format: Option<LineFormat>,
}

impl Picked {
    /// Whether lines of this format can join.
    pub(super) fn takes(&self, format: &LineFormat) -> bool {
        self.rows == 0 || self.format.as_ref() == Some(format)
    }

    /// Whether there are so many lines that they should be decoded.
    pub(super) fn is_full(&self, rows: usize) -> bool {
        self.rows >= rows || self.text.len() >= MAX_TEXT_BYTES
    }

    /// Adds the lines of a text whose rows are kept. Each line of the text is a
    /// row, of batches of so many rows.
    pub(super) fn add(&mut self, text: &[u8], kept: &[(Kept, usize)], format: &LineFormat) {
        if self.rows == 0 {
            self.format = Some(format.clone());
        }
        let mut lines = Lines { text, start: 0 };
        for (kept, rows) in kept {
            match kept {
                Kept::None => lines.skip(*rows),
                Kept::All => {
                    let start = lines.start;
                    lines.skip(*rows);
                    self.take(&text[start..lines.start], *rows);
                }
                Kept::Some(mask) => self.add_some(&mut lines, mask),
            }
        }
    }

    fn add_some(&mut self, lines: &mut Lines<'_>, mask: &BooleanArray) {
        let mut next = 0;
        for row in mask.values().set_indices() {
            lines.skip(row - next);
            let start = lines.start;
            lines.skip(1);
            self.take(&lines.text[start..lines.start], 1);
            next = row + 1;
        }
        lines.skip(mask.values().len() - next);
    }

    fn take(&mut self, lines: &[u8], rows: usize) {
        self.text.extend_from_slice(lines);
        if !lines.ends_with(b"\n") {
            // The last line of a file.
            self.text.push(b'\n');
        }
        self.rows += rows;
    }

    /// The lines so far, how many they are, and how they are read.
    pub(super) fn give(&mut self) -> Option<(Vec<u8>, usize, LineFormat)> {
        let format = self.format.take()?;
        let room = self.text.len();
        let text = std::mem::replace(&mut self.text, Vec::with_capacity(room));
        Some((text, std::mem::take(&mut self.rows), format))
    }
}

/// Goes through a text line by line.
struct Lines<'a> {
    text: &'a [u8],
    start: usize,
}

impl Lines<'_> {
    fn skip(&mut self, lines: usize) {
        if let Some(last) = lines.checked_sub(1) {
            let rest = &self.text[self.start..];
            let end = memchr::memchr_iter(b'\n', rest).nth(last);
            self.start += end.map_or(rest.len(), |end| end + 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use vpcflow_record::Format;

    use super::*;

    #[test]
    fn lines_are_those_of_the_rows() {
        let text = b"a\nbb\n\xc3\xa4\nd";
        let format = LineFormat::from(Format::default());
        let mut picked = Picked::default();
        let some = |rows: &[bool]| Kept::Some(BooleanArray::from(rows.to_vec()));
        picked.add(
            text,
            &[(some(&[true, false, false]), 3), (Kept::All, 1)],
            &format,
        );
        picked.add(text, &[(Kept::None, 2), (some(&[false, true]), 2)], &format);
        picked.add(text, &[(Kept::All, 2), (Kept::None, 2)], &format);
        assert!(picked.is_full(5) && !picked.is_full(6));
        let (lines, rows, _) = picked.give().unwrap();
        assert_eq!((lines.as_slice(), rows), (&b"a\nd\nd\na\nbb\n"[..], 5));
        assert!(picked.give().is_none());
    }
}
