//! The words that a statement is made of: to complete them, and to colour them.

use std::collections::HashSet;

use vpcflow_query::{FunctionInfo, Library, Query, Session, TableInfo};

use crate::failure::Failure;

/// Keywords that statements over flow logs are made of.
const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ANY",
    "ARRAY",
    "AS",
    "ASC",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COUNT",
    "CROSS",
    "CURRENT",
    "DATE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FETCH",
    "FILTER",
    "FIRST",
    "FOLLOWING",
    "FROM",
    "FULL",
    "GROUP",
    "GROUPING",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PRECEDING",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RIGHT",
    "ROLLUP",
    "ROW",
    "ROWS",
    "SELECT",
    "SETS",
    "SHOW",
    "SIMILAR",
    "SUBSTRING",
    "TABLE",
    "THEN",
    "TIMESTAMP",
    "TO",
    "TRUE",
    "UNBOUNDED",
    "UNION",
    "UNNEST",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
    "ANALYZE",
];

/// What can stand in a statement of a session.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    pub(crate) tables: Vec<TableInfo>,
    pub(crate) functions: Vec<FunctionInfo>,
    pub(crate) queries: Vec<Query>,
    function_names: HashSet<String>,
}

impl Vocabulary {
    /// Of a session, and of the library.
    pub(crate) async fn of(session: &Session, library: &Library) -> Result<Vocabulary, Failure> {
        let functions = session.functions();
        let names = functions.iter().map(|function| function.name.clone());
        Ok(Vocabulary {
            tables: session.tables().await?,
            function_names: names.collect(),
            functions,
            queries: library.queries().to_vec(),
        })
    }

    pub(crate) fn keywords() -> &'static [&'static str] {
        KEYWORDS
    }

    pub(crate) fn is_keyword(word: &str) -> bool {
        KEYWORDS
            .iter()
            .any(|keyword| keyword.eq_ignore_ascii_case(word))
    }

    pub(crate) fn is_function(&self, word: &str) -> bool {
        self.function_names.contains(&word.to_ascii_lowercase())
    }

    pub(crate) fn table(&self, name: &str) -> Option<&TableInfo> {
        self.tables
            .iter()
            .find(|table| table.name.eq_ignore_ascii_case(name))
    }
}
