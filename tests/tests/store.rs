//! What users meet who keep records: runs that find nothing new, a store that is
//! being written, a disk that fails, a store of another version, signals.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;
use vpcflow_tests::{Place, Running, Tally, record};

const START_MS: i64 = 1_767_225_600_000;
const INGEST: [&str; 4] = ["ingest", "logs", "--store", "store"];

/// A directory of logs, a store beside it, and what is to be in it.
struct Case {
    place: Place,
    given: Tally,
}

impl Case {
    fn new() -> Case {
        let place = Place::default();
        fs::create_dir(place.path().join("logs")).unwrap();
        let given = Tally::default();
        Case { place, given }
    }

    fn log(&self, name: &str) -> PathBuf {
        self.place.path().join("logs").join(name)
    }

    /// Appends records with these `bytes`, and a line that is none.
    fn append(&mut self, name: &str, numbers: std::ops::Range<i64>) {
        let mut text = fs::read_to_string(self.log(name)).unwrap_or_default();
        for number in numbers {
            let bytes = number.unsigned_abs();
            text += &record("eni-0a", "192.0.2.1", "ACCEPT", bytes, START_MS + number);
            text += "\n";
            self.given.record(number);
        }
        text += "no record\n";
        self.given.reject("no record");
        fs::write(self.log(name), text).unwrap();
    }

    /// Appends records with these `bytes` to a log that is being followed.
    fn append_live(&mut self, name: &str, numbers: std::ops::Range<i64>) {
        let mut log = fs::OpenOptions::new()
            .append(true)
            .open(self.log(name))
            .unwrap();
        let mut text = String::new();
        for number in numbers {
            let bytes = number.unsigned_abs();
            text += &record("eni-0a", "192.0.2.1", "ACCEPT", bytes, START_MS + number);
            text += "\n";
            self.given.record(number);
        }
        log.write_all(text.as_bytes()).unwrap();
    }

    #[track_caller]
    fn assert_kept(&self) {
        let stored = Tally::of_store(&self.place.path().join("store"));
        stored.assert_has_all(&self.given, "the store");
        let check = self.place.run(&["store", "check", "store"]).success();
        assert!(check.stdout.starts_with("whole: "), "{}", check.stdout);
    }

    /// `tail --store`, which has read what there is.
    fn tail(&self, failpoints: &str) -> Running {
        let mut command = self.place.command(&["tail", "logs", "--store", "store"]);
        command.args(["--since", "2026-01-01", "--poll", "50ms"]);
        command.args(["--commit-every", "100ms"]);
        let mut running = Running::start(command.env("FAILPOINTS", failpoints));
        running.wait_for_error("note: refused in ");
        running
    }
}

#[test]
fn what_is_stored_is_not_stored_again() {
    let mut case = Case::new();
    case.append("a.log", 0..500);
    assert_eq!(case.place.run(&INGEST).success().counts(), (500, 1));
    let again = case.place.run(&INGEST).success();
    assert_eq!(again.counts(), (0, 0));
    again.tells(&["the store has all of it already"]);

    fs::rename(case.log("a.log"), case.log("b.log")).unwrap();
    assert_eq!(case.place.run(&INGEST).success().counts(), (0, 0));
    case.append("b.log", 500..510);
    assert_eq!(case.place.run(&INGEST).success().counts(), (10, 1));
    let strict = case.place.run(&[&INGEST[..], &["--strict"]].concat());
    assert_eq!(strict.success().counts(), (0, 0));
    case.assert_kept();

    let info = case.place.run(&["store", "info", "store", "-o", "json"]);
    let info: Value = serde_json::from_str(&info.success().stdout).unwrap();
    assert_eq!(
        (&info["records"], &info["rejects"]),
        (&510.into(), &2.into())
    );
    assert_eq!(info["sources"][0]["source"], "files");
}

#[test]
fn a_store_has_one_writer_and_many_readers() {
    let mut case = Case::new();
    case.append("a.log", 0..50);
    let running = case.tail("");
    let second = case.place.run(&INGEST).failure(1);
    second.tells(&["is written by another process"]);
    case.place.run(&["store", "check", "store"]).success();
    running.signal("TERM");
    running
        .finish()
        .success()
        .tells(&["50 records and 1 reject"]);
    case.assert_kept();
    assert_eq!(case.place.run(&INGEST).success().counts(), (0, 0));
}

