//! What there is: tables, columns, functions and queries.

use std::fmt::Write;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use vpcflow_query::{Error, Library};

use super::vocabulary::Vocabulary;
use crate::failure::Failure;
use crate::print::counted;

/// The tables, a line each.
pub(super) fn tables(words: &Vocabulary) -> String {
    let width = words.tables.iter().map(|table| table.name.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for table in &words.tables {
        let columns = counted(table.columns.len() as u64, "column");
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {:width$}  {columns}", table.name);
    }
    text.push_str("\n`\\d TABLE` tells the columns of one.\n");
    text
}

/// The columns of a table, as rows.
pub(super) fn columns(words: &Vocabulary, name: &str) -> Result<RecordBatch, Failure> {
    let Some(table) = words.table(name.trim_matches('"')) else {
        let names = words.tables.iter().map(|table| table.name.as_str());
        let names: Vec<_> = names.collect();
        return Err(Failure::new(format!("there is no table `{name}`"))
            .hint(format!("the tables are {}", names.join(", "))));
    };
    let columns = &table.columns;
    Ok(rows([
        (
            "column",
            columns
                .iter()
                .map(|column| Some(column.name.as_str()))
                .collect(),
        ),
        (
            "type",
            columns
                .iter()
                .map(|column| Some(column.data_type.as_str()))
                .collect(),
        ),
        (
            "meaning",
            columns.iter().map(|column| column.description).collect(),
        ),
    ])?)
}

/// The functions, or those with this in their names, as rows.
pub(super) fn functions(words: &Vocabulary, word: Option<&str>) -> Result<RecordBatch, Failure> {
    let word = word.unwrap_or_default().to_ascii_lowercase();
    let functions = words.functions.iter();
    let found: Vec<_> = functions
        .filter(|function| function.name.contains(&word))
        .collect();
    if found.is_empty() {
        return Err(Failure::new(format!(
            "there is no function with `{word}` in its name"
        )));
    }
    let some = |text: &'_ str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Ok(rows([
        (
            "function",
            found.iter().map(|function| some(&function.name)).collect(),
        ),
        (
            "call",
            found.iter().map(|function| some(&function.call)).collect(),
        ),
        (
            "meaning",
            found
                .iter()
                .map(|function| some(&function.description))
                .collect(),
        ),
    ])?)
}

/// The queries of the library, as rows.
pub(super) fn queries(library: &Library) -> Result<RecordBatch, Failure> {
    let queries = library.queries().iter();
    Ok(rows([
        (
            "query",
            queries
                .clone()
                .map(|query| Some(query.name.as_str()))
                .collect(),
        ),
        (
            "pack",
            queries
                .clone()
                .map(|query| Some(query.pack.as_str()))
                .collect(),
        ),
        (
            "answer",
            queries.map(|query| Some(query.summary.as_str())).collect(),
        ),
    ])?)
}

fn rows(columns: [(&str, StringArray); 3]) -> Result<RecordBatch, Error> {
    let columns = columns.map(|(name, texts)| (name, Arc::new(texts) as ArrayRef));
    Ok(RecordBatch::try_from_iter(columns)?)
}
