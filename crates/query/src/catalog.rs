//! What a statement can name: tables, their columns, functions.

mod meaning;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::catalog::SchemaProvider;
use datafusion::logical_expr::Documentation;

use self::meaning::meaning;
use crate::error::Error;
use crate::session::Session;

/// A table or view of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ColumnInfo>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Its name as it is, which a statement may have to quote: `end`.
    pub name: String,
    /// Its type in SQL, or Arrow's name of one that SQL has no short word for.
    pub data_type: String,
    /// What it means, which AWS documents of the fields of a record; `None` of a column
    /// that only the data or the user has named.
    pub description: Option<&'static str>,
}

/// A function of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionInfo {
    /// Its name.
    pub name: String,
    /// How it is called: `ip_prefix(addr, bits)`; empty if that is not documented.
    pub call: String,
    /// What it does, in a sentence or two; empty if that is not documented.
    pub description: String,
}

impl Session {
    /// The tables and views, by name.
    ///
    /// # Errors
    /// When a table cannot be looked at, as a view over files that have gone.
    pub async fn tables(&self) -> Result<Vec<TableInfo>, Error> {
        let mut tables = Vec::new();
        let Some(schema) = self.schema() else {
            return Ok(tables);
        };
        for name in schema.table_names() {
            let Some(table) = schema.table(&name).await? else {
                continue;
            };
            let columns = table.schema();
            let columns = columns.fields().iter().map(|field| ColumnInfo {
                name: field.name().clone(),
                data_type: sql_type(field.data_type()),
                description: meaning(&name, field.name()),
            });
            tables.push(TableInfo {
                columns: columns.collect(),
                name,
            });
        }
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tables)
    }

    /// The functions, by name: of one value, of groups, of windows, and those that give
    /// tables.
    pub fn functions(&self) -> Vec<FunctionInfo> {
        let state = self.context().state();
        let mut functions = BTreeMap::new();
        let scalar = state.scalar_functions().iter();
        let aggregate = state.aggregate_functions().iter();
        let window = state.window_functions().iter();
        let documents = scalar
            .map(|(name, function)| (name, function.documentation()))
            .chain(aggregate.map(|(name, function)| (name, function.documentation())))
            .chain(window.map(|(name, function)| (name, function.documentation())))
            .chain(state.table_functions().keys().map(|name| (name, None)));
        for (name, document) in documents {
            functions.insert(name.clone(), function(name, document));
        }
        functions.into_values().collect()
    }

    /// Where the tables of a session are registered.
    fn schema(&self) -> Option<Arc<dyn SchemaProvider>> {
        let state = self.context().state();
        let catalog = &state.config_options().catalog;
        let schemas = self.context().catalog(&catalog.default_catalog)?;
        schemas.schema(&catalog.default_schema)
    }
}

fn function(name: &str, document: Option<&Documentation>) -> FunctionInfo {
    let text = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    FunctionInfo {
        name: name.to_owned(),
        call: document.map_or_else(String::new, |document| text(&document.syntax_example)),
        description: document.map_or_else(String::new, |document| text(&document.description)),
    }
}

/// The name of a type in SQL.
fn sql_type(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "TEXT",
        DataType::Boolean => "BOOLEAN",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INT",
        DataType::Int64 => "BIGINT",
        DataType::UInt64 => "BIGINT UNSIGNED",
        DataType::Float64 => "DOUBLE",
        DataType::Date32 => "DATE",
        DataType::Timestamp(..) => "TIMESTAMP",
        DataType::Dictionary(_, values) => return sql_type(values),
        other => return other.to_string(),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use vpcflow_record::Policy;

    use crate::{Session, Sources, Window};

    #[tokio::test]
    async fn what_a_statement_can_name_is_told() {
        let session = Session::new(Sources::new(Policy::Default), Window::default());
        let session = session.await.unwrap();
        let tables = session.tables().await.unwrap();
        let names: Vec<_> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(
            names,
            ["enis", "flows", "flows_once", "ingest_log", "rejects"]
        );
        let columns = &tables[1].columns;
        let start = columns.iter().find(|column| column.name == "start");
        let start = start.unwrap();
        assert_eq!(start.data_type, "TIMESTAMP");
        assert!(start.description.unwrap().contains("first packet"));
        for table in &tables {
            for column in &table.columns {
                let told = column.description.is_some();
                assert!(told, "{}.{}", table.name, column.name);
            }
        }
        let functions = session.functions();
        let prefix = functions
            .iter()
            .find(|function| function.name == "ip_prefix");
        assert!(prefix.unwrap().call.starts_with("ip_prefix("));
        for name in ["sum", "row_number", "networks", "lower"] {
            assert!(
                functions.iter().any(|function| function.name == name),
                "{name}"
            );
        }
    }
}
