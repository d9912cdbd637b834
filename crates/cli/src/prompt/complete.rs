//! What may follow where the cursor is.

use std::fs;
use std::path::Path;

use reedline::{Completer, CompletionResult, Span, Suggestion};
use vpcflow_query::{OutputFormat, Parameter, Token, TokenKind, tokens};

use super::Words;
use super::command::COMMANDS;
use super::vocabulary::Vocabulary;

/// Files of a folder that are offered, at most.
const MOST_FILES: usize = 200;

/// Completes words of a statement, paths in quotes, and commands.
pub(super) struct Completions(pub(super) Words);

impl Completer for Completions {
    fn complete(&mut self, line: &str, position: usize) -> CompletionResult {
        let words = self.0.get();
        let offers = if line.starts_with('\\') {
            of_command(&words, &line[..position])
        } else {
            of_statement(&words, line, position)
        };
        CompletionResult::fresh(offers.suggestions(position))
    }
}

/// Words that may stand from a place on.
#[derive(Default)]
struct Offers {
    start: usize,
    words: Vec<Offer>,
}

struct Offer {
    text: String,
    description: Option<String>,
    /// Whether the next word can follow.
    is_done: bool,
}

impl Offers {
    fn at(start: usize) -> Offers {
        Offers {
            start,
            words: Vec::new(),
        }
    }

    fn push(&mut self, text: impl Into<String>, description: impl Into<String>, is_done: bool) {
        let description = Some(description.into()).filter(|text| !text.is_empty());
        self.words.push(Offer {
            text: text.into(),
            description,
            is_done,
        });
    }

    fn suggestions(self, end: usize) -> Vec<Suggestion> {
        let span = Span::new(self.start, end);
        let suggestion = |offer: Offer| Suggestion {
            value: offer.text,
            display_override: None,
            description: offer.description,
            style: None,
            extra: None,
            span,
            append_whitespace: offer.is_done,
            match_indices: None,
        };
        self.words.into_iter().map(suggestion).collect()
    }
}

/// Whether it is one of these words, in any case.
fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