#[test]
fn a_disk_that_fails_is_waited_for() {
    let mut case = Case::new();
    case.append("a.log", 0..50);
    case.place.run(&INGEST).success();
    case.append("a.log", 50..100);
    let mut running = case.tail("store-synchronise=2*return->off");
    running.wait_for_error("the disk does not answer; it is tried again until it works");
    running.wait_for_error("the store can be written again");
    running.signal("INT");
    running.finish().success();
    case.assert_kept();
}

#[test]
fn an_ingest_that_cannot_write_keeps_nothing_and_says_so() {
    let mut case = Case::new();
    case.append("a.log", 0..50);
    case.place.run(&INGEST).success();
    let before = case.given.clone();
    case.append("a.log", 50..100);
    let mut command = case.place.command(&INGEST);
    command.env("FAILPOINTS", "store-synchronise=return");
    let failed = vpcflow_tests::Outcome::of(&mut command).failure(1);
    failed.tells(&["the disk does not answer"]);
    let stored = Tally::of_store(&case.place.path().join("store"));
    stored.assert_has_all(&before, "after the failure");
    assert_eq!(case.place.run(&INGEST).success().counts(), (50, 1));
    case.assert_kept();
}

/// The disk hangs: the first signal waits for it, the second does not.
#[test]
fn a_second_signal_ends_at_once() {
    let mut case = Case::new();
    case.append("a.log", 0..50);
    case.place.run(&INGEST).success();
    case.append("a.log", 50..100);
    let running = case.tail("store-synchronise=sleep(600000)");
    running.signal("INT");
    running.signal("TERM");
    running.finish().ends_with(130).tells(&["interrupted"]);
    assert_eq!(case.place.run(&INGEST).success().counts(), (50, 1));
    case.assert_kept();
}

/// A statement over a running tail sees what is committed and what is not yet, under
/// one snapshot: at each answer all records up to one of them, each once, while
/// commits and compactions go on beside it.
#[test]
fn answers_over_a_running_tail_count_each_record_once() {
    let mut case = Case::new();
    case.append("a.log", 0..10);
    let sql = "SELECT count(*) AS records, count(DISTINCT bytes) AS different, \
               max(bytes) + 1 AS newest FROM flows";
    let mut command = case.place.command(&["tail", "logs", "--store", "store"]);
    command.args([
        "--since",
        "2026-01-01",
        "--poll",
        "2ms",
        "--commit-every",
        "20ms",
    ]);
    command.args(["--sql", sql, "--every", "1ms", "-o", "ndjson"]);
    let mut running = Running::start(&mut command);
    let rounds = 60;
    for round in 1..=rounds {
        case.append_live("a.log", round * 10..(round + 1) * 10);
        // Whoever appends waits for an answer that has some of it.
        running.wait_for_lines(round as usize / 2);
    }
    let all = 10 * (rounds + 1);
    running.wait_for_output(&format!("\"newest\":{all}}}"));
    running.signal("INT");
    let outcome = running.finish().success();
    let answers = outcome.rows();
    assert!(answers.len() >= 30, "{} answers", answers.len());
    for answer in &answers {
        assert_eq!(answer["records"], answer["newest"], "{answer}");
        assert_eq!(answer["different"], answer["newest"], "{answer}");
    }
    let newest: Vec<_> = answers
        .iter()
        .map(|answer| answer["newest"].as_i64())
        .collect();
    assert!(newest.is_sorted(), "{newest:?}");
    let commits = outcome.stderr.lines().last().unwrap().split(' ').next();
    let commits: u64 = commits.unwrap().parse().unwrap();
    assert!(commits > 10, "{}", outcome.stderr);
    case.assert_kept();
}

#[test]
fn a_store_of_another_layout_is_left_alone() {
    let mut case = Case::new();
    case.append("a.log", 0..50);
    case.place.run(&INGEST).success();
    let entry = case
        .place
        .path()
        .join("store/_delta_log/00000000000000000000.json");
    let text = fs::read_to_string(&entry).unwrap();
    let newer = text.replace("\"vpcflow.layout\":\"1\"", "\"vpcflow.layout\":\"2\"");
    assert_ne!(newer, text);
    fs::write(&entry, &newer).unwrap();
    for arguments in [&INGEST[..], &["store", "info", "store"]] {
        case.place.run(arguments).failure(1).tells(&["layout"]);
    }
    assert_eq!(fs::read_to_string(&entry).unwrap(), newer);
}
