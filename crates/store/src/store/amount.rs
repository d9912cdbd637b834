//! How much memory rows take.

use std::iter::Sum;
use std::ops::AddAssign;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;

/// Rows that are looked at to tell how long the text of all is: those of one source
/// are alike.
const SAMPLE_ROWS: usize = 32;

/// Bytes of a view of text; the text itself, when it is short, is in it.
const VIEW_BYTES: usize = 16;

/// How much there is of some rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) rows: usize,
    /// Of their values, to within the differences of text between them. What their
    /// memory holds besides, such as room for rows that did not come, is not known.
    pub(super) bytes: usize,
}

impl Amount {
    pub(super) fn of(batch: &RecordBatch) -> Amount {
        let rows = batch.num_rows();
        let row_bytes = |column: &ArrayRef| match column.data_type() {
            DataType::Int32 => 4,
            DataType::Int64 | DataType::Timestamp(..) => 8,
            _ => VIEW_BYTES + long_text_bytes(column),
        };
        let bytes = batch.columns().iter().map(row_bytes).sum::<usize>() * rows;
        Amount { rows, bytes }
    }
}

/// Bytes of the text of a row that is not in its view, by the first rows.
fn long_text_bytes(column: &ArrayRef) -> usize {
    let Some(text) = column.as_string_view_opt() else {
        return 0;
    };
    let sample = text.slice(0, text.len().min(SAMPLE_ROWS));
    sample.total_buffer_bytes_used() / sample.len().max(1)
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Amount) {
        self.rows += other.rows;
        self.bytes += other.bytes;
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Amount>>(amounts: I) -> Amount {
        let mut sum = Amount::default();
        amounts.for_each(|amount| sum += amount);
        sum
    }
}

impl<'a> Sum<&'a RecordBatch> for Amount {
    fn sum<I: Iterator<Item = &'a RecordBatch>>(batches: I) -> Amount {
        batches.map(Amount::of).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int32Array, StringViewArray, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn text_counts_when_it_is_long() {
        let columns: [(&str, ArrayRef); 4] = [
            ("number", Arc::new(Int32Array::from(vec![1; 100]))),
            (
                "time",
                Arc::new(TimestampMicrosecondArray::from(vec![None; 100])),
            ),
            (
                "short",
                Arc::new(StringViewArray::from(vec!["10.0.0.1"; 100])),
            ),
            (
                "long",
                Arc::new(StringViewArray::from(vec!["x".repeat(40); 100])),
            ),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let amount = Amount::of(&batch);
        assert_eq!(
            (amount.rows, amount.bytes),
            (100, 100 * (4 + 8 + 16 + 16 + 40))
        );
        let both: Amount = [&batch, &batch.slice(0, 0)].into_iter().sum();
        assert_eq!(both, amount);
    }
}
