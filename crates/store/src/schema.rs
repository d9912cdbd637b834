//! The columns of the table, in Arrow and in Delta.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use serde_json::{Value, json};
use vpcflow_record::Field;

use crate::error::{Error, Result};

/// The partition column: the UTC day of `start`, else of `end`, else of
/// `ingestion_time`; NULL for a row without any. Files do not hold it, their
/// directory does.
pub const DATE_COLUMN: &str = "date";

/// The columns that rows of a log group have besides those of the record.
const ORIGIN_COLUMNS: [(&str, ColumnType); 4] = [
    ("log_group", ColumnType::Text),
    ("log_stream", ColumnType::Text),
    ("event_id", ColumnType::Text),
    ("ingestion_time", ColumnType::Timestamp),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ColumnType {
    Int32,
    Int64,
    Timestamp,
    Text,
    Date,
}

impl ColumnType {
    const ALL: [ColumnType; 5] = [
        ColumnType::Int32,
        ColumnType::Int64,
        ColumnType::Timestamp,
        ColumnType::Text,
        ColumnType::Date,
    ];

    /// <https://github.com/delta-io/delta/blob/master/PROTOCOL.md#primitive-types>
    fn delta_name(self) -> &'static str {
        match self {
            ColumnType::Int32 => "integer",
            ColumnType::Int64 => "long",
            ColumnType::Timestamp => "timestamp",
            ColumnType::Text => "string",
            ColumnType::Date => "date",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            ColumnType::Int32 => DataType::Int32,
            ColumnType::Int64 => DataType::Int64,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnType::Text => DataType::Utf8View,
            ColumnType::Date => DataType::Date32,
        }
    }
}

/// The columns of a table of this layout. Every one may be NULL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Columns {
    schema: SchemaRef,
}

impl Columns {
    /// Of a new table: the whole field registry, so that a file of any format
    /// fits, then what rows of a log group have, then the day.
    pub(crate) fn new() -> Columns {
        let record = Field::ALL
            .iter()
            .map(|field| ArrowField::new(field.column(), field.field_type().data_type(), true));
        let origin = ORIGIN_COLUMNS
            .iter()
            .map(|(name, column)| ArrowField::new(*name, column.data_type(), true));
        let date = ArrowField::new(DATE_COLUMN, ColumnType::Date.data_type(), true);
        Columns {
            schema: Arc::new(Schema::new(
                record.chain(origin).chain([date]).collect::<Vec<_>>(),
            )),
        }
    }

    /// The Arrow schema of the table.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The table's columns together with those of `rows` that it has not: fields
    /// of a declared format that AWS does not document, which are text. `None`
    /// when it has them all.
    ///
    /// # Errors
    /// When a column has another type than in the table.
    pub(crate) fn widened_for(&self, rows: &Schema) -> Result<Option<Columns>> {
        let mut added: Vec<Arc<ArrowField>> = Vec::new();
        for field in rows.fields() {
            let expected = match self.schema.field_with_name(field.name()) {
                Ok(known) if known.name() != DATE_COLUMN => known.data_type().clone(),
                // The day is the table's own column.
                Ok(known) => {
                    return Err(column_type(field, known.data_type()));
                }
                Err(_) => DataType::Utf8View,
            };
            if *field.data_type() != expected {
                return Err(column_type(field, &expected));
            }
            if self.schema.index_of(field.name()).is_err() {
                added.push(Arc::new(ArrowField::new(field.name(), expected, true)));
            }
        }
        if added.is_empty() {
            return Ok(None);
        }
        let fields = self.schema.fields().iter().cloned().chain(added);
        Ok(Some(Columns {
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
        }))
    }

    /// The rows with their columns declared and ordered as in the table, of which
    /// each may be NULL. A file that says otherwise could not be read as a part of
    /// the table.
    pub(crate) fn as_in_table(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let declared = file_schema(&self.schema, |name| {
            rows.schema_ref().index_of(name).is_ok()
        });
        adapt(rows, &declared)
    }

    /// As the log has them.
    pub(crate) fn to_delta(&self) -> Value {
        let field = |field: &Arc<ArrowField>| {
            let known = ColumnType::ALL
                .into_iter()
                .find(|column| column.data_type() == *field.data_type());
            json!({
                "name": field.name(),
                "type": known.unwrap_or(ColumnType::Text).delta_name(),
                "nullable": true,
                "metadata": {},
            })
        };
        let fields: Vec<_> = self.schema.fields().iter().map(field).collect();
        json!({ "type": "struct", "fields": fields })
    }

    /// From the log. `None` when there is a type that this crate does not write.
    pub(crate) fn from_delta(schema: &Value) -> Option<Columns> {
        let field = |field: &Value| {
            let name = field.get("name")?.as_str()?;
            let type_name = field.get("type")?.as_str()?;
            let known = ColumnType::ALL
                .into_iter()
                .find(|column| column.delta_name() == type_name)?;
            Some(ArrowField::new(name, known.data_type(), true))
        };
        let fields: Option<Vec<_>> = schema
            .get("fields")?
            .as_array()?
            .iter()
            .map(field)
            .collect();
        Some(Columns {
            schema: Arc::new(Schema::new(fields?)),
        })
    }
}

fn column_type(field: &ArrowField, expected: &DataType) -> Error {
    Error::ColumnType {
        column: field.name().clone(),
        found: field.data_type().clone(),
        expected: expected.clone(),
    }
}

/// The columns of a file, in the table's order and types, for reading it.
pub(crate) fn file_schema(table: &Schema, has_column: impl Fn(&str) -> bool) -> SchemaRef {
    let fields = table
        .fields()
        .iter()
        .filter(|field| has_column(field.name()))
        .cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// `batch` with the columns of `schema`, by name; NULL where it has none.
pub(crate) fn adapt(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref() == schema {
        return Ok(batch.clone());
    }
    let columns = schema.fields().iter().map(|field| {
        let column = batch.column_by_name(field.name()).cloned();
        column.unwrap_or_else(|| arrow_array::new_null_array(field.data_type(), batch.num_rows()))
    });
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns.collect(),
        &options,
    )?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_back() {
        let columns = Columns::new();
        assert_eq!(Columns::from_delta(&columns.to_delta()), Some(columns));
    }

    #[test]
    fn unknown_fields_are_added_as_text() {
        let field = |name: &str, data_type| ArrowField::new(name, data_type, true);
        let columns = Columns::new();
        let known = Schema::new(vec![field("srcport", DataType::Int32)]);
        assert_eq!(columns.widened_for(&known).unwrap(), None);
        let unknown = Schema::new(vec![field("my_field", DataType::Utf8View)]);
        let wider = columns.widened_for(&unknown).unwrap().unwrap();
        assert!(wider.schema().index_of("my_field").is_ok());
        for wrong in [
            field("srcport", DataType::Int64),
            field("my_field", DataType::Int64),
            field("date", DataType::Utf8View),
        ] {
            assert!(columns.widened_for(&Schema::new(vec![wrong])).is_err());
        }
    }
}
