//! Batches that live long, freed of memory that they do not need.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, PrimitiveArray, RecordBatch, RecordBatchOptions, StringViewArray,
};
use arrow_buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, TimeUnit};

use crate::column::{INLINE_BYTES, view};

/// The batch without memory that it keeps alive for nothing, where that pays.
///
/// Long text of a batch is views into the input, so that a batch of a few rows
/// can keep an input of many megabytes alive, and a batch that was flushed early
/// has room for many more rows than it holds. Neither matters for batches that
/// are looked at and dropped. Call this for those that live long, such as the
/// newest rows of a log that is followed.
///
/// A batch is copied, into buffers of the size of what it refers to, when it
/// keeps at least twice that alive; otherwise it comes back as it was. Text that
/// is in a copied column several times is kept once. Buffers that the batch
/// shares with others count in full, since nobody knows how long those live.
///
/// Columns of types that the decoder does not make are left as they are.
///
/// ```
/// use arrow_buffer::Buffer;
/// use vpcflow_record::{DecodeOptions, Decoder, Format, compact};
///
/// let line = "2 123456789010 eni-1235b8ca123456789 - - - - - - - 1431280876 1431280934 - NODATA\n";
/// let input = Buffer::from_vec(line.repeat(100_000).into_bytes());
/// let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
/// decoder.decode_buffer(&input);
/// let batch = decoder.flush()?.unwrap();
/// let few = batch.slice(0, 10);
/// assert!(few.get_array_memory_size() > 8_000_000);
///
/// let compacted = compact(few.clone());
/// assert_eq!(compacted, few);
/// assert!(compacted.get_array_memory_size() < 4_000);
/// # Ok::<(), arrow_schema::ArrowError>(())
/// ```
pub fn compact(batch: RecordBatch) -> RecordBatch {
    let needed: usize = batch.columns().iter().map(needed_bytes).sum();
    if kept_alive_bytes(&batch) < 2 * needed.max(MIN_BYTES) {
        return batch;
    }
    let columns = batch.columns().iter().map(copy).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    // The columns are the same, so nothing can be wrong with them.
    RecordBatch::try_new_with_options(batch.schema(), columns, &options).unwrap_or(batch)
}

/// Not worth a copy, whatever the share of it that is needed.
const MIN_BYTES: usize = 4096;

/// Bytes of all allocations that the batch refers to, each once.
fn kept_alive_bytes(batch: &RecordBatch) -> usize {
    let mut allocations = BTreeMap::new();
    for column in batch.columns() {
        let data = column.to_data();
        let nulls = data.nulls().map(NullBuffer::buffer);
        for buffer in data.buffers().iter().chain(nulls) {
            allocations.insert(buffer.data_ptr(), buffer.capacity());
        }
    }
    allocations.values().sum()
}

/// Bytes that a column of this content needs at most.
fn needed_bytes(column: &ArrayRef) -> usize {
    let values = match column.data_type() {
        DataType::Int32 => 4 * column.len(),
        DataType::Int64 | DataType::Timestamp(..) => 8 * column.len(),
        DataType::Utf8View => 16 * column.len() + column.as_string_view().total_buffer_bytes_used(),
        // Left as it is.
        _ => column.get_array_memory_size(),
    };
    values + column.nulls().map_or(0, |nulls| nulls.len().div_ceil(8))
}

fn copy(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Int32 => copy_numbers::<Int32Type>(column),
        DataType::Int64 => copy_numbers::<Int64Type>(column),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            copy_numbers::<TimestampMicrosecondType>(column)
        }
        DataType::Utf8View => copy_text(column.as_string_view()),
        _ => Arc::clone(column),
    }
}

fn copy_numbers<T: ArrowPrimitiveType>(column: &ArrayRef) -> ArrayRef {
    let column = column.as_primitive::<T>();
    let values = ScalarBuffer::from(column.values().to_vec());
    let copied = PrimitiveArray::<T>::new(values, column.nulls().and_then(copy_nulls));
    Arc::new(copied.with_data_type(column.data_type().clone()))
}

