//! What queries may take of the machine: memory, disk, time; and what is left of
//! them when they are ended.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use vpcflow_tests::{Outcome, Place, Running, on_a_terminal, record};

/// Enough that sorting them takes more memory than the limit.
const RECORDS: u64 = 60_000;
/// Sorts more rows than ever end, and writes most of them to files.
const ENDLESS_SORT: &str = "SELECT * FROM flows a, flows b ORDER BY a.bytes, b.bytes";
/// Has no row ever, and no file.
const ENDLESS: &str =
    "SELECT count(*) FROM flows a, flows b, flows c WHERE a.bytes + b.bytes + c.bytes < 0";

static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let line = |number| record("eni-0a", "192.0.2.1", "ACCEPT", number, 1_767_225_600_000);
    (0..RECORDS).map(line).collect()
});

/// A place with `some.log`, and the directory `temp`.
fn place() -> Place {
    let place = Place::default();
    place.write_lines("some.log", &LINES);
    fs::create_dir(place.path().join("temp")).unwrap();
    place
}

/// The arguments of a query within these limits.
fn query<'a>(sql: &'a str, limits: &'a [&'a str]) -> Vec<&'a str> {
    let from = ["sql", sql, "--from", "some.log", "-o", "ndjson"];
    [&from[..], &["--temp-dir", "temp"], limits].concat()
}

