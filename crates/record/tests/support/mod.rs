//! Decoding in a way of choice, to results that can be compared.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_buffer::Buffer;
use arrow_schema::DataType;
use vpcflow_record::{DecodeCounts, DecodeOptions, Decoder, Format, Reject};

/// All that a decoder has to say about an input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Columns by name, the values as text, NULL as `None`.
    pub(crate) rows: Vec<Vec<Option<String>>>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) counts: DecodeCounts,
    pub(crate) format: Format,
}

/// How the input reaches the decoder.
#[derive(Debug, Clone)]
pub(crate) enum Feed {
    /// As slices that end at these places.
    Slices(Vec<usize>),
    /// As buffers that end at these places.
    Buffers(Vec<usize>),
}

/// Decodes all of a text.
pub(crate) fn decode(
    text: &[u8],
    format: &Format,
    options: &DecodeOptions,
    feed: &Feed,
) -> Decoded {
    let mut decoder = Decoder::new(format.clone(), options.clone());
    let (mut batches, mut rejects) = (Vec::new(), Vec::new());
    let mut drain = |decoder: &mut Decoder| {
        batches.extend(decoder.flush().unwrap());
        rejects.extend(decoder.take_rejects());
    };
    let (Feed::Slices(ends) | Feed::Buffers(ends)) = feed;
    let mut ends: Vec<usize> = ends.iter().map(|end| end % (text.len() + 1)).collect();
    ends.push(text.len());
    ends.sort_unstable();
    let mut start = 0;
    for end in ends {
        let piece = &text[start..end];
        let buffer = Buffer::from(piece);
        let mut used = 0;
        while used < piece.len() {
            used += match feed {
                Feed::Slices(_) => decoder.decode(&piece[used..]),
                Feed::Buffers(_) => decoder.decode_buffer(&buffer.slice(used)),
            };
            if decoder.is_full() {
                drain(&mut decoder);
            }
        }
        start = end;
    }
    decoder.finish();
    drain(&mut decoder);
    Decoded {
        rows: batches.iter().flat_map(rows).collect(),
        rejects,
        counts: decoder.counts(),
        format: decoder.format().clone(),
    }
}

fn rows(batch: &RecordBatch) -> Vec<Vec<Option<String>>> {
    let columns: Vec<_> = batch.columns().iter().map(|column| texts(column)).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|column| column[row].clone()).collect())
        .collect()
}

fn texts(column: &dyn arrow_array::Array) -> Vec<Option<String>> {
    fn all<T: ToString>(values: impl Iterator<Item = Option<T>>) -> Vec<Option<String>> {
        values
            .map(|value| value.map(|value| value.to_string()))
            .collect()
    }
    match column.data_type() {
        DataType::Int32 => all(column.as_primitive::<Int32Type>().iter()),
        DataType::Int64 => all(column.as_primitive::<Int64Type>().iter()),
        DataType::Timestamp(..) => all(column.as_primitive::<TimestampMicrosecondType>().iter()),
        _ => all(column.as_string_view().iter()),
    }
}
