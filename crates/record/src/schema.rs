//! The schema of the table `flows`, and of `rejects`.

use std::sync::Arc;

use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef};

use crate::field::Field;
use crate::format::{Format, FormatField};

/// The columns of `flows` for sources of these formats, united by name: the 14
/// of version 2 always, then the registry's others in its order, then unknown
/// fields in the order they come. Every column is nullable; a source without a
/// column has NULL in it.
///
/// ```
/// use vpcflow_record::{Format, flows_schema};
///
/// let format = Format::parse("srcaddr my-new-field vpc-id")?;
/// let schema = flows_schema([&format]);
/// let names: Vec<_> = schema.fields().iter().map(|field| field.name().as_str()).collect();
/// assert_eq!(names[..4], ["version", "account_id", "interface_id", "srcaddr"]);
/// assert_eq!(names[14..], ["vpc_id", "my_new_field"]);
/// # Ok::<(), vpcflow_record::FormatError>(())
/// ```
pub fn flows_schema<'a>(formats: impl IntoIterator<Item = &'a Format>) -> SchemaRef {
    let mut known: Vec<Field> = Field::ALL
        .iter()
        .copied()
        .filter(|f| f.version() == 2)
        .collect();
    let mut unknown: Vec<String> = Vec::new();
    for format in formats {
        for field in format.fields() {
            match field {
                FormatField::Known(field) if !known.contains(field) => known.push(*field),
                FormatField::Unknown(_) if !unknown.contains(&field.column()) => {
                    unknown.push(field.column());
                }
                _ => {}
            }
        }
    }
    known.sort();
    let known = known
        .iter()
        .map(|f| ArrowField::new(f.column(), f.field_type().data_type(), true));
    let unknown = unknown
        .iter()
        .map(|name| ArrowField::new(name, DataType::Utf8View, true));
    Arc::new(Schema::new(known.chain(unknown).collect::<Vec<_>>()))
}

/// The columns of `rejects`: one row a refused line.
///
/// | column | meaning |
/// |---|---|
/// | `source` | file, or log group and stream |
/// | `position` | byte offset of the line in its (decompressed) file; NULL for an event |
/// | `event_id` | id of the event; NULL for a line of a file |
/// | `field` | the field at fault; NULL when the whole line is |
/// | `reason` | what is wrong |
/// | `line` | the line, its first 4,096 bytes; bytes that are no UTF-8 as U+FFFD |
pub fn rejects_schema() -> SchemaRef {
    let text = |name| ArrowField::new(name, DataType::Utf8View, true);
    Arc::new(Schema::new(vec![
        ArrowField::new("source", DataType::Utf8View, false),
        ArrowField::new("position", DataType::Int64, true),
        text("event_id"),
        text("field"),
        ArrowField::new("reason", DataType::Utf8View, false),
        text("line"),
    ]))
}
