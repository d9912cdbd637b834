//! Lines that are no records are counted and kept, and touch nothing else; what is
//! in them does not reach the terminal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::process::Stdio;

use serde_json::{Value, json};
use vpcflow_tests::{Outcome, Place, record};

const COUNT: &str = "SELECT count(*) AS records FROM flows";

/// Three records among lines that are none, in `some.log`.
fn malformed() -> Place {
    let place = Place::default();
    let good = |bytes| record("eni-0a", "192.0.2.1", "ACCEPT", bytes, 1_767_225_600_000);
    let lines = [
        good(1),
        good(2).replace("40000", "port"),
        "too short".to_owned(),
        String::new(),
        good(3),
        good(4) + " surplus",
        "2 123456789012 eni-0a - - - - - - - 1767225600 1767225660 - NODATA".to_owned(),
    ];
    place.write_lines("some.log", &lines);
    place
}

/// A time that no calendar of the engine has is in no interval, and its neighbours are in
/// theirs.
#[test]
fn a_time_far_away_harms_no_query() {
    let place = Place::default();
    let near = record("eni-0a", "192.0.2.1", "ACCEPT", 40, 1_767_225_600_000);
    let far = near.replace("1767225600", "99999999999");
    assert_ne!(near, far);
    place.write_lines("far.log", &[near, far]);
    for query in ["traffic-over-time", "interfaces-over-time"] {
        let answer = place.run(&["query", query, "--from", "far.log", "-o", "ndjson"]);
        let rows = answer.success().rows();
        let bytes: Vec<_> = rows
            .iter()
            .map(|row| (row["interval_start"].as_str(), row["bytes"].as_u64()))
            .collect();
        let expected = [(Some("2026-01-01T00:00:00Z"), Some(40)), (None, Some(40))];
        assert_eq!(bytes, expected, "{query}");
    }
}

/// The rest is as if they were not there.
#[test]
fn malformed_lines_are_counted_and_kept() {
    let place = malformed();
    let run = |sql: &str| place.run(&["sql", sql, "--from", "some.log", "-o", "ndjson"]);

    let flows = run("SELECT bytes, log_status FROM flows").success();
    let row = |bytes: Option<u64>, status: &str| json!({"bytes": bytes, "log_status": status});
    assert_eq!(
        flows.rows(),
        [row(Some(1), "OK"), row(Some(3), "OK"), row(None, "NODATA")]
    );
    assert_eq!(flows.counts(), (3, 3));

    let rejects = run("SELECT * FROM rejects ORDER BY position").success();
    let column = |name: &str| -> Vec<Value> {
        let rows = rejects.rows();
        rows.iter().map(|row| row[name].clone()).collect()
    };
    assert_eq!(
        column("field"),
        [json!("srcport"), Value::Null, Value::Null]
    );
    assert_eq!(column("source"), ["some.log"; 3]);
    let text = fs::read_to_string(place.path().join("some.log")).unwrap();
    for (line, position) in column("line").iter().zip(column("position")) {
        let from_there = &text[position.as_u64().unwrap() as usize..];
        assert!(
            from_there.starts_with(line.as_str().unwrap()),
            "{line} at {position}"
        );
    }

    let strict = place.run(&["sql", COUNT, "--from", "some.log", "--strict"]);
    let strict = strict
        .ends_with(1)
        .tells(&["3 lines were refused", "`rejects`"]);
    assert_eq!(strict.stdout, "records\n3\n");
    let quiet = place.run(&["sql", COUNT, "--from", "some.log", "-q"]);
    assert_eq!(quiet.success().stderr, "");
}

/// Bytes of a log that a terminal would act on, or that are no text.
#[test]
fn hostile_bytes_do_not_reach_the_terminal() {
    let place = Place::default();
    let line = record("eni-0a", "192.0.2.1", "ACCEPT", 1, 0);
    let mut bytes = line.replace("eni-0a", "\x1b]0;owned\x07").into_bytes();
    bytes.extend_from_slice(b"\ncaf\xe9 \x1b[31mred\n");
    place.write("hostile.log", &bytes);
    for sql in ["SELECT interface_id FROM flows", "SELECT line FROM rejects"] {
        for format in ["table", "markdown"] {
            let outcome = place.run(&["sql", sql, "--from", "hostile.log", "-o", format]);
            let outcome = outcome.success();
            assert!(!outcome.stdout.contains('\x1b'), "{}", outcome.stdout);
            assert!(outcome.stdout.contains("\\u{1b}"), "{}", outcome.stdout);
        }
    }
    let tail = [
        "tail",
        "hostile.log",
        "--since",
        "1970-01-01",
        "--for",
        "1ms",
    ];
    let outcome = place.run(&[&tail[..], &["-o", "table"]].concat());
    let outcome = outcome.success().tells(&["refused in hostile.log"]);
    assert!(!(outcome.stdout + &outcome.stderr).contains('\x1b'));
}

/// Standard input is a source too, good or bad.
#[test]
fn standard_input_is_read() {
    let line = record("eni-0a", "192.0.2.1", "ACCEPT", 1, 0);
    let outcome = count_of_input("-", format!("{line}\nno record\n{line}").as_bytes());
    assert_eq!(outcome.success().stdout, "{\"records\":2}\n");
    let outcome = count_of_input("-", b"\x7fELF\x02\x01\x01\0\0\0");
    outcome.failure(1).tells(&["`-` is binary data"]);
}

/// As `--from <(…)` names one.
#[test]
fn a_pipe_with_a_name_is_read() {
    let line = record("eni-0a", "192.0.2.1", "ACCEPT", 1, 0);
    let outcome = count_of_input("/dev/stdin", format!("{line}\n{line}\n").as_bytes());
    assert_eq!(outcome.success().stdout, "{\"records\":2}\n");
}

/// Counts the records of a source while this is written to standard input.
fn count_of_input(source: &str, input: &[u8]) -> Outcome {
    let place = Place::default();
    let mut command = place.command(&["sql", COUNT, "--from", source, "-o", "ndjson"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    Outcome::from(child.wait_with_output().unwrap())
}
