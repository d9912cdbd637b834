//! A scan decides conditions before it reads all columns, and reads large files in
//! parts: the rows and rejects are those of reading each file from its start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/rows.rs"]
mod answers;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use answers::{answer, files, text_rows};
use futures::TryStreamExt;
use vpcflow_ingest::{FileDecoder, FileFormat};
use vpcflow_query::{Parameters, ReadCounts, RowFilter, Session, Sources, Window, adapt};
use vpcflow_record::{DecodeOptions, Policy, flows_schema};

/// Conditions that leave nearly nothing, some and nearly all, of columns that
/// all files have, that only some have, and of none.
const CONDITIONS: &[&str] = &[
    "action = 'REJECT' AND dstport = 22",
    "action = 'REJECT' AND bytes = 41",
    "NOT (action = 'REJECT')",
    "action = 'ACCEPT'",
    "action = '-' OR log_status = 'NODATA'",
    "action = '-'",
    "'NODATA' = log_status AND dstport IS NULL",
    "dstport IN (22, 8081) OR protocol = 17",
    "cidr_contains('10.0.7.0/24', srcaddr)",
    "srcaddr LIKE '10.0.1%' AND packets > 3",
    "\"start\" >= '2026-01-01T02:00:00' AND \"end\" < '2026-01-01T02:30:00'",
    "tcp_flags = 2",
    "tcp_flags IS NULL AND bytes > 39000",
    "tcp_flags IS NOT NULL OR srcport = 1024",
    "srcaddr IS NULL",
    "interface_id = 'eni-0123456789abcdef0'",
    "1 = 1",
];

/// A file of some parts: records, a line now and then that is none, and headers
/// in its middle that turn the columns around.
fn large(lines: usize) -> String {
    let mut text = String::new();
    for line in 0..lines {
        let (a, b) = (line % 251, line % 40_009);
        let time = 1_767_225_600 + line / 4;
        match line {
            12_345 => text.push_str("srcaddr dstaddr dstport action bytes start end\n"),
            20_000 => text.push_str(
                "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets \
                 bytes start end action log-status\n",
            ),
            _ if line % 5_003 == 0 => text.push_str("# a comment\n\n"),
            _ if line % 4_001 == 0 => text.push_str("neither record nor header\n"),
            12_346..20_000 => {
                let action = if line % 9 == 0 { "REJECT" } else { "ACCEPT" };
                let end = time + 60;
                writeln!(text, "10.0.{a}.1 10.1.0.{a} 22 {action} {b} {time} {end}").unwrap();
            }
            _ if line % 97 == 0 => writeln!(
                text,
                "2 123456789010 eni-0123456789abcdef0 - - - - - - - {time} {time} - NODATA"
            )
            .unwrap(),
            _ => {
                let port = [22, 443, 8081, 53][line % 4];
                let action = if line % 7 == 0 { "REJECT" } else { "ACCEPT" };
                writeln!(
                    text,
                    "2 123456789010 eni-{line:017x} 10.0.{a}.{a} 192.168.100.{a} {} {port} {} {} \
                     {b} {time} {} {action} OK",
                    1024 + a,
                    6 + 11 * (line % 2),
                    line % 11,
                    time + 60,
                )
                .unwrap();
            }
        }
    }
    // The last line has no end.
    text.pop();
    text
}

/// Files that are read in parts, at once, and from an envelope.
fn write_logs(directory: &Path) {
    std::fs::write(directory.join("large.log"), large(40_000)).unwrap();
    let short = "srcaddr tcp-flags bytes\n10.0.7.9 2 41\n10.0.8.9 18 40000\nrefused\n";
    std::fs::write(directory.join("short.log"), short).unwrap();
    let mut json = String::new();
    for line in 0..500 {
        let port = 20 + line % 5;
        writeln!(
            json,
            r#"{{"message": "2 1 eni-1 10.0.7.7 10.0.0.2 1024 {port} 6 4 41 1767232900 1767232960 REJECT OK"}}"#
        )
        .unwrap();
    }
    std::fs::write(directory.join("json.log"), json).unwrap();
}

async fn session(directory: &Path, partitions: usize) -> Session {
    let mut sources = Sources::new(Policy::Default);
    for file in files(directory).unwrap() {
        sources.add_file(file, None).unwrap();
    }
    let session = Session::new(sources, Window::default()).await.unwrap();
    let state = session.context().state_ref();
    state
        .write()
        .config_mut()
        .options_mut()
        .execution
        .target_partitions = partitions;
    session
}

async fn rows(session: &Session, sql: &str) -> Vec<Vec<String>> {
    let (_, mut rows) = answer(session, sql, Parameters::new()).await.unwrap();
    rows.sort();
    rows
}

