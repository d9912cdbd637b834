//! What the figures of a report have to be, by plain statements over the same records.

use std::collections::BTreeMap;

use vpcflow_query::{Measure, Parameters, ReportOptions, Session};

use crate::answers::answer;
use crate::page::{Page, Table};

const TRAFFIC: &str = "coalesce(log_status, '') NOT IN ('NODATA', 'SKIPDATA')";

async fn ask(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let (_, rows) = answer(session, sql, Parameters::new()).await.unwrap();
    rows
}

async fn one(session: &Session, sql: &str) -> i64 {
    number(&ask(session, sql).await[0][0])
}

/// A sum; none is nothing.
fn number(text: &str) -> i64 {
    match text {
        "NULL" => 0,
        text => text.parse().unwrap(),
    }
}

/// The columns of rankings, by the heads that the page gives them.
const COLUMNS: [(&str, &str); 10] = [
    ("Bytes", "bytes"),
    ("Flows", "flows"),
    ("Packets", "packets"),
    ("Rejected", "rejected"),
    ("Sources", "sources"),
    ("Targets", "targets"),
    ("Ports", "ports"),
    ("First seen", "first_seen"),
    ("Last seen", "last_seen"),
    ("Share", ""),
];

/// The names of the columns of a statement's answer.
async fn names(session: &Session, sql: &str) -> Vec<String> {
    let rows = session.sql(sql, Parameters::new()).await.unwrap();
    let schema = rows.schema();
    schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect()
}

/// A ranking is its statement's first rows; its others are the rest of them.
pub(crate) async fn check_ranking(session: &Session, page: &Page, table: &Table, limit: usize) {
    let id = &table.id;
    let sql = page.statement(id);
    let (all, _) = sql.rsplit_once("\nLIMIT ").unwrap();
    let names = names(session, all).await;
    let rows = ask(session, all).await;
    let shown = rows.len().min(limit);
    let has_others = rows.len() > limit;
    assert_eq!(
        table.rows.len(),
        shown + usize::from(has_others),
        "{id}\n{sql}"
    );
    for (place, head) in table.heads.iter().enumerate().skip(2) {
        let (_, name) = COLUMNS.iter().find(|(known, _)| known == head).unwrap();
        let Some(column) = names.iter().position(|column| column == name) else {
            assert_eq!(head, "Share");
            continue;
        };
        for (row, expected) in rows.iter().take(limit).enumerate() {
            assert_eq!(
                table.rows[row].values[place], expected[column],
                "{id}, {head}, {row}"
            );
        }
        let is_sum = matches!(*name, "bytes" | "flows" | "packets" | "rejected");
        let sum = |rows: &[Vec<String>]| rows.iter().map(|row| number(&row[column])).sum::<i64>();
        if has_others && is_sum {
            let others = &table.rows[limit].values[place];
            assert_eq!(number(others), sum(&rows[limit..]), "{id}, {head}");
        }
        if is_sum {
            assert_eq!(
                number(&table.foot.values[place]),
                sum(&rows),
                "{id}, {head}"
            );
        }
    }
    if has_others {
        assert_eq!(
            table.rows[limit].others,
            Some((rows.len() - limit) as i64),
            "{id}"
        );
    }
}

pub(crate) async fn check_figures(session: &Session, page: &Page, condition: &str) {
    let sql = page.statement("figures");
    let names = names(session, sql).await;
    let row = &ask(session, sql).await[0];
    for (name, value) in &page.figures {
        if name == "interfaces" {
            let sql = "SELECT count(DISTINCT interface_id) FROM flows";
            assert_eq!(number(value), one(session, sql).await);
            continue;
        }
        let column = names.iter().position(|column| column == name).unwrap();
        let expected = if row[column] == "NULL" {
            ""
        } else {
            &row[column]
        };
        assert_eq!(value, expected, "{name}");
    }
    // Once more without what the page says.
    for (name, sql) in [
        ("flows", "count(*)"),
        ("bytes", "sum(bytes)"),
        ("packets", "sum(packets)"),
        ("rejected", "sum(CASE WHEN action = 'REJECT' THEN 1 END)"),
    ] {
        let sql = format!("SELECT {sql} FROM flows WHERE {TRAFFIC} AND ({condition}\n)");
        let value = &page.figures[name];
        let value = if value.is_empty() { 0 } else { number(value) };
        assert_eq!(value, one(session, &sql).await, "{name}");
    }
}

pub(crate) async fn check_timeline(session: &Session, page: &Page, condition: &str) {
    let Some(table) = page.table("timeline") else {
        return;
    };
    let sql = page.statement("timeline");
    let mut rows = ask(session, sql).await;
    rows.retain(|row| row[0] != "NULL");
    assert!(rows.len() <= 96, "{sql}");
    assert_eq!(table.rows.len(), rows.len(), "{sql}");
    let has_other = table.heads.len() == 8;
    for (shown, expected) in table.rows.iter().zip(&rows) {
        let mut shown = shown.values.clone();
        if has_other {
            let other = shown.remove(3);
            let [_, accepted, rejected, flows, ..] = &expected[..] else {
                panic!("{expected:?}");
            };
            assert_eq!(
                number(&other),
                number(flows) - number(accepted) - number(rejected)
            );
        }
        assert_eq!(shown, *expected);
    }
    let sql = format!(
        "SELECT sum(bytes) FROM flows WHERE {TRAFFIC} AND ({condition}\n) \
         AND start BETWEEN '1970-01-01' AND '2200-01-01'"
    );
    let sum: i64 = table
        .rows
        .iter()
        .map(|row| number(row.values.last().unwrap()))
        .sum();
    assert_eq!(sum, one(session, &sql).await);
}

