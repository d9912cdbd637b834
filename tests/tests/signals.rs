//! Ends that somebody else decides: a reader that has gone, Ctrl-C, a service
//! manager's signal.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs::OpenOptions;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;

use serde_json::json;
use vpcflow_tests::{Outcome, Place, Running, record};

/// More text than a pipe holds.
const RECORDS: u64 = 20_000;
/// Take longer than anybody waits: one is silent after the answer to a first
/// statement, the other prints all the time.
const ENDLESS: [&str; 2] = [
    "SELECT count(*) FROM flows; \
     SELECT count(*) FROM flows a, flows b, flows c WHERE a.bytes + b.bytes < c.bytes",
    "SELECT a.bytes FROM flows a, flows b",
];

static LINES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let line = |number| record("eni-0a", "192.0.2.1", "ACCEPT", number, 1_767_225_600_000);
    (0..RECORDS).map(line).collect()
});

const TAIL: [&str; 8] = [
    "tail",
    "some.log",
    "--since",
    "2026-01-01",
    "--poll",
    "50ms",
    "-o",
    "ndjson",
];

/// A place with `some.log`.
fn place() -> Place {
    let place = Place::default();
    place.write_lines("some.log", &LINES);
    place
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let place = place();
    let all = "SELECT * FROM flows";
    for format in ["table", "json", "ndjson", "csv", "tsv", "markdown"] {
        let arguments = ["sql", all, "--from", "some.log", "-o", format];
        let outcome = first_byte_of(&place, &arguments).success();
        assert_eq!(outcome.stderr, "", "{format}");
    }
    let tail = ["tail", "some.log", "--since", "2026-01-01", "--for", "1h"];
    let outcome = first_byte_of(&place, &tail).success();
    assert_eq!(outcome.stderr, "");
}

/// Runs `vpcflow … | head -c 1`.
fn first_byte_of(place: &Place, arguments: &[&str]) -> Outcome {
    let mut command = place.command(arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::with_capacity(1, child.stdout.take().unwrap());
    assert_eq!(stdout.fill_buf().unwrap().len(), 1);
    drop(stdout);
    Outcome::from(child.wait_with_output().unwrap())
}

#[test]
fn ctrl_c_ends_a_query() {
    let place = place();
    for sql in ENDLESS {
        let mut command = place.command(&["sql", sql, "--from", "some.log", "-o", "ndjson"]);
        let mut running = Running::start(&mut command);
        running.wait_for_lines(1);
        running.signal("INT");
        let outcome = running.finish().ends_with(130);
        assert_eq!(outcome.stderr, "error: interrupted\n");
    }
}

/// What was read is printed whole, and counted.
#[test]
fn a_signal_ends_a_tail_in_order() {
    for signal in ["INT", "TERM"] {
        let place = place();
        let mut running = Running::start(&mut place.command(&TAIL));
        running.wait_for_lines(RECORDS as usize);

        let line = record("eni-0a", "192.0.2.2", "REJECT", RECORDS, 1_767_225_660_000);
        append(&place, &line);
        running.wait_for_lines(RECORDS as usize + 1);

        running.signal(signal);
        let outcome = running.finish().success();
        let rows = outcome.rows();
        assert_eq!(rows.len() as u64, RECORDS + 1);
        assert_eq!(rows.last().unwrap()["srcaddr"], "192.0.2.2");
        assert_eq!(outcome.counts(), (RECORDS + 1, 0));
    }
}

/// A statement is answered anew while records come, and not once more at the end
/// when none has come since.
#[test]
fn a_signal_ends_a_tail_that_answers() {
    let place = place();
    let mut command = place.command(&TAIL);
    command.args([
        "--every",
        "100ms",
        "--sql",
        "SELECT count(*) AS records FROM flows",
    ]);
    let mut running = Running::start(&mut command);
    running.wait_for_output(&format!("{{\"records\":{RECORDS}}}\n"));
    append(&place, &LINES[0]);
    running.wait_for_output(&format!("{{\"records\":{}}}\n", RECORDS + 1));
    running.signal("INT");
    let outcome = running.finish().success();
    let answers = outcome.rows();
    assert_eq!(answers.last(), Some(&json!({"records": RECORDS + 1})));
    assert!(
        answers.windows(2).all(|pair| pair[0] != pair[1]),
        "{}",
        outcome.stdout
    );
    assert_eq!(outcome.counts(), (RECORDS + 1, 0));
}

/// Nobody reads the answer, so that the query is stuck in a write.
#[test]
fn a_signal_ends_a_query_that_cannot_write() {
    for signal in ["INT", "TERM"] {
        let place = place();
        let mut command = place.command(&["sql", ENDLESS[1], "--from", "some.log"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        send(signal, &child);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}

fn send(signal: &str, child: &Child) {
    let kill = format!("kill -{signal} {}", child.id());
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.is_ok_and(|status| status.success()), "{kill}");
}

/// Nobody reads what a tail prints, so that it is stuck in a write: the first signal
/// waits for it, the second does not, even if standard error is that pipe, too.
#[test]
fn a_second_signal_ends_a_tail_that_cannot_write() {
    for errors_too in [false, true] {
        let place = place();
        let (mut output, input) = io::pipe().unwrap();
        let mut command = place.command(&TAIL);
        command.args(["--progress", "json"]);
        match errors_too {
            true => command.stderr(input.try_clone().unwrap()),
            false => command.stderr(Stdio::piped()),
        };
        let mut child = command.stdout(input).spawn().unwrap();
        drop(command);
        // It has begun to print a batch, which is more than a pipe holds.
        output.read_exact(&mut [0]).unwrap();
        send("INT", &child);
        send("TERM", &child);
        let status = child.wait().unwrap();
        assert_eq!(status.code(), Some(130), "{status}");
        if let Some(mut stderr) = child.stderr.take() {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            assert_eq!(said.lines().last(), Some("error: interrupted"), "{said}");
        }
    }
}

fn append(place: &Place, line: &str) {
    let log = place.path().join("some.log");
    let mut log = OpenOptions::new().append(true).open(log).unwrap();
    writeln!(log, "{line}").unwrap();
}
