//! The columns of the table, of those of its files.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef};
use vpcflow_record::{Field, Format, flows_schema};

/// The name of a file's column in the table: AWS's names have underscores in Parquet,
/// and dashes where somebody kept them from text.
pub(super) fn column_name(name: &str) -> &str {
    match Field::from_name(name) {
        Some(field) => field.column(),
        None => name,
    }
}

/// The columns of `flows` for files with these: those of version 2 always, then the
/// others that AWS documents, in their order and with the types of the table, then what
/// nobody documents, with the types that the files have.
pub(super) fn table_schema<'a>(files: impl Iterator<Item = &'a Schema> + Clone) -> SchemaRef {
    let columns = || files.clone().flat_map(|schema| schema.fields().iter());
    let known: Vec<Field> = columns()
        .filter_map(|c| Field::from_name(c.name()))
        .collect();
    let formats = known
        .iter()
        .filter_map(|field| Format::from_fields(&[*field]).ok());
    let formats: Vec<Format> = formats.collect();
    let mut fields: Vec<ArrowField> = flows_schema(&formats)
        .fields()
        .iter()
        .map(|field| field.as_ref().clone())
        .collect();
    for column in columns().filter(|column| Field::from_name(column.name()).is_none()) {
        let found = fields
            .iter_mut()
            .find(|field| field.name() == column.name());
        match found {
            Some(field) => {
                let both = common_type(field.data_type(), column.data_type());
                *field = ArrowField::new(column.name(), both, true);
            }
            None => {
                let data_type = common_type(column.data_type(), column.data_type());
                fields.push(ArrowField::new(column.name(), data_type, true));
            }
        }
    }
    Arc::new(Schema::new(fields))
}

/// A type that takes the values of both: the same, a wider number, else text. All text
/// is of one type, that of the table.
fn common_type(one: &DataType, other: &DataType) -> DataType {
    let plain = |data_type: &DataType| match data_type {
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        data_type => data_type.clone(),
    };
    let (one, other) = (plain(one), plain(other));
    if one.is_string() || other.is_string() {
        DataType::Utf8View
    } else if one == other {
        one
    } else if one.is_integer() && other.is_integer() {
        DataType::Int64
    } else if one.is_numeric() && other.is_numeric() {
        DataType::Float64
    } else {
        DataType::Utf8View
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_united_by_name() {
        let file = |columns: &[(&str, DataType)]| {
            let fields = columns
                .iter()
                .map(|(name, data_type)| ArrowField::new(*name, data_type.clone(), false));
            Schema::new(fields.collect::<Vec<_>>())
        };
        let files = [
            file(&[
                ("tcp_flags", DataType::Int64),
                ("account-id", DataType::Utf8),
                ("cost", DataType::Int32),
                ("team", DataType::Utf8),
            ]),
            file(&[
                ("vpc_id", DataType::LargeUtf8),
                ("start", DataType::Int64),
                ("cost", DataType::Int64),
                ("team", DataType::Int32),
                ("share", DataType::Float32),
            ]),
        ];
        let schema = table_schema(files.iter());
        let names: Vec<_> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        assert_eq!(names[..2], ["version", "account_id"]);
        assert_eq!(
            names[14..],
            ["vpc_id", "tcp_flags", "cost", "team", "share"]
        );
        let data_type = |name| schema.field_with_name(name).unwrap().data_type().clone();
        assert_eq!(data_type("tcp_flags"), DataType::Int32);
        assert_eq!(data_type("cost"), DataType::Int64);
        assert_eq!(data_type("team"), DataType::Utf8View);
        assert_eq!(data_type("share"), DataType::Float32);
        assert!(matches!(data_type("start"), DataType::Timestamp(..)));
        assert!(schema.fields().iter().all(|field| field.is_nullable()));
    }
}
