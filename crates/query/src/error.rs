//! Errors, shown with the place in the SQL text.

mod cause;
mod shortage;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use datafusion::arrow::error::ArrowError;
use datafusion::common::{Diagnostic, SchemaError};
use datafusion::error::DataFusionError;
use vpcflow_ingest::{InputError, system_message};
use vpcflow_record::Field;

pub(crate) use self::cause::is_of_source;
use self::cause::{describe, source_hint};
use self::shortage::Shortage;

/// Why a request could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The SQL text is at fault.
    #[error(transparent)]
    Sql(#[from] Box<SqlError>),
    /// A source cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The library has no query of this name.
    #[error("there is no query `{name}`")]
    UnknownQuery {
        /// The name given.
        name: String,
        /// The most similar name, if one is similar.
        similar: Option<String>,
    },
    /// The data has no field that a query needs.
    #[error("the query `{query}` needs `{field}`, which the data does not have")]
    MissingField {
        /// The query.
        query: String,
        /// The column.
        field: String,
    },
    /// A parameter without a default was not given.
    #[error("the query `{query}` needs the parameter `{name}`: {description}")]
    MissingParameter {
        /// The query.
        query: String,
        /// The parameter.
        name: String,
        /// What it means.
        description: String,
    },
    /// A file or folder of a user's own queries cannot be used.
    #[error("cannot use `{}`: {reason}", path.display())]
    QueryFile {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A parameter that the query does not have, or a value that does not fit.
    #[error("{0}")]
    Parameter(String),
    /// There is no such column to rank by.
    #[error("there is no column `{name}`")]
    UnknownColumn {
        /// The name given.
        name: String,
        /// The most similar column, if one is similar.
        similar: Option<String>,
    },
    /// The directory for temporary files cannot be used.
    #[error("cannot make files in `{}`: {reason}", path.display())]
    SpillDirectory {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The query failed while it ran.
    #[error("{}", describe(.0))]
    Execution(Box<DataFusionError>),
    /// The answer could not be written.
    #[error("cannot write the answer: {}", system_message(.0))]
    Output(#[from] std::io::Error),
}

impl Error {
    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Sql(error) => error.hint.clone(),
            Error::Input(error) => error.hint(),
            Error::UnknownQuery { similar, .. } => Some(match similar {
                Some(name) => format!("did you mean `{name}`? `vpcflow query` lists all"),
                None => "`vpcflow query` lists all".to_owned(),
            }),
            Error::UnknownColumn { similar, .. } => Some(match similar {
                Some(name) => format!("did you mean `{name}`?"),
                None => "`vpcflow sql 'DESCRIBE flows'` lists the columns".to_owned(),
            }),
            Error::MissingField { field, .. } => Some(format!(
                "deliver flow logs with `{}`, or declare the format with `--log-format`",
                field.replace('_', "-")
            )),
            Error::SpillDirectory { .. } => Some("name another with `--temp-dir`".to_owned()),
            Error::Execution(error) => match Shortage::of(error) {
                Some(shortage) => Some(shortage.hint()),
                None => source_hint(error),
            },
            Error::MissingParameter { name, .. } => {
                Some(format!("give it a value with `--param {name}=VALUE`"))
            }
            Error::Parameter(_) | Error::QueryFile { .. } | Error::Output(_) => None,
        }
    }

    /// Whether more memory than the limit would have helped.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        let Error::Execution(error) = self else {
            return false;
        };
        matches!(Shortage::of(error), Some(Shortage::Memory(_)))
    }

    pub(crate) fn query_file(path: &Path, reason: impl fmt::Display) -> Error {
        Error::QueryFile {
            path: path.to_owned(),
            reason: reason.to_string(),
        }
    }

    /// The failure to make a file in the directory for temporary files.
    pub fn spill_directory(path: &Path, error: &std::io::Error) -> Error {
        let text = error.to_string();
        // A path follows, which the message has.
        let reason = text.split(" (os error").next().unwrap_or_default();
        Error::SpillDirectory {
            path: path.to_owned(),
            reason: reason.to_lowercase(),
        }
    }

    /// Whether the answer could not be written because nobody reads it any
    /// more: the end of a pipe that is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Error {
        Error::Execution(Box::new(error))
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Error {
        match error {
            ArrowError::IoError(_, error) => Error::Output(error),
            error => Error::from(DataFusionError::from(error)),
        }
    }
}

