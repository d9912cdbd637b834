//! A report's page, read back.

use std::collections::BTreeMap;

/// What a page says.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) text: String,
    /// Key figures by name; empty where there is none.
    pub(crate) figures: BTreeMap<String, String>,
    statements: BTreeMap<String, String>,
    tables: Vec<Table>,
}

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) id: String,
    pub(crate) heads: Vec<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) foot: Row,
}

#[derive(Debug, Default)]
pub(crate) struct Row {
    /// The head of the row.
    pub(crate) name: String,
    /// For each cell its exact value, or its time; `NULL` where it has none.
    pub(crate) values: Vec<String>,
    /// How many others it stands for.
    pub(crate) others: Option<i64>,
}

impl Page {
    pub(crate) fn new(text: String) -> Page {
        let figures = pieces(&text, "<dd data-figure=\"", ">").map(|piece| {
            let (name, rest) = piece.split_once('"').expect("a name ends");
            (
                name.to_owned(),
                attribute(rest, "data-value").unwrap_or_default(),
            )
        });
        let statements = pieces(&text, "<code data-sql=\"", "</code>").map(|piece| {
            let (name, sql) = piece.split_once("\">").expect("a name ends");
            (name.to_owned(), unescaped(sql))
        });
        let tables = pieces(&text, "<table ", "</table>").map(Table::new);
        Page {
            figures: figures.collect(),
            statements: statements.collect(),
            tables: tables.collect(),
            text: text.clone(),
        }
    }

    /// The statement below a chart.
    pub(crate) fn statement(&self, id: &str) -> &str {
        &self.statements[id]
    }

    pub(crate) fn table(&self, id: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.id == id)
    }
}

impl Table {
    fn new(piece: &str) -> Table {
        let part = |name: &'static str| -> Option<&str> {
            let (_, rest) = piece.split_once(&format!("<{name}>"))?;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        let rows = |name| -> Vec<Row> {
            let part = part(name).unwrap_or_default();
            pieces(part, "<tr", "</tr>").map(Row::new).collect()
        };
        let heads = part("thead").unwrap_or_default();
        Table {
            id: attribute(piece, "data-table").expect("a table has a name"),
            heads: cells(heads).map(content).collect(),
            rows: rows("tbody"),
            foot: rows("tfoot").pop().unwrap_or_default(),
        }
    }
}

impl Row {
    fn new(piece: &str) -> Row {
        let mut row = Row::default();
        // Cells in their order, whichever element they are.
        for cell in piece.split("<t").skip(1) {
            let kind = cell.as_bytes().first();
            match kind {
                Some(b'h') => {
                    let inner = cell.split_once('>').map_or("", |(_, inner)| inner);
                    row.name = named(inner);
                    row.others = attribute(cell, "data-others").and_then(|n| n.parse().ok());
                    row.values.push(row.name.clone());
                }
                Some(b'd') => {
                    let value = attribute(cell, "data-value");
                    row.values.push(value.unwrap_or_else(|| "NULL".to_owned()));
                }
                // A time is in the cell before it.
                Some(b'i') => {
                    let time = attribute(cell, "datetime");
                    if let (Some(last), Some(time)) = (row.values.last_mut(), time) {
                        *last = time;
                    }
                }
                _ => {}
            }
        }
        row
    }
}

/// The name in the head of a row or column.
fn named(inner: &str) -> String {
    match inner.split_once("<bdi") {
        Some((_, bdi)) => {
            let title = attribute(bdi.split('>').next().unwrap_or_default(), "title");
            let text = bdi.split_once('>').map_or("", |(_, text)| text);
            title.unwrap_or_else(|| {
                let text = text.split("</bdi>").next().unwrap_or_default();
                unescaped(&text.replace("<wbr>", ""))
            })
        }
        None => content_of(inner),
    }
}

fn content(piece: &str) -> String {
    named(piece.split_once('>').map_or("", |(_, inner)| inner))
}

/// Text without its markup.
fn content_of(inner: &str) -> String {
    let mut text = String::new();
    for (index, part) in inner.split('<').enumerate() {
        let shown = match index {
            0 => part,
            _ => part.split_once('>').map_or("", |(_, shown)| shown),
        };
        if index > 0 && text.trim().len() > 1 {
            // What follows the first text is a detail.
            break;
        }
        text.push_str(shown);
    }
    unescaped(text.trim())
}

/// The cells of a head, with or without a name.
fn cells(head: &str) -> impl Iterator<Item = &str> {
    let pieces = head.split("<t").skip(1);
    pieces.filter(|piece| piece.starts_with(['h', 'd']))
}

fn attribute(piece: &str, name: &str) -> Option<String> {
    let (_, rest) = piece.split_once(&format!("{name}=\""))?;
    Some(unescaped(rest.split_once('"')?.0))
}

fn pieces<'a>(text: &'a str, start: &'a str, end: &'a str) -> impl Iterator<Item = &'a str> {
    let pieces = text.split(start).skip(1);
    pieces.map(move |piece| piece.split(end).next().unwrap_or_default())
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&amp;", "&")
}

/// Text of a record as a page shows it.
pub(crate) fn shown(text: &str) -> String {
    vpcflow_query::escape(text).into_owned()
}