fn begins(word: &str, prefix: &str) -> bool {
    word.get(..prefix.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

/// Within a statement, of which the text after the cursor tells the tables as well.
fn of_statement(words: &Vocabulary, line: &str, position: usize) -> Offers {
    let typed = &line[..position];
    let all = tokens(typed);
    let text = |token: &Token| &typed[token.range.clone()];
    let mut before: Vec<&Token> = all
        .iter()
        .filter(|token| !matches!(token.kind, TokenKind::Space | TokenKind::Comment))
        .collect();
    let (start, prefix) = match all.last() {
        Some(last) if last.kind == TokenKind::Open => {
            before.pop();
            let inside = text(last).strip_prefix('\'');
            return inside.map_or_else(Offers::default, |inside| {
                of_text(inside, position, &before, typed)
            });
        }
        Some(last) if last.kind == TokenKind::Word => {
            before.pop();
            (last.range.start, text(last))
        }
        Some(last) if last.kind == TokenKind::Comment => return Offers::default(),
        _ => (position, ""),
    };
    let mut offers = Offers::at(start);
    let last = before.last().map_or("", |token| text(token));
    if let [.., table, dot] = before[..]
        && text(dot) == "."
    {
        add_columns(&mut offers, words, &[text(table)], prefix);
    } else if is_one_of(last, &["from", "join"]) {
        add_tables(&mut offers, words, prefix);
    } else if prefix.is_empty() {
        if before.is_empty() {
            for word in ["SELECT", "WITH", "EXPLAIN"] {
                offers.push(word, "", true);
            }
        } else {
            add_columns(&mut offers, words, &named_tables(line), prefix);
        }
    } else {
        add_columns(&mut offers, words, &named_tables(line), prefix);
        add_functions(&mut offers, words, prefix);
        add_keywords(&mut offers, prefix);
        add_tables(&mut offers, words, prefix);
    }
    offers
}

/// Words after FROM and JOIN anywhere in a text: tables, perhaps.
fn named_tables(line: &str) -> Vec<&str> {
    let all = tokens(line);
    let words: Vec<&str> = all
        .iter()
        .filter(|token| token.kind == TokenKind::Word)
        .map(|token| &line[token.range.clone()])
        .collect();
    let pairs = words
        .windows(2)
        .filter(|pair| is_one_of(pair[0], &["from", "join"]));
    pairs.map(|pair| pair[1]).collect()
}

/// Columns of these tables; of `flows` where none of them is known, as with an alias.
fn add_columns(offers: &mut Offers, words: &Vocabulary, tables: &[&str], prefix: &str) {
    let mut named: Vec<_> = tables.iter().filter_map(|name| words.table(name)).collect();
    if named.is_empty() {
        named.extend(words.table("flows"));
    }
    for column in named.into_iter().flat_map(|table| &table.columns) {
        let name = &column.name;
        let is_offered = offers.words.iter().any(|offer| offer.text == *name);
        if !begins(name, prefix) || is_offered {
            continue;
        }
        let description = match column.description {
            Some(text) => format!("{}. {text}", column.data_type),
            None => column.data_type.clone(),
        };
        // `end` is a keyword.
        let is_plain = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_plain && name != "end" {
            offers.push(name, description, false);
        } else {
            offers.push(format!("\"{name}\""), description, false);
        }
    }
}

fn add_functions(offers: &mut Offers, words: &Vocabulary, prefix: &str) {
    for function in &words.functions {
        if begins(&function.name, prefix) {
            let description = [&*function.call, &*function.description].join(" ");
            offers.push(format!("{}(", function.name), description.trim(), false);
        }
    }
}

/// In the case in which the user has begun.
fn add_keywords(offers: &mut Offers, prefix: &str) {
    let is_lower = prefix.starts_with(|first: char| first.is_ascii_lowercase());
    for keyword in Vocabulary::keywords() {
        if begins(keyword, prefix) {
            let word = match is_lower {
                true => keyword.to_ascii_lowercase(),
                false => (*keyword).to_owned(),
            };
            offers.push(word, "", true);
        }
    }
}

fn add_tables(offers: &mut Offers, words: &Vocabulary, prefix: &str) {
    for table in &words.tables {
        if begins(&table.name, prefix) {
            let columns = format!("table of {} columns", table.columns.len());
            offers.push(&table.name, columns, false);
        }
    }
}

/// Within quotes: paths where a table stands, else the usual values of the column that
/// the text is compared with.
fn of_text(inside: &str, position: usize, before: &[&Token], typed: &str) -> Offers {
    let words = before.iter().rev().map(|token| &typed[token.range.clone()]);
    let is_word = |word: &&str| {
        word.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let is_table = words
        .clone()
        .find(is_word)
        .is_some_and(|word| is_one_of(word, &["from", "join", "networks"]));
    if is_table {
        return of_path(inside, position);
    }
    let column = words
        .filter(is_word)
        .map(str::to_ascii_lowercase)
        .find(|word| !matches!(word.as_str(), "in" | "not"));
    let column = column.unwrap_or_default();
    let values: &[&str] = match column.as_str() {
        "action" => &["ACCEPT", "REJECT"],
        "log_status" => &["OK", "NODATA", "SKIPDATA"],
        "flow_direction" => &["ingress", "egress"],
        "type" => &["IPv4", "IPv6", "EFA"],
        _ => &[],
    };
    let mut offers = Offers::at(position - inside.len());
    for value in values {
        if begins(value, inside) {
            offers.push(format!("{value}'"), "", true);
        }
    }
    offers
}

/// Files and folders that a path may go on to.
fn of_path(path: &str, position: usize) -> Offers {
    let (folder, prefix) = path.split_at(path.rfind('/').map_or(0, |slash| slash + 1));
    let mut offers = Offers::at(position - prefix.len());
    let listed = fs::read_dir(if folder.is_empty() {
        Path::new(".")
    } else {
        Path::new(folder)
    });
    let mut names: Vec<String> = listed
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let is_folder = entry.path().is_dir();
            Some(if is_folder { format!("{name}/") } else { name })
        })
        .filter(|name| {
            name.starts_with(prefix) && (prefix.starts_with('.') || !name.starts_with('.'))
        })
        .collect();
    names.sort();
    for name in names.into_iter().take(MOST_FILES) {
        offers.push(name, "", false);
    }
    offers
}

/// Commands, and what they take.
fn of_command(words: &Vocabulary, typed: &str) -> Offers {
    let start = typed.rfind([' ', '\\']).map_or(0, |place| place + 1);
    let prefix = &typed[start..];
    let mut offers = Offers::at(start);
    let mut parts = typed[1..start].split_whitespace();
    match (parts.next(), parts.next()) {
        (None, _) if start == 1 => {
            for usage in &COMMANDS {
                if begins(usage.name, prefix) {
                    offers.push(usage.name, usage.summary, !usage.arguments.is_empty());
                }
            }
        }
        (Some("d"), None) => add_tables(&mut offers, words, prefix),
        (Some("i" | "o"), None) => return of_path(prefix, typed.len()),
        (Some("timing" | "pager"), None) => {
            for word in ["on", "off"] {
                if begins(word, prefix) {
                    offers.push(word, "", false);
                }
            }
        }
        (Some("format"), None) => {
            for format in OutputFormat::ALL {
                if begins(format.name(), prefix) && !format.is_binary() {
                    offers.push(format.name(), "", false);
                }
            }
        }
        (Some("query"), None) => {
            for query in &words.queries {
                if begins(&query.name, prefix) {
                    offers.push(&query.name, &query.summary, true);
                }
            }
        }
        (Some("query"), Some(name)) => {
            let query = words.queries.iter().find(|query| query.name == name);
            for parameter in query.iter().flat_map(|query| &query.parameters) {
                if begins(&parameter.name, prefix) {
                    offers.push(format!("{}=", parameter.name), about(parameter), false);
                }
            }
        }
        _ => {}
    }
    offers
}

fn about(parameter: &Parameter) -> String {
    format!("{}: {}", parameter.declaration(), parameter.description)
}

#[cfg(test)]
mod tests;
