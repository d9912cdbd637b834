//! Which rows of a column under construction are NULL.

use arrow_buffer::{BooleanBuffer, Buffer, NullBuffer};

/// A growing bitmap, a set bit for each row that has a value.
///
/// Arrow's own builder takes a row or a run of equal rows at a time; a block
/// of records brings 64 mixed rows in one word.
#[derive(Debug, Default)]
pub(crate) struct Validity {
    words: Vec<u64>,
    len: usize,
    nulls: usize,
}

impl Validity {
    pub(crate) fn with_capacity(rows: usize) -> Validity {
        Validity {
            words: Vec::with_capacity(rows.div_ceil(64) + 1),
            len: 0,
            nulls: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn append(&mut self, valid: bool) {
        let bit = self.len % 64;
        if bit == 0 {
            self.words.push(0);
        }
        if let Some(word) = self.words.last_mut() {
            *word |= u64::from(valid) << bit;
        }
        self.nulls += usize::from(!valid);
        self.len += 1;
    }

    /// Appends `rows` rows, NULL where a bit of `nulls` is set; bits past
    /// `rows` are ignored.
    pub(crate) fn append_block(&mut self, nulls: &[u64], rows: usize) {
        let mut left = rows;
        for null in nulls {
            let count = left.min(64);
            self.append_word(!null, count);
            left -= count;
        }
        debug_assert_eq!(left, 0, "a bit for each row");
    }

    /// Appends the low `count` bits, at most 64.
    fn append_word(&mut self, valid: u64, count: usize) {
        if count == 0 {
            return;
        }
        let valid = valid & (u64::MAX >> (64 - count));
        let bit = self.len % 64;
        match self.words.last_mut() {
            Some(word) if bit > 0 => {
                *word |= valid << bit;
                if bit + count > 64 {
                    self.words.push(valid >> (64 - bit));
                }
            }
            _ => self.words.push(valid),
        }
        self.len += count;
        self.nulls += count - valid.count_ones() as usize;
    }

    pub(crate) fn append_nulls(&mut self, rows: usize) {
        for _ in 0..rows {
            self.append(false);
        }
    }

    /// Takes back the rows from `len` on.
    pub(crate) fn truncate(&mut self, len: usize) {
        while self.len > len {
            self.len -= 1;
            let bit = self.len % 64;
            if let Some(word) = self.words.last_mut() {
                self.nulls -= usize::from(*word >> bit & 1 == 0);
                *word &= !(1 << bit);
            }
            if bit == 0 {
                self.words.pop();
            }
        }
    }

    /// The bitmap, or `None` without a NULL; empty again for `rows` more.
    pub(crate) fn finish(&mut self, rows: usize) -> Option<NullBuffer> {
        if self.nulls == 0 {
            self.words.clear();
            self.len = 0;
            return None;
        }
        let Validity { words, len, nulls } = std::mem::replace(self, Validity::with_capacity(rows));
        // Arrow's bit order is that of little-endian words.
        let words: Vec<u64> = words.into_iter().map(u64::to_le).collect();
        let nulls_buffer = NullBuffer::new(BooleanBuffer::new(Buffer::from_vec(words), 0, len));
        debug_assert_eq!(nulls_buffer.null_count(), nulls);
        Some(nulls_buffer)
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
        let mut validity = Validity::default();
        let mut expected: Vec<bool> = Vec::new();
        for _ in 0..500 {
            match random() % 4 {
                0 => {
                    validity.append(true);
                    expected.push(true);
                }
                1 => {
                    let rows = expected.len() - expected.len().min((random() % 100) as usize);
                    validity.truncate(rows);
                    expected.truncate(rows);
                }
                2 => {
                    validity.append_nulls(3);
                    expected.extend([false; 3]);
                }
                _ => {
                    let rows = (random() % 257) as usize;
                    let nulls: Vec<u64> = (0..4).map(|_| random() << 33 | random()).collect();
                    validity.append_block(&nulls, rows);
                    expected.extend((0..rows).map(|row| nulls[row / 64] >> (row % 64) & 1 == 0));
                }
            }
            assert_eq!(validity.len(), expected.len());
        }
        let buffer = validity.finish(0).unwrap();
        assert_eq!(buffer.iter().collect::<Vec<_>>(), expected);
        assert_eq!(validity.len(), 0);
        assert!(validity.finish(0).is_none());
    }
}