fn copy_text(column: &StringViewArray) -> ArrayRef {
    let mut text = Vec::new();
    let mut places: HashMap<&str, u32> = HashMap::new();
    let views = column.iter().map(|value| match value {
        None => 0,
        Some(value) if value.len() <= INLINE_BYTES => view(value.as_bytes(), value.len(), 0, 0),
        Some(value) => {
            let place = *places.entry(value).or_insert_with(|| {
                text.extend_from_slice(value.as_bytes());
                (text.len() - value.len()) as u32
            });
            view(value.as_bytes(), value.len(), 0, place)
        }
    });
    let views: Vec<u128> = views.collect();
    // Offsets have 32 bits; a batch of the decoder never has as much text.
    if u32::try_from(text.len()).is_err() {
        return Arc::new(column.gc());
    }
    text.shrink_to_fit();
    let nulls = column.nulls().and_then(copy_nulls);
    let buffers = match text.is_empty() {
        true => Vec::new(),
        false => vec![Buffer::from_vec(text)],
    };
    Arc::new(StringViewArray::new(views.into(), buffers, nulls))
}

/// The same bits without those before and after; `None` when none is null.
fn copy_nulls(nulls: &NullBuffer) -> Option<NullBuffer> {
    (nulls.null_count() > 0).then(|| NullBuffer::from_iter(nulls.iter()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{DecodeOptions, Decoder, Format};

    /// Batches of so many rows that share one input of 10,000 lines.
    fn batches(line: impl Fn(usize) -> String, batch_rows: usize) -> Vec<RecordBatch> {
        let text: String = (0..10_000).map(|row| line(row) + "\n").collect();
        let input = Buffer::from_vec(text.into_bytes());
        let options = DecodeOptions {
            batch_rows,
            ..DecodeOptions::default()
        };
        let mut decoder = Decoder::new(Format::default(), options);
        let (mut used, mut batches) = (0, Vec::new());
        while used < input.len() {
            used += decoder.decode_buffer(&input.slice(used));
            batches.extend(decoder.flush().unwrap());
        }
        batches
    }

    fn varied(row: usize) -> String {
        let (a, b) = (row / 250, row % 250);
        match row % 7 {
            0 => "2 123456789010 eni-1235b8ca123456789 - - - - - - - 10 20 - NODATA".to_owned(),
            _ => format!(
                "2 1 eni-1235b8ca12345678{b:03} 10.100.{a}.{b} 2001:db8::{a}:{b} 1 2 6 1 40 10 20 ACCEPT OK"
            ),
        }
    }

    #[test]
    fn a_batch_that_uses_most_of_its_memory_is_left_alone() {
        for batch in batches(varied, 10_000) {
            let (schema, columns) = (batch.schema(), batch.columns().to_vec());
            let compacted = compact(batch);
            assert_eq!(compacted.schema(), schema);
            let same = compacted.columns().iter().zip(&columns);
            assert!(same.into_iter().all(|(one, other)| Arc::ptr_eq(one, other)));
        }
    }

    #[test]
    fn a_batch_in_a_large_input_is_freed_of_it() {
        let batches = batches(varied, 500);
        let alive: usize = batches.iter().map(kept_alive_bytes).sum();
        let compacted: Vec<_> = batches.iter().cloned().map(compact).collect();
        assert_eq!(compacted, batches);
        let freed: usize = compacted.iter().map(kept_alive_bytes).sum();
        assert!(freed * 8 < alive, "{freed} of {alive}");
        for batch in &compacted {
            let needed: usize = batch.columns().iter().map(needed_bytes).sum();
            assert!(kept_alive_bytes(batch) <= needed + 64 * batch.num_columns());
        }
    }

    #[test]
    fn a_batch_that_was_flushed_early_has_no_room_left_over() {
        let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
        decoder.decode_message(varied(1).as_bytes());
        let batch = decoder.flush().unwrap().unwrap();
        let compacted = compact(batch.clone());
        assert_eq!(compacted, batch);
        assert!(kept_alive_bytes(&compacted) < 1024);
    }

    #[test]
    fn repeated_text_is_kept_once() {
        let few = &batches(|_| varied(0), 10_000)[0].slice(100, 1000);
        let column = compact(few.clone());
        let column = column.column_by_name("interface_id").unwrap();
        let text: usize = column
            .as_string_view()
            .data_buffers()
            .iter()
            .map(Buffer::len)
            .sum();
        assert_eq!(text, "eni-1235b8ca123456789".len());
    }

    proptest! {
        #[test]
        fn any_slice_stays_what_it_is(start in 0_usize..500, rows in 0_usize..400, twice: bool) {
            for batch in batches(varied, 1000) {
                let part = batch.slice(start, rows);
                let mut compacted = compact(part.clone());
                if twice {
                    compacted = compact(compacted);
                }
                prop_assert_eq!(compacted, part);
            }
        }
    }
}
