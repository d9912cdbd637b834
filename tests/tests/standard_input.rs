//! Following standard input: rows as the lines come, and an end in order.

use std::fs;
use std::ops::Range;
use std::process::{Command, Stdio};

use vpcflow_tests::{Place, Running, Tally, record};

const START_MS: i64 = 1_767_225_600_000;

fn tail(place: &Place) -> Command {
    let mut command = place.command(&["tail", "-", "--since", "2025-12-31"]);
    command.stdin(Stdio::piped());
    command
}

fn lines(numbers: Range<u64>) -> String {
    let line = |number| record("eni-0a", "192.0.2.1", "ACCEPT", number, START_MS) + "\n";
    numbers.map(line).collect()
}

fn given(numbers: Range<i64>) -> Tally {
    let mut given = Tally::default();
    numbers.for_each(|number| given.record(number));
    given
}

#[test]
fn lines_are_printed_as_they_come_until_the_input_ends() {
    let place = Place::default();
    let mut running = Running::start(tail(&place).args(["-o", "ndjson"]));
    for number in 0..3 {
        running.send(&lines(number..number + 1));
        running.wait_for_lines(number as usize + 1);
    }
    // One in two pieces, and a last one without a line feed.
    let line = lines(3..4);
    running.send(&line[..30]);
    running.send(&line[30..]);
    running.wait_for_lines(4);
    running.send("no record\n");
    running.send(lines(4..5).trim_end());
    running.end_input();
    let outcome = running.finish().success();
    outcome.clone().tells(&["note: refused in -: "]);
    let numbers: Vec<_> = outcome
        .rows()
        .iter()
        .map(|row| row["bytes"].as_u64())
        .collect();
    assert_eq!(numbers, Vec::from_iter((0..5).map(Some)));
    assert_eq!(outcome.counts(), (5, 1));
}

#[test]
fn a_header_tells_the_columns() {
    let place = Place::default();
    let mut running = Running::start(tail(&place).args(["-o", "csv"]));
    running.send("start srcaddr dstport\n1767225600 192.0.2.1 22\n");
    running.wait_for_lines(2);
    running.end_input();
    let outcome = running.finish().success();
    let expected = "version,account_id,interface_id,srcaddr,dstaddr,srcport,dstport,protocol,\
                    packets,bytes,start,end,action,log_status\n\
                    ,,,192.0.2.1,,,22,,,,2026-01-01T00:00:00Z,,,\n";
    assert_eq!(outcome.stdout, expected);
}

/// A signal ends it before the first line, and between lines.
#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["INT", "TERM"] {
        let place = Place::default();
        let running = Running::start(tail(&place).args(["--store", "store"]));
        while !place.path().join("store/_delta_log").is_dir() {
            std::thread::yield_now();
        }
        running.signal(signal);
        assert_eq!(running.finish().success().counts(), (0, 0));

        let mut running = Running::start(tail(&place).args(["-o", "ndjson"]));
        running.send(&lines(0..2));
        running.send("2 123456789012 half of");
        running.wait_for_lines(2);
        running.signal(signal);
        let outcome = running.finish().success();
        assert_eq!((outcome.rows().len(), outcome.counts()), (2, (2, 0)));
    }
}

/// What has come is committed by its age while the input is open, and the rest when
/// it ends. After a kill the sender sends again what was not acknowledged: at least
/// once.
#[test]
fn lines_are_kept_as_they_come() {
    let place = Place::default();
    let store = place.path().join("store");
    let mut command = tail(&place);
    command.args([
        "--store",
        "store",
        "--commit-every",
        "50ms",
        "--progress",
        "json",
    ]);
    let mut running = Running::start(&mut command);
    running.send(&lines(0..100));
    let newest = given(0..100);
    while Tally::of_store(&store) != newest {
        assert!(!running.has_ended());
        std::thread::yield_now();
    }
    let _ = running.kill();
    assert_eq!(Tally::of_store(&store), newest);

    let mut running = Running::start(&mut command);
    running.send(&lines(100..5_000));
    running.end_input();
    let outcome = running.finish().success();
    outcome.tells(&["4,900 records and 0 rejects", "stored in `store`"]);
    Tally::of_store(&store).assert_has_all(&given(0..5_000), "at the end");

    // `ingest -` goes on in the same store.
    fs::write(place.path().join("more.log"), lines(5_000..5_010)).unwrap();
    let mut command = place.command(&["ingest", "-", "--store", "store"]);
    command.stdin(fs::File::open(place.path().join("more.log")).unwrap());
    vpcflow_tests::Outcome::of(&mut command).success();
    Tally::of_store(&store).assert_has_all(&given(0..5_010), "after ingest");
    let check = place.run(&["store", "check", "store"]).success();
    assert!(check.stdout.starts_with("whole: "), "{}", check.stdout);
}

#[test]
fn what_is_not_plain_text_is_told() {
    let place = Place::default();
    let mut running = Running::start(&mut tail(&place));
    running.send("{\"messageType\":\"DATA_MESSAGE\"}\n");
    let outcome = running.finish().failure(1);
    outcome.tells(&[
        "error: `-` is JSON, not flow log text",
        "hint: `vpcflow ingest -`",
    ]);
}