/// The files below a directory, directories not counted.
fn files_in(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else {
        return 0;
    };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.path() {
            path if path.is_dir() => files_in(&path),
            _ => 1,
        })
        .sum()
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[test]
fn a_sort_goes_on_in_files_and_has_every_row() {
    let place = place();
    let sql = "SELECT * FROM flows ORDER BY bytes DESC";
    let analyzed = format!("EXPLAIN ANALYZE {sql}");
    let limits = ["--memory-limit", "8MB", "--threads", "1"];
    let outcome = place.run(&query(&analyzed, &limits)).success();
    assert!(
        !outcome.stdout.contains("spill_count=0,"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("spill_count="),
        "{}",
        outcome.stdout
    );

    let outcome = place.run(&query(sql, &limits)).success();
    let bytes: Vec<u64> = outcome
        .rows()
        .iter()
        .map(|row| row["bytes"].as_u64().unwrap())
        .collect();
    assert_eq!(bytes.len() as u64, RECORDS);
    assert!(bytes.is_sorted_by(|a, b| a >= b));
    assert!(is_empty(&place.path().join("temp")));
}

#[test]
fn a_query_that_needs_more_memory_is_told_who_and_how_much() {
    let place = place();
    let sql = "SELECT count(*) FROM flows a JOIN flows b ON a.bytes = b.bytes";
    let outcome = place.run(&query(sql, &["--memory-limit", "500kB"]));
    outcome.failure(1).tells(&[
        "error: the query needs more memory than the limit of 500.0 kB: a join (`HashJoinInput",
        " more",
        "hint: give it more with `--memory-limit`",
    ]);
    for command in [&["top", "srcport"][..], &["query", "top-talkers"]] {
        let arguments = [command, &["--from", "some.log", "--memory-limit", "1kB"]].concat();
        let outcome = place.run(&arguments);
        outcome
            .failure(1)
            .tells(&["the limit of 1.0 kB: ", "hint: "]);
    }
}

#[test]
fn temporary_files_have_a_limit_and_a_directory() {
    let place = place();
    let limits = [
        "--memory-limit",
        "24MB",
        "--threads",
        "1",
        "--temp-limit",
        "1MB",
    ];
    let outcome = place.run(&query(ENDLESS_SORT, &limits));
    outcome.failure(1).tells(&[
        "error: the query needs more temporary files than the limit of them",
        "hint: give it more with `--temp-limit`",
    ]);
    assert!(is_empty(&place.path().join("temp")));

    let arguments = ["sql", "SELECT 1", "--temp-dir", "missing"];
    place.run(&arguments).failure(1).tells(&[
        "error: cannot make files in `missing`: no such file or directory",
        "hint: name another with `--temp-dir`",
    ]);
}

/// Where nobody named a directory and there is none, what needs none is answered.
#[test]
fn without_a_directory_only_what_needs_one_fails() {
    let place = place();
    let run = |sql, memory| {
        let arguments = [
            "sql",
            sql,
            "--from",
            "some.log",
            "--threads",
            "1",
            "--memory-limit",
        ];
        let mut command = place.command(&[&arguments[..], &[memory]].concat());
        Outcome::of(command.env("TMPDIR", place.path().join("missing")))
    };
    let outcome = run("SELECT count(*) AS n FROM flows", "24MB").success();
    assert_eq!(outcome.stdout, format!("n\n{RECORDS}\n"));
    let outcome = run(ENDLESS_SORT, "24MB");
    outcome.failure(1).tells(&[
        "and there is no directory for temporary files",
        "hint: name a directory with `--temp-dir`",
    ]);
}

#[test]
fn the_time_limit_ends_a_query() {
    let place = place();
    for sql in [ENDLESS, ENDLESS_SORT] {
        let limits = ["--timeout", "300ms", "--memory-limit", "100MB"];
        let outcome = place.run(&query(sql, &limits));
        outcome.failure(1).tells(&[
            "error: not done within the time limit of 0.3 s",
            "hint: give it more time with `--timeout`",
        ]);
        assert!(is_empty(&place.path().join("temp")));
    }
    // Rows that nobody stops are printed within it.
    let outcome = place.run(&query(
        "SELECT count(*) AS n FROM flows",
        &["--timeout", "1h"],
    ));
    assert_eq!(outcome.success().rows()[0]["n"], RECORDS);
}

/// However busy its only thread is, and what it has written goes.
#[test]
fn a_signal_ends_a_query_that_sorts_in_files() {
    for signal in ["INT", "TERM"] {
        let place = place();
        let temp = place.path().join("temp");
        let limits = ["--threads", "1", "--memory-limit", "24MB"];
        let mut running = Running::start(&mut place.command(&query(ENDLESS_SORT, &limits)));
        while files_in(&temp) == 0 {
            assert!(!running.has_ended(), "it ended before it wrote a file");
            std::thread::yield_now();
        }
        running.signal(signal);
        let outcome = running.finish().ends_with(130);
        assert_eq!(outcome.stderr, "error: interrupted\n");
        assert_eq!(outcome.stdout, "");
        assert!(is_empty(&temp), "{signal}: files are left");
    }
}

/// Nobody reads: the thread that prints is blocked for ever.
#[test]
fn a_signal_ends_a_query_whose_reader_waits() {
    let place = place();
    let mut command = place.command(&query("SELECT a.bytes FROM flows a, flows b", &[]));
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // A first byte, so that it prints; no more, so that the pipe is full.
    let mut first = [0];
    let stdout = child.stdout.as_mut().unwrap();
    std::io::Read::read_exact(stdout, &mut first).unwrap();
    let kill = format!("kill -INT {}", child.id());
    let status = std::process::Command::new("sh")
        .args(["-c", &kill])
        .status();
    assert!(status.unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(130));
}

/// Bytes of all, records, speed; the line goes before anything else is printed.
#[test]
fn a_long_query_tells_its_progress_on_a_terminal_and_nowhere_else() {
    let place = place();
    let log = place.path().join("some.log").display().to_string();
    let arguments = ["sql", ENDLESS, "--from", &log, "--timeout", "2s"];
    let Some(outcome) = on_a_terminal(&place.command(&arguments), "") else {
        return;
    };
    let outcome = outcome.ends_with(1);
    let (drawn, error) = outcome.stdout.split_once("error: ").unwrap();
    let line = " MB (100 %) · 60,000 records, ";
    assert!(
        drawn.contains(line) && drawn.contains(" records/s"),
        "{drawn:?}"
    );
    assert!(drawn.ends_with("\x1b[K"), "the line is left: {drawn:?}");
    assert!(error.starts_with("not done within"), "{error}");

    let quiet = place.command(&[&arguments[..], &["--quiet"]].concat());
    let outcome = on_a_terminal(&quiet, "").unwrap().ends_with(1);
    assert!(outcome.stdout.starts_with("error: "), "{}", outcome.stdout);
    let outcome = place.run(&arguments).failure(1);
    assert!(outcome.stderr.starts_with("error: "), "{}", outcome.stderr);
}
