//! Arrow's own reader of separated values, with a space as the separator.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_csv::ReaderBuilder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use regex::Regex;
use vpcflow_record::{BATCH_ROWS, Format, flows_schema};

/// Reads a text of the default format into batches, all held in memory.
///
/// The types are the decoder's own, except that `start` and `end` stay whole
/// seconds: arrow-csv reads timestamps only as dates. Addresses are not
/// checked.
///
/// # Panics
/// When the text is malformed: the inputs are not.
#[must_use]
pub fn decode_with_arrow_csv(text: &[u8]) -> Vec<RecordBatch> {
    let null = Regex::new("^-$").expect("the pattern is valid");
    ReaderBuilder::new(schema())
        .with_delimiter(b' ')
        .with_null_regex(null)
        .with_batch_size(BATCH_ROWS)
        .build(text)
        .expect("the settings are valid")
        .collect::<Result<_, _>>()
        .expect("every line has the schema's fields")
}

fn schema() -> SchemaRef {
    let table = flows_schema([&Format::default()]);
    let fields = table.fields().iter().map(|field| {
        let data_type = match field.data_type() {
            DataType::Timestamp(..) => DataType::Int64,
            other => other.clone(),
        };
        Field::new(field.name(), data_type, true)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
