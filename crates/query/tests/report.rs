//! Every number of a report is the answer to a plain statement over the same records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/rows.rs"]
mod answers;
#[path = "support/odd_logs.rs"]
mod odd_logs;
#[path = "support/page.rs"]
mod page;

use std::collections::BTreeMap;
use std::path::Path;

use answers::{answer, files};
use odd_logs::{HEADERS, NEW_YEAR, log};
use page::{Page, Table};
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vpcflow_query::{Measure, Parameters, Report, ReportOptions, Session, Sources, Window};
use vpcflow_record::Policy;

const TRAFFIC: &str = "coalesce(log_status, '') NOT IN ('NODATA', 'SKIPDATA')";

fn options() -> ReportOptions {
    ReportOptions {
        title: "Traffic".to_owned(),
        sources: vec!["logs".to_owned()],
        window: Window::default(),
        condition: None,
        by: Measure::Bytes,
        limit: 10,
        network_bits: 24,
        made_us: NEW_YEAR * 1_000_000,
    }
}

async fn session(directory: &Path, window: Window) -> Session {
    let mut sources = Sources::new(Policy::Default);
    for file in files(directory).unwrap() {
        sources.add_file(file, None).unwrap();
    }
    Session::new(sources, window).await.unwrap()
}

/// The page about files with this content, the session that was asked, and the
/// directory of the files, which are asked again.
async fn report(logs: &[String], options: &ReportOptions) -> (Session, Page, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    for (index, text) in logs.iter().enumerate() {
        std::fs::write(directory.path().join(format!("{index}.log")), text).unwrap();
    }
    let session = session(directory.path(), options.window).await;
    let report = Report::new(&session, options.clone()).await.unwrap();
    let page = Page::new(report.to_html().unwrap());
    (session, page, directory)
}

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
async fn check_ranking(session: &Session, page: &Page, table: &Table, limit: usize) {
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

async fn check_figures(session: &Session, page: &Page, condition: &str) {
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

async fn check_timeline(session: &Session, page: &Page, condition: &str) {
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
async fn check_matrix(session: &Session, page: &Page, options: &ReportOptions, condition: &str) {
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
async fn check_health(session: &Session, page: &Page) {
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

const RANKINGS: [&str; 8] = [
    "protocols",
    "services",
    "directions",
    "sources",
    "destinations",
    "rejected-sources",
    "rejected-ports",
    "interfaces",
];

async fn check(logs: &[String], options: &ReportOptions) {
    let (session, page, _directory) = report(logs, options).await;
    let condition = options.condition.as_deref().unwrap_or("true");
    check_figures(&session, &page, condition).await;
    check_timeline(&session, &page, condition).await;
    check_matrix(&session, &page, options, condition).await;
    check_health(&session, &page).await;
    for id in RANKINGS {
        if let Some(table) = page.table(id) {
            check_ranking(&session, &page, table, options.limit).await;
        }
    }
}

fn any_options() -> impl Strategy<Value = ReportOptions> {
    let conditions = vec![
        None,
        Some("action = 'REJECT'"),
        Some("bytes > 500000 OR dstport = 22 -- and a comment"),
        Some("cidr_contains('10.0.0.0/8', srcaddr)"),
        Some("false"),
    ];
    let by = vec![Measure::Bytes, Measure::Packets, Measure::Flows];
    let edge = || prop::option::of(0..20_000_i64);
    (
        prop::sample::select(conditions),
        prop::sample::select(by),
        prop::sample::select(vec![1, 2, 5, 30]),
        prop::sample::select(vec![8, 24, 32]),
        edge(),
        edge(),
    )
        .prop_map(|(condition, by, limit, network_bits, since, until)| {
            let us = |second: i64| (NEW_YEAR + second) * 1_000_000;
            ReportOptions {
                condition: condition.map(str::to_owned),
                by,
                limit,
                network_bits,
                window: Window {
                    since_us: since.map(us),
                    until_us: until.map(us),
                },
                ..options()
            }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn every_number_is_an_answer_to_sql(
        logs in prop::collection::vec(log(), 1..4),
        options in any_options(),
    ) {
        let runtime = Runtime::new().unwrap();
        runtime.block_on(check(&logs, &options));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_a_report_that_says_so() {
    let (session, page, _directory) = report(&[String::new()], &options()).await;
    check_figures(&session, &page, "true").await;
    check_health(&session, &page).await;
    assert!(
        page.text.contains("There are no records of traffic"),
        "{}",
        page.text
    );
    assert!(page.table("sources").is_none() && page.table("timeline").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_data_lacks_is_left_out_with_a_note() {
    let log = format!(
        "interface-id dstport bytes\neni-1 22 100\neni-1 443 {}\n",
        i64::MAX / 2
    );
    let (_, page, _) = report(&[log], &options()).await;
    for id in [
        "sources",
        "destinations",
        "pairs",
        "timeline",
        "protocols",
        "directions",
    ] {
        assert!(page.table(id).is_none(), "{id}");
    }
    for field in ["srcaddr", "start", "protocol", "action"] {
        let note = format!("Left out: no record has a value for {field}.");
        assert!(page.text.contains(&note), "{field}");
    }
    assert!(page.table("services").is_some() && page.table("interfaces").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_records_and_time_give_the_same_page() {
    let log = format!(
        "{}\n2 1 eni-1 1.1.1.1 2.2.2.2 1 2 6 1 1 {NEW_YEAR} {NEW_YEAR} REJECT OK\n",
        HEADERS[0]
    );
    let (_, one, _) = report(std::slice::from_ref(&log), &options()).await;
    let (_, other, _) = report(&[log], &options()).await;
    assert_eq!(one.text, other.text);
    assert!(
        one.text.contains("2026-01-01 00:00:00"),
        "the time that it is made"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn text_of_records_and_users_is_no_markup() {
    let evil = "</title><script>alert(1)</script><img/src=x/onerror=alert(1)>\u{202e}";
    let line = format!("2 1 {evil} 1.1.1.1 2.2.2.2 1 2 6 1 1 {NEW_YEAR} {NEW_YEAR} REJECT OK");
    let options = ReportOptions {
        title: evil.to_owned(),
        sources: vec![evil.to_owned()],
        condition: Some(format!("interface_id = '{evil}'")),
        ..options()
    };
    let (_, page, _) = report(&[format!("{}\n{line}\n", HEADERS[0])], &options).await;
    assert_eq!(
        page.table("interfaces").unwrap().rows[0].name,
        page::shown(evil)
    );
    for markup in [
        "<script",
        "<img",
        "onerror=alert(1)>",
        "\u{202e}",
        "style=",
        "javascript:",
    ] {
        assert!(!page.text.contains(markup), "{markup}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_condition_that_is_wrong_is_told_with_its_place() {
    let session = Session::new(Sources::new(Policy::Default), Window::default());
    let session = session.await.unwrap();
    let options = ReportOptions {
        condition: Some("actoin = 'REJECT'".to_owned()),
        ..options()
    };
    let error = Report::new(&session, options).await.unwrap_err();
    assert!(
        error.to_string().contains("there is no column `actoin`"),
        "{error}"
    );
    assert_eq!(error.hint().as_deref(), Some("did you mean `action`?"));
}
