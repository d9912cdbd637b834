//! Every number of a report is the answer to a plain statement over the same records.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/rows.rs"]
mod answers;
#[path = "support/figures.rs"]
mod figures;
#[path = "support/odd_logs.rs"]
mod odd_logs;
#[path = "support/page.rs"]
mod page;

use std::path::Path;

use answers::files;
use figures::{check_figures, check_health, check_matrix, check_ranking, check_timeline};
use odd_logs::{HEADERS, NEW_YEAR, log};
use page::Page;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use vpcflow_query::{Measure, Report, ReportOptions, Session, Sources, Window};
use vpcflow_record::Policy;

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