/// Each file from its start, and each row asked.
fn one_by_one(directory: &Path, condition: &str) -> (Vec<Vec<String>>, ReadCounts) {
    let files = files(directory).unwrap();
    let formats: Vec<FileFormat> = files
        .iter()
        .map(|file| FileFormat::resolve(file, None).unwrap())
        .collect();
    let table = flows_schema(formats.iter().map(|format| &format.format));
    let filter = RowFilter::new(&table, Window::default(), Some(condition)).unwrap();
    let (mut rows, mut counts) = (Vec::new(), ReadCounts::default());
    for (file, format) in files.iter().zip(&formats) {
        let options = DecodeOptions {
            table: Some(Arc::clone(&table)),
            ..DecodeOptions::default()
        };
        let mut decoder = FileDecoder::open(file, format, options).unwrap();
        for decoded in decoder.by_ref() {
            let kept = filter.apply(&adapt(&decoded.unwrap().rows, &table).unwrap());
            rows.extend(text_rows(&kept.unwrap()).unwrap());
        }
        counts.records += decoder.counts().records;
        counts.rejects += decoder.counts().rejects;
        counts.bytes += decoder.counts().bytes;
    }
    rows.sort();
    (rows, counts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn conditions_in_a_scan_leave_the_same_rows() {
    let directory = tempfile::tempdir().unwrap();
    write_logs(directory.path());
    for condition in CONDITIONS {
        let (expected, counts) = one_by_one(directory.path(), condition);
        assert!(counts.rejects > 5 && counts.records > 40_000);
        for partitions in [1, 3] {
            let session = session(directory.path(), partitions).await;
            let sql = format!("SELECT * FROM flows WHERE {condition}");
            let found = rows(&session, &sql).await;
            assert!(found == expected, "{condition}, {partitions} partitions");
            assert_eq!(session.counts(), counts, "{condition}");
            // Few columns are read at once, and none but those of the condition.
            let sql = format!("SELECT count(*), min(dstaddr) FROM flows WHERE {condition}");
            let count = &rows(&session, &sql).await[0][0];
            assert_eq!(*count, expected.len().to_string(), "{condition}");
            let sql = format!("SELECT count(*) FROM flows WHERE {condition}");
            let count = &rows(&session, &sql).await[0][0];
            assert_eq!(*count, expected.len().to_string(), "{condition}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn rejects_are_those_of_one_reader() {
    let directory = tempfile::tempdir().unwrap();
    write_logs(directory.path());
    let alone = session(directory.path(), 1).await;
    let sql = "SELECT * FROM rejects";
    let expected = rows(&alone, sql).await;
    let large = std::fs::read_to_string(directory.path().join("large.log")).unwrap();
    let position = large.find("neither").unwrap().to_string();
    assert!(expected.iter().any(|row| row[1] == position));
    let together = session(directory.path(), 3).await;
    assert_eq!(rows(&together, sql).await, expected);
    assert_eq!(together.counts(), alone.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn reading_ends_with_the_rows_that_are_wanted() {
    let directory = tempfile::tempdir().unwrap();
    write_logs(directory.path());
    let (all, counts) = one_by_one(directory.path(), "1 = 1");
    for condition in ["1 = 1", "dstport = 22 AND action = 'REJECT'"] {
        let session = session(directory.path(), 2).await;
        let sql = format!("SELECT * FROM flows WHERE {condition} LIMIT 7");
        let found = rows(&session, &sql).await;
        assert_eq!(found.len(), 7, "{condition}");
        assert!(found.iter().all(|row| all.contains(row)), "{condition}");
        assert!(session.counts().bytes < counts.bytes, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_largest_are_found_by_what_was_found_before() {
    let directory = tempfile::tempdir().unwrap();
    write_logs(directory.path());
    let session = session(directory.path(), 2).await;
    let sql = "SELECT * FROM flows ORDER BY bytes DESC NULLS LAST, srcaddr, dstaddr LIMIT 20";
    let found = rows(&session, sql).await;
    let all = "SELECT * FROM (SELECT *, row_number() OVER (ORDER BY bytes DESC NULLS LAST, srcaddr, \
               dstaddr) AS place FROM flows) WHERE place <= 20";
    let mut expected = rows(&session, all).await;
    for row in &mut expected {
        row.pop();
    }
    expected.sort();
    assert_eq!(found, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_dropped_scan_reads_no_further() {
    let directory = tempfile::tempdir().unwrap();
    write_logs(directory.path());
    let session = session(directory.path(), 1).await;
    let sql = "SELECT * FROM flows WHERE log_status = 'OK'";
    let mut stream = session.sql(sql, Parameters::new()).await.unwrap();
    assert!(stream.try_next().await.unwrap().unwrap().num_rows() > 0);
    drop(stream);
    let (_, counts) = one_by_one(directory.path(), "1 = 1");
    assert!(session.counts().bytes < counts.bytes);
}
