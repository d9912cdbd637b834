//! What is not there, is not what it should be, or makes no sense: a message on
//! standard error that says the way out, the documented exit status, and no half
//! of an answer.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use vpcflow_tests::{Place, record};

const COUNT: &str = "SELECT count(*) AS records FROM flows";

/// A place with a log.
fn place() -> Place {
    let place = Place::default();
    let line = record("eni-0a", "192.0.2.1", "ACCEPT", 1, 1_767_225_600_000);
    place.write_lines("some.log", &[line]);
    place
}

#[test]
fn sources_that_cannot_be_read_are_told() {
    let place = Place::default();
    fs::create_dir_all(place.path().join("notes/deeper")).unwrap();
    place.write("notes/README.md", b"no log");
    place.write("program.log", b"\x7fELF\x02\x01\x01\0\0\0\0\0");
    place.write("table.log", b"PAR1\x15\x04\x15\x10");
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&[b'2'; 100_000]).unwrap();
    let gzip = gzip.finish().unwrap();
    place.write("cut.log.gz", &gzip[..gzip.len() - 20]);
    let broken = [&gzip[..20], &[0xff; 20], &gzip[40..]].concat();
    place.write("broken.log.gz", broken);

    for (source, texts) in [
        ("missing.log", &["`missing.log`", "no such file"][..]),
        ("*.gone", &["no file matches `*.gone`"]),
        ("notes", &["no log file in `notes`", "hint: ", "*.log"]),
        ("program.log", &["`program.log` is binary data"]),
        ("table.log", &["`table.log` is a Parquet file"]),
        (
            "cut.log.gz",
            &[
                "`cut.log.gz` ends early",
                "bytes of text",
                "hint: ",
                "gzip -dc cut.log.gz",
            ],
        ),
        (
            "broken.log.gz",
            &["`broken.log.gz` is damaged", "gzip data", "hint: "],
        ),
    ] {
        for command in [&["sql", COUNT][..], &["top"], &["query", "top-talkers"]] {
            let outcome = place.run(&[command, &["--from", source]].concat());
            outcome.failure(1).tells(texts);
        }
    }
    // One bad source among good ones: still no half of an answer.
    place.write_lines("good.log", &[record("eni-0a", "192.0.2.1", "ACCEPT", 1, 0)]);
    let outcome = place.run(&["sql", "SELECT * FROM flows", "--from", "*.log"]);
    outcome.failure(1).tells(&["`program.log` is binary data"]);
}

#[test]
fn files_that_cannot_be_opened_are_told_in_words() {
    let place = Place::default();
    place.write("file", b"");
    for (arguments, message) in [
        (
            &["sql", "-f", "missing.sql"][..],
            "cannot read `missing.sql`: no such file or directory\n",
        ),
        (
            &["generate", "file/logs"],
            "cannot write to `file/logs`: not a directory\n",
        ),
    ] {
        place.run(arguments).failure(1).tells(&[message]);
    }
}

#[test]
fn what_cannot_be_followed_is_told() {
    let place = place();
    place.write("program", b"\x7fELF\x02\x01\x01\0\0\0\0\0");
    for (status, arguments, texts) in [
        (1, &["missing"][..], &["cannot read `missing`"][..]),
        (1, &["program"], &["`program` is binary data"]),
        (
            2,
            &["s3://bucket/logs"],
            &["`s3://bucket/logs` cannot be followed", "hint: "],
        ),
        (2, &["logs:"], &["`logs:GROUP`"]),
        (1, &["some.log", "--where", "srcadr = 1"], &["`srcaddr`"]),
        (
            1,
            &["some.log", "--sql", "SELECT srcadr FROM flows"],
            &["`srcaddr`"],
        ),
    ] {
        place
            .run(&[&["tail", "--for", "1h"], arguments].concat())
            .failure(status)
            .tells(texts);
    }
}

#[test]
fn an_empty_source_has_no_records() {
    let place = Place::default();
    place.write("empty.log", b"");
    let outcome = place.run(&["sql", COUNT, "--from", "empty.log", "-o", "ndjson"]);
    let outcome = outcome.success().tells(&["`empty.log` is empty"]);
    assert_eq!(outcome.rows(), [json!({"records": 0})]);
    assert_eq!(outcome.counts(), (0, 0));
}

