//! A checksum of rows that does not depend on their order: proof that compaction
//! changed nothing.

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// Odd constants with bits in no pattern, from wyhash.
const MIX: [u64; 2] = [0xa076_1d64_78bd_642f, 0xe703_7ed1_a0b4_28db];

/// What a row's hash is mixed with at last: not one of the above, which would make
/// every product 0.
const LAST: u64 = 0x5899_65cc_7537_4cc3;

/// What a NULL counts as.
const NULL: u64 = 0x8ebc_6af0_9c88_c6e3;

/// Number and sum of rows. The same rows in any order and any batches give the
/// same; rows of which any value differs do not, but for one chance in 2⁶⁴.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct RowSum {
    pub(crate) rows: u64,
    sum: u64,
}

impl RowSum {
    /// Adds the rows of a batch. All batches that are compared must have the same
    /// columns in the same order.
    pub(crate) fn add(&mut self, batch: &RecordBatch) {
        let mut hashes = vec![0; batch.num_rows()];
        for column in batch.columns() {
            hash_column(column, &mut hashes);
        }
        self.rows += hashes.len() as u64;
        // Once more: a sum of products has less of a pattern then.
        for hash in hashes {
            self.sum = self.sum.wrapping_add(mix(hash, LAST));
        }
    }
}

fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a ^ MIX[0]) * u128::from(b ^ MIX[1]);
    (product as u64) ^ ((product >> 64) as u64)
}

fn hash_column(column: &ArrayRef, hashes: &mut [u64]) {
    let mut add = |value: &dyn Fn(usize) -> u64| {
        for (row, hash) in hashes.iter_mut().enumerate() {
            let value = if column.is_null(row) {
                NULL
            } else {
                value(row)
            };
            *hash = mix(*hash, value);
        }
    };
    match column.data_type() {
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>().values();
            add(&|row| i64::from(values[row]) as u64);
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().values();
            add(&|row| values[row] as u64);
        }
        DataType::Timestamp(..) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            add(&|row| values[row] as u64);
        }
        _ => {
            let values = column.as_string_view();
            add(&|row| hash_bytes(values.value(row).as_bytes()));
        }
    }
}

fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = bytes.len() as u64;
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = mix(hash, u64::from_le_bytes(word));
    }
    hash
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, StringViewArray};

    use super::*;

    fn sum(rows: &[(Option<i32>, Option<&str>)]) -> RowSum {
        let numbers: Int32Array = rows.iter().map(|row| row.0).collect();
        let texts: StringViewArray = rows.iter().map(|row| row.1).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("number", Arc::new(numbers)), ("text", Arc::new(texts))];
        let mut sum = RowSum::default();
        sum.add(
            &RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap(),
        );
        sum
    }

    #[test]
    fn order_does_not_matter_and_values_do() {
        let (a, b) = (
            (Some(1), Some("10.0.0.1")),
            (None, Some("a longer text than inline")),
        );
        let both = sum(&[a, b]);
        assert_eq!(both, sum(&[b, a]));
        let other = [
            sum(&[a]),
            sum(&[a, a]),
            sum(&[a, b, b]),
            sum(&[a, (None, None)]),
            sum(&[a, (Some(0), b.1)]),
            sum(&[(Some(1), b.1), (None, a.1)]),
            sum(&[a, (None, Some("a longer text than inlinE"))]),
        ];
        for other in other {
            assert_ne!(both, other);
        }
    }
}