/// Each cell of the matrix by a plain grouping; all others by what is left.
pub(crate) async fn check_matrix(
    session: &Session,
    page: &Page,
    options: &ReportOptions,
    condition: &str,
) {
    let Some(table) = page.table("pairs") else {
        return;
    };
    let bits = options.network_bits;
    let end = |column: &str| match bits {
        32 => column.to_owned(),
        bits => format!("ip_prefix({column}, {bits}, 64)"),
    };
    let measure = match options.by {
        Measure::Bytes => "sum(bytes)",
        Measure::Packets => "sum(packets)",
        Measure::Flows => "count(*)",
    };
    let ask_pairs = async |measure: &str| {
        let sql = format!(
            "SELECT {} AS a, {} AS b, {measure} FROM flows WHERE {TRAFFIC} AND ({condition}\n) \
             GROUP BY 1, 2",
            end("srcaddr"),
            end("dstaddr")
        );
        ask(session, &sql).await
    };
    let mut pairs = ask_pairs(measure).await;
    if pairs.iter().all(|row| row[2] == "NULL") {
        pairs = ask_pairs("count(*)").await;
    }
    let is_named = |name: &str| name != "All others" && name != "Sum";
    let sources: Vec<&str> = table.rows.iter().map(|row| row.name.as_str()).collect();
    let destinations = &table.heads[1..];
    let place = |names: &[&str], name: &str| -> usize {
        let name = if name == "NULL" { "no value" } else { name };
        let known = names
            .iter()
            .position(|known| *known == name && is_named(known));
        let others = || names.iter().position(|known| *known == "All others");
        known.or_else(others).unwrap()
    };
    let heads: Vec<&str> = destinations.iter().map(String::as_str).collect();
    let mut sums: BTreeMap<(usize, usize), i64> = BTreeMap::new();
    for row in &pairs {
        let at = (place(&sources, &row[0]), place(&heads, &row[1]));
        *sums.entry(at).or_default() += number(&row[2]);
    }
    let width = heads.len() - 1;
    for (row, shown) in table.rows.iter().enumerate() {
        for (column, head) in heads.iter().enumerate().take(width) {
            let expected = sums.get(&(row, column)).copied();
            let value = shown.values[column + 1].as_str();
            let value = (value != "NULL").then(|| number(value));
            assert_eq!(value, expected, "{} to {head}", sources[row]);
        }
        let sum: i64 = sums.range((row, 0)..(row + 1, 0)).map(|(_, sum)| sum).sum();
        assert_eq!(number(&shown.values[width + 1]), sum);
    }
    for column in 0..width {
        let sum: i64 = sums
            .iter()
            .filter(|(at, _)| at.1 == column)
            .map(|(_, sum)| sum)
            .sum();
        assert_eq!(number(&table.foot.values[column + 1]), sum);
    }
    let sum: i64 = sums.values().sum();
    assert_eq!(number(&table.foot.values[width + 1]), sum);
}

/// What is in the part about completeness, which no condition touches.
pub(crate) async fn check_health(session: &Session, page: &Page) {
    let statuses = page.table("statuses").unwrap();
    let count = |name: &str| -> Option<i64> {
        let row = statuses.rows.iter().find(|row| row.name == name)?;
        Some(number(&row.values[1]))
    };
    for (name, sql) in [
        ("Records", "SELECT count(*) FROM flows"),
        (
            "with traffic (OK)",
            "SELECT count(*) FROM flows WHERE log_status = 'OK'",
        ),
        (
            "NODATA",
            "SELECT count(*) FROM flows WHERE log_status = 'NODATA'",
        ),
        (
            "SKIPDATA",
            "SELECT count(*) FROM flows WHERE log_status = 'SKIPDATA'",
        ),
        ("Refused lines", "SELECT count(*) FROM rejects"),
        (
            "Silent interfaces",
            "SELECT count(*) FROM (SELECT interface_id FROM flows WHERE interface_id IS NOT NULL \
             GROUP BY 1 HAVING max(\"end\") + INTERVAL '20 minutes' < (SELECT max(\"end\") FROM flows \
             WHERE interface_id IS NOT NULL))",
        ),
    ] {
        assert_eq!(count(name), Some(one(session, sql).await), "{name}");
    }
    if let Some(table) = page.table("quiet") {
        let rows = ask(session, page.statement("quiet")).await;
        assert_eq!(table.rows.len(), rows.len());
        for (shown, expected) in table.rows.iter().zip(rows) {
            let [_, records, nodata, skipdata, seen_to, ..] = &expected[..] else {
                panic!("{expected:?}");
            };
            let values = [1, 3, 4, 5].map(|place| &shown.values[place]);
            assert_eq!(values, [seen_to, records, nodata, skipdata]);
        }
    }
    match page.table("gaps") {
        None => assert_eq!(count("Gaps"), Some(0)),
        Some(table) => {
            let rows = ask(session, page.statement("gaps")).await;
            assert_eq!(count("Gaps"), Some(number(&rows[0][2])));
            let shown = table.rows.iter().map(|row| &row.values[..2]);
            assert!(shown.eq(rows.iter().map(|row| &row[..2])), "{rows:?}");
        }
    }
    if let Some(table) = page.table("rejects") {
        let rows = ask(session, page.statement("rejects")).await;
        let shown = table.rows.iter().map(|row| &row.values[1]);
        assert!(shown.eq(rows.iter().map(|row| &row[1])), "{rows:?}");
    }
}