/// Their messages are in `cli/*.md`.
#[test]
fn mistakes_print_nothing_on_standard_output() {
    let place = place();
    for (status, arguments) in [
        (1, &["sql", "SELECT srcadr FROM flows"][..]),
        (1, &["sql", "SELECT srcaddr FORM flows"]),
        (1, &["sql", "SELECT count(*) FROM flows WHERE bytes = 'x'"]),
        (1, &["sql", "SELECT 1 / (bytes - bytes) FROM flows"]),
        (1, &["sql", "SELECT $port FROM flows"]),
        (1, &["sql", "-f", "missing.sql"]),
        (2, &["sql", " ;\n"]),
        (1, &["query", "port-scn"]),
        (1, &["query", "port-scan", "--param", "min_ports=many"]),
        (2, &["query", "port-scan", "--param", "min_ports"]),
        (1, &["top", "srcadr"]),
        (1, &["top", "--where", "actoin = 'REJECT'"]),
        (2, &["top", "--since", "1h", "--until", "2h"]),
        (2, &["top", "-o", "xml"]),
    ] {
        let outcome = place.run(&[arguments, &["--from", "some.log"]].concat());
        outcome.failure(status);
    }
    for command in [&["top"][..], &["query", "port-scan"]] {
        place.run(command).failure(2).tells(&["hint: ", "`--from`"]);
    }
}

/// The last of many rows is the one that fails.
#[test]
fn a_query_that_fails_late_prints_nothing() {
    let place = Place::default();
    let line = |bytes| record("eni-0a", "192.0.2.1", "ACCEPT", bytes, 1_767_225_600_000);
    let lines: Vec<String> = (1..=20_000).rev().map(line).collect();
    place.write_lines("some.log", &lines);
    for format in ["table", "json", "ndjson", "csv", "tsv", "markdown"] {
        let sql = "SELECT 100 / (bytes - 1) FROM flows";
        let outcome = place.run(&["sql", sql, "--from", "some.log", "-o", format]);
        outcome.failure(1).tells(&["divide by zero"]);
    }
}

/// What came before the cut is counted; the answer is not given.
#[test]
fn what_was_read_of_a_file_that_ends_early_is_counted() {
    let place = Place::default();
    let line = |bytes| record("eni-0a", "192.0.2.1", "ACCEPT", bytes, 1_767_225_600_000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    for number in 0..20_000 {
        gzip.write_all(format!("{}\n", line(number)).as_bytes())
            .unwrap();
    }
    let gzip = gzip.finish().unwrap();
    place.write("cut.log.gz", &gzip[..gzip.len() / 2]);
    let outcome = place
        .run(&["sql", COUNT, "--from", "cut.log.gz"])
        .failure(1);
    let (records, rejects) = outcome.counts();
    assert!((1..20_000).contains(&records), "{}", outcome.stderr);
    assert_eq!(rejects, 0);
    outcome.tells(&["`cut.log.gz` ends early", "hint: "]);
}

/// Without header lines, nothing tells that a file has another format.
#[test]
fn a_file_of_another_format_than_the_others_is_named() {
    let place = place();
    for number in 1..=4 {
        place.write_lines(&format!("other-{number}.log"), &["192.0.2.1 22 REJECT"; 2]);
    }
    let outcome = place.run(&["sql", COUNT, "--from", "*.log", "-o", "ndjson"]);
    let outcome = outcome.success().tells(&[
        "note: every line of `other-1.log` was refused",
        "note: and of 1 more file",
        "hint: a file without a header line is read in the default format",
        "`--log-format`",
    ]);
    assert_eq!(outcome.rows(), [json!({"records": 1})]);
    assert_eq!(outcome.counts(), (1, 8));
    let quiet = ["sql", COUNT, "--from", "*.log", "--quiet"];
    assert_eq!(place.run(&quiet).success().stderr, "");
}
