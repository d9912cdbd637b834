//! Some rows of a block: those whose value is a text.

use super::block::{BLOCK_ROWS, Block, COLUMN_ROWS, RowWords, fill_group};

impl<'a> Block<'a> {
    /// The rows whose value is this text.
    pub(crate) fn rows_with(&self, value: usize, text: &[u8]) -> RowWords {
        let len = text.len().min(8);
        let mut first = [0; 8];
        first[..len].copy_from_slice(&text[..len]);
        let (first, rest) = (u64::from_le_bytes(first), &text[len..]);
        let mask = u64::MAX.checked_shr(64 - 8 * len as u32).unwrap_or(0);
        let after_text = text.len() as u32 + 1;
        let begins = |(start, after): (&u32, &u32)| {
            // Of any value the next bytes can be read.
            let ahead = self.text()[*start as usize..].first_chunk();
            let word = ahead.map_or(0, |word| u64::from_le_bytes(*word));
            (word & mask == first) & (after - start == after_text)
        };
        let mut found = RowWords::default();
        let rows = &self.starts(value)[..self.rows()];
        let words = rows.chunks(64).zip(self.after(value).chunks(64));
        for (word, (starts, after)) in found.iter_mut().zip(words) {
            let rows = starts.iter().zip(after).enumerate();
            *word = rows.fold(0, |word, (row, places)| {
                word | u64::from(begins(places)) << row
            });
            if !rest.is_empty() {
                let is_other = |row: u32| {
                    let start = starts[row as usize] as usize + len;
                    !self.text()[start..].starts_with(rest)
                };
                let others = set_bits(*word).filter(|row| is_other(*row));
                *word &= !others.fold(0, |others, row| others | 1 << row);
            }
        }
        found
    }

    /// Only some rows of the block, with these values. `places` is room for where they
    /// are.
    pub(crate) fn only<'b>(
        &self,
        rows: &RowWords,
        values: impl Iterator<Item = usize>,
        places: &'b mut Vec<u32>,
    ) -> Block<'b>
    where
        'a: 'b,
    {
        let mut of_rows = [0_u8; BLOCK_ROWS];
        let indexes = (0..).step_by(64).zip(rows);
        let indexes = indexes.flat_map(|(from, word)| set_bits(*word).map(move |row| from + row));
        let mut count = 0;
        for (to, row) in of_rows.iter_mut().zip(indexes) {
            *to = row as u8;
            count += 1;
        }
        places.resize((self.values() + 1) * COLUMN_ROWS, 0);
        for value in values {
            for (column, from) in [(value, self.starts(value)), (value + 1, self.after(value))] {
                let to = &mut places[column * COLUMN_ROWS..][..COLUMN_ROWS];
                for (to, row) in to.iter_mut().zip(&of_rows[..count]) {
                    *to = from[usize::from(*row)];
                }
                fill_group(to, count);
            }
        }
        self.with_rows(places, count)
    }
}

/// The places of the bits that are set.
#[inline]
fn set_bits(mut word: u64) -> impl Iterator<Item = u32> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros());
        word &= word.wrapping_sub(1);
        bit
    })
}

const _: () = assert!(BLOCK_ROWS - 1 <= u8::MAX as usize, "a byte is a row");