/// An error in an SQL text: what is wrong, where, and the way out.
#[derive(Debug)]
pub struct SqlError {
    message: String,
    /// Line and column from 1, and how many characters are meant.
    place: Option<(usize, usize, usize)>,
    sql: String,
    hint: Option<String>,
}

impl std::error::Error for SqlError {}

impl SqlError {
    /// What the engine says about `sql`, with the place if it tells one.
    pub(crate) fn new(sql: &str, error: &DataFusionError) -> SqlError {
        let mut message = describe(error);
        let mut place = None;
        let mut hint = None;
        if let Some(diagnostic) = error.diagnostic() {
            place = place_of(diagnostic);
            message.clone_from(&diagnostic.message);
            hint = diagnostic.helps.first().map(|help| help.message.clone());
        }
        if let DataFusionError::SQL(error, _) = error.find_root() {
            (message, place) = split_place(&error.to_string());
            let address = place.and_then(|place| address_at(sql, place));
            hint = address.map(|address| format!("an address is a text: write '{address}'"));
        }
        if let DataFusionError::SchemaError(error, _) = error.find_root()
            && let SchemaError::FieldNotFound {
                field,
                valid_fields,
            } = &**error
        {
            let names = || valid_fields.iter().map(|column| column.name.as_str());
            message = match Field::from_name(&field.name) {
                Some(known) => format!("no source has the field `{}`", known.name()),
                None => format!("there is no column `{}`", field.name),
            };
            place = place.or_else(|| find(sql, &field.name));
            // AWS's names have dashes, which SQL reads as minus.
            let dashed = place
                .and_then(|place| dashed_word(sql, place))
                .filter(|word| names().any(|name| name == word.replace('-', "_")));
            hint = Some(match (dashed, similar(&field.name, names())) {
                (Some(word), _) => {
                    format!("columns have underscores: `{}`", word.replace('-', "_"))
                }
                (None, Some(name)) => format!("did you mean `{name}`?"),
                (None, None) if sql.contains(&format!("\"{}\"", field.name)) => {
                    format!("a text has single quotes: '{}'", field.name)
                }
                (None, None) => "`DESCRIBE flows` lists the columns".to_owned(),
            });
        }
        if message.contains("table 'datafusion.public.") || message.starts_with("table '") {
            hint = Some(
                "the tables are `flows`, `flows_once`, `rejects`, `enis` and `ingest_log`"
                    .to_owned(),
            );
        }
        if message.to_lowercase().contains("placeholder") {
            hint = Some("give it a value with `--param NAME=VALUE`".to_owned());
        }
        let writes = [
            "DDL not supported",
            "DML not supported",
            "Statement not supported",
        ];
        if writes.iter().any(|start| message.starts_with(start)) {
            message = "this statement does not only read".to_owned();
            hint = Some("`SELECT`, `DESCRIBE`, `SHOW` and `EXPLAIN` are answered".to_owned());
        }
        if hint.is_none() && message.contains("found: end") {
            hint = Some("`end` is a keyword: write \"end\"".to_owned());
        }
        SqlError {
            message,
            place,
            sql: sql.to_owned(),
            hint,
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let Some((line, column, length)) = self.place else {
            return Ok(());
        };
        let Some(text) = self.sql.lines().nth(line - 1) else {
            return Ok(());
        };
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        let length = length.clamp(1, (text.chars().count() + 1).saturating_sub(column).max(1));
        write!(f, "\n{margin} |\n{number} | {text}\n{margin} | ")?;
        write!(f, "{}{}", " ".repeat(column - 1), "^".repeat(length))
    }
}

fn place_of(diagnostic: &Diagnostic) -> Option<(usize, usize, usize)> {
    let span = diagnostic.span?;
    let line = usize::try_from(span.start.line).ok()?;
    let column = usize::try_from(span.start.column).ok()?;
    let end = usize::try_from(span.end.column).ok()?;
    let length = if span.end.line == span.start.line {
        end.saturating_sub(column)
    } else {
        1
    };
    (line > 0 && column > 0).then_some((line, column, length.max(1)))
}

/// Takes the place from the end of a parser's message.
fn split_place(message: &str) -> (String, Option<(usize, usize, usize)>) {
    let text = message
        .strip_prefix("sql parser error: ")
        .unwrap_or(message);
    let Some((text, place)) = text.rsplit_once(" at Line: ") else {
        return (text.to_owned(), None);
    };
    let place = place.split_once(", Column: ").and_then(|(line, column)| {
        let (line, column): (usize, usize) = (line.parse().ok()?, column.parse().ok()?);
        (line > 0 && column > 0).then_some((line, column, 1))
    });
    (text.to_owned(), place)
}

/// The word with dashes that begins at a place.
fn dashed_word(sql: &str, (line, column, _): (usize, usize, usize)) -> Option<String> {
    let is_part = |character: &char| character.is_alphanumeric() || matches!(character, '-' | '_');
    let text = sql.lines().nth(line - 1)?.chars().skip(column - 1);
    let word: String = text.take_while(is_part).collect();
    word.contains('-').then_some(word)
}

/// The address or network that stands at a place as if it were a number.
fn address_at(sql: &str, (line, column, _): (usize, usize, usize)) -> Option<String> {
    let is_part = |character: &char| character.is_ascii_hexdigit() || ".:/".contains(*character);
    let line: Vec<char> = sql.lines().nth(line - 1)?.chars().collect();
    let (before, after) = line.split_at_checked(column - 1)?;
    let before = before.iter().rev().take_while(|of| is_part(of)).count();
    let after = after.iter().take_while(|of| is_part(of)).count();
    let word: String = line[column - 1 - before..column - 1 + after]
        .iter()
        .collect();
    let (address, bits) = word.split_once('/').unwrap_or((&word, "0"));
    let is_address = address.parse::<IpAddr>().is_ok() && bits.parse::<u8>().is_ok();
    is_address.then_some(word)
}

/// The first place where `name` stands as a word.
fn find(sql: &str, name: &str) -> Option<(usize, usize, usize)> {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    sql.lines().enumerate().find_map(|(index, line)| {
        line.match_indices(name).find_map(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + name.len()..].chars().next();
            let whole = !before.is_some_and(is_word) && !after.is_some_and(is_word);
            let column = line[..at].chars().count() + 1;
            whole.then(|| (index + 1, column, name.chars().count()))
        })
    })
}

