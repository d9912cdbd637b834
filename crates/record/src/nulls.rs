//! Which rows of a column under construction are NULL.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A bitmap that is only touched where there is a NULL: rows are valid unless
/// told otherwise.
///
/// Arrow's own builder takes a row or a run of equal rows at a time; a block
/// of records brings 64 mixed rows in one word.
#[derive(Debug, Default)]
pub(crate) struct Nulls {
    /// A set bit for each NULL. As long as the last NULL needs.
    words: Vec<u64>,
}

impl Nulls {
    #[inline]
    fn word(&mut self, index: usize) -> &mut u64 {
        if self.words.len() <= index {
            self.words.resize(index + 1, 0);
        }
        &mut self.words[index]
    }

    #[inline]
    pub(crate) fn set(&mut self, row: usize) {
        *self.word(row / 64) |= 1 << (row % 64);
    }

    /// Takes over the nulls of `rows` rows from `start` on; bits past `rows`
    /// are ignored.
    pub(crate) fn set_block(&mut self, start: usize, nulls: &[u64], rows: usize) {
        for (index, null) in nulls.iter().enumerate() {
            let (first, left) = (start + index * 64, rows.saturating_sub(index * 64));
            let null = match left {
                0 => break,
                1..64 => null & ((1 << left) - 1),
                _ => *null,
            };
            if null == 0 {
                continue;
            }
            let (word, bit) = (first / 64, first % 64);
            *self.word(word) |= null << bit;
            let beyond = (null >> 1) >> (63 - bit);
            if beyond != 0 {
                *self.word(word + 1) |= beyond;
            }
        }
    }

    pub(crate) fn set_range(&mut self, rows: std::ops::Range<usize>) {
        for row in rows {
            self.set(row);
        }
    }

    /// Forgets the rows from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.words.truncate(len.div_ceil(64));
        if let Some(last) = self.words.get_mut(len / 64) {
            *last &= (1 << (len % 64)) - 1;
        }
    }

    /// The bitmap of so many rows, or `None` without a NULL; empty again.
    pub(crate) fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        self.truncate(rows);
        if self.words.iter().all(|word| *word == 0) {
            self.words.clear();
            return None;
        }
        // The next rows may have as many.
        let next = Vec::with_capacity(self.words.len());
        let mut words = std::mem::replace(&mut self.words, next);
        words.resize(rows.div_ceil(64), 0);
        // Arrow has a set bit for each value, in the order of little-endian
        // words.
        let valid: Vec<u64> = words.into_iter().map(|word| (!word).to_le()).collect();
        let valid = BooleanBuffer::new(Buffer::from_vec(valid), 0, rows);
        Some(NullBuffer::new(valid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows by themselves and in blocks of every alignment, with some taken
    /// back, against a plain vector.
    #[test]
    fn equals_a_vector_of_booleans() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state >> 33
        };
        let mut nulls = Nulls::default();
        let mut expected: Vec<bool> = Vec::new();
        for _ in 0..500 {
            match random() % 5 {
                0 => {
                    nulls.set(expected.len());
                    expected.push(false);
                }
                1 => {
                    let rows = expected.len() - expected.len().min((random() % 100) as usize);
                    nulls.truncate(rows);
                    expected.truncate(rows);
                }
                2 => {
                    nulls.set_range(expected.len()..expected.len() + 3);
                    expected.extend([false; 3]);
                }
                3 => expected.extend([true; 5]),
                _ => {
                    let rows = (random() % 257) as usize;
                    let block: Vec<u64> = (0..4).map(|_| random() << 33 | random()).collect();
                    nulls.set_block(expected.len(), &block, rows);
                    expected.extend((0..rows).map(|row| block[row / 64] >> (row % 64) & 1 == 0));
                }
            }
        }
        let buffer = nulls.finish(expected.len()).unwrap();
        assert_eq!(buffer.iter().collect::<Vec<_>>(), expected);
        assert_eq!(nulls.finish(100), None);
    }
}