/// The name most similar to `name`, if it could be meant: dashes for
/// underscores, another case, or a letter or two.
pub(crate) fn similar<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let name = plain(name);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, left) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, right) in right.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (diagonal + usize::from(left != *right))
                .min(above + 1)
                .min(row[j] + 1);
            diagonal = above;
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_found_and_others_are_not() {
        let names = ["srcaddr", "dstaddr", "log_status"];
        assert_eq!(similar("srcadr", names).as_deref(), Some("srcaddr"));
        assert_eq!(similar("Log-Status", names).as_deref(), Some("log_status"));
        assert_eq!(similar("bytes", names), None);
    }

    #[test]
    fn an_address_without_quotes_is_known_at_any_of_its_places() {
        let sql = "SELECT 1\nWHERE 10.0.0.1 = fd00::/8 AND 1.5";
        let at = |column| address_at(sql, (2, column, 1));
        for column in 7..15 {
            assert_eq!(at(column).as_deref(), Some("10.0.0.1"), "{column}");
        }
        assert_eq!(at(22).as_deref(), Some("fd00::/8"));
        for column in [1, 4, 16, 31, 99] {
            assert_eq!(at(column), None, "{column}");
        }
        assert_eq!(address_at(sql, (3, 1, 1)), None);
    }

    #[test]
    fn the_place_is_marked() {
        let error = SqlError {
            message: "there is no column `srcadr`".into(),
            place: find("SELECT 1,\n  srcadr FROM flows", "srcadr"),
            sql: "SELECT 1,\n  srcadr FROM flows".into(),
            hint: None,
        };
        assert_eq!(
            error.to_string(),
            "there is no column `srcadr`\n  |\n2 |   srcadr FROM flows\n  |   ^^^^^^"
        );
    }

    #[test]
    fn a_parser_message_gives_its_place() {
        let (text, place) = split_place(
            "sql parser error: Expected: an expression, found: FROM at Line: 1, Column: 8",
        );
        assert_eq!(text, "Expected: an expression, found: FROM");
        assert_eq!(place, Some((1, 8, 1)));
    }
}
