//! Following a log group that is as awkward as AWS's are: pages that are partial
//! or empty, page tokens that expire, throttling, records that come late. Every
//! record is printed once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use vpcflow_testkit::{FakeLogs, FakeLogsBuilder, Fault};
use vpcflow_tests::{Logs, Outcome, Running, now_ms, record};

const GROUP: &str = "/vpc/prod";
const MINUTE_MS: i64 = 60_000;
/// Calls to a group that are under way at the same time, at most.
const MOST_UNDER_WAY: u64 = 8;

/// `tail` of the group, in the format that nobody can be asked for: the server
/// knows no flow logs.
fn tail(logs: &Logs) -> Command {
    let mut command = logs.command(&["tail", "logs:/vpc/prod", "--log-format", "default"]);
    command.args(["--since", "2h", "--poll", "100ms", "-o", "ndjson"]);
    // The server throttles by number, however slow the calls come.
    command.args(["--max-calls-per-second", "1000"]);
    command
}

/// Records to put, numbered in the order in which they were made.
#[derive(Default)]
struct Records {
    made: u64,
}

impl Records {
    /// `count` records, a millisecond apart.
    fn make(&mut self, first_ms: i64, count: i64) -> Vec<(i64, String)> {
        let times = (0..count).map(|number| first_ms + number);
        times
            .map(|time_ms| {
                self.made += 1;
                let line = record("eni-0a1b2c3d", "192.0.2.1", "ACCEPT", self.made, time_ms);
                (time_ms, line)
            })
            .collect()
    }

    /// Asserts that each record made is among the rows, once.
    #[track_caller]
    fn assert_are(&self, rows: &[Value]) {
        let mut times: BTreeMap<u64, u32> = (1..=self.made).map(|number| (number, 0)).collect();
        for row in rows {
            *times.entry(row["bytes"].as_u64().unwrap()).or_default() += 1;
        }
        times.retain(|_, times| *times != 1);
        assert_eq!(
            times,
            BTreeMap::new(),
            "how often other than once, by record"
        );
    }
}

/// Many streams over an hour: read through partial and empty pages, throttling,
/// failures, slow answers and connections that break, with tokens that soon expire.
fn awkward() -> FakeLogsBuilder {
    FakeLogs::builder()
        .seed(7)
        .page_events(150)
        .empty_page_rate(0.2)
        .partial_page_rate(0.4)
        .token_uses(2)
        .throttle_every(7)
        .unavailable_every(11)
        .drop_every(13)
        .slow_every(9, Duration::from_millis(50))
        .stale_stream_times()
}

fn put_an_hour(logs: &FakeLogs, records: &mut Records) {
    let now_ms = now_ms();
    for minute in 0..60 {
        let stream = format!("eni-{:08x}-all", minute % 13);
        // A second ago at the latest: nothing reads the future.
        let first_ms = now_ms - minute * MINUTE_MS - 1_000;
        logs.put(GROUP, &stream, records.make(first_ms, 40));
    }
}

#[test]
fn an_awkward_group_is_followed_without_loss() {
    let logs = Logs::start(awkward());
    let mut records = Records::default();
    put_an_hour(&logs, &mut records);
    let mut running = Running::start(&mut tail(&logs));
    running.wait_for_lines(records.made as usize);

    // Records that come while pages are read, and between readings; what was
    // read already is read again and again meanwhile.
    let now_ms = now_ms();
    let hidden = records.make(now_ms - 10_000, 25);
    let hidden = logs.put_hidden(GROUP, "eni-00000001-all", hidden);
    logs.release_after(hidden, 3);
    let newest = records.make(now_ms, 25);
    logs.put(GROUP, "eni-00000001-all", newest);
    logs.expire_tokens();
    running.wait_for_lines(records.made as usize);

    logs.fail_next(Fault::Throttled, 4);
    let in_a_new_stream = records.make(now_ms - 5_000, 25);
    logs.put(GROUP, "eni-0f0f0f0f-all", in_a_new_stream);
    running.wait_for_lines(records.made as usize);

    running.signal("TERM");
    let outcome = running.finish().success();
    records.assert_are(&outcome.rows());
    assert_eq!(outcome.counts(), (records.made, 0));
    assert!(logs.calls("FilterLogEvents") > 30, "it was not awkward");
}

/// The same server when the SDK does not try again by itself.
#[test]
fn an_awkward_group_is_read_once_without_loss() {
    let logs = Logs::start(awkward());
    let mut records = Records::default();
    put_an_hour(&logs, &mut records);
    let sql = "SELECT bytes FROM flows";
    let mut command = logs.command(&["sql", sql, "--from", "logs:/vpc/prod", "--since", "2h"]);
    command.args(["--log-format", "default", "-o", "ndjson"]);
    let outcome = Outcome::of(command.env("AWS_MAX_ATTEMPTS", "1")).success();
    records.assert_are(&outcome.rows());
    assert_eq!(outcome.counts(), (records.made, 0));
}

/// What somebody can mend is told, waited for, and gone on with.
#[test]
fn credentials_that_expire_and_a_group_that_is_deleted_are_waited_for() {
    for (fault, told) in [
        (
            Fault::ExpiredCredentials,
            "may not be read: ExpiredTokenException",
        ),
        (Fault::GroupDeleted, "does not exist"),
    ] {
        let logs = Logs::start(FakeLogs::builder());
        let mut records = Records::default();
        logs.put(GROUP, "eni-0a-all", records.make(now_ms(), 30));
        let mut running = Running::start(&mut tail(&logs));
        running.wait_for_lines(30);
        logs.fail_next(fault, 1);
        running.wait_for_error(told);
        running.wait_for_error("trying again until it can be read");
        logs.put(GROUP, "eni-0a-all", records.make(now_ms(), 30));
        running.wait_for_lines(60);
        running.wait_for_error("is read again");
        running.signal("INT");
        let outcome = running.finish().success();
        records.assert_are(&outcome.rows());
    }
}

/// The last state is told as an object, with the calls made.
#[test]
fn progress_is_told_as_json() {
    let logs = Logs::start(FakeLogs::builder());
    let mut records = Records::default();
    logs.put(GROUP, "eni-0a-all", records.make(now_ms() - MINUTE_MS, 30));
    let mut command = tail(&logs);
    command.args(["--progress", "json", "--quiet"]);
    let mut running = Running::start(&mut command);
    running.wait_for_lines(30);
    running.signal("INT");
    let outcome = running.finish().success();
    let told: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(told["records"], 30);
    let source = &told["sources"][0];
    assert_eq!(source["source"], "logs:/vpc/prod");
    assert_eq!(source["progress"]["events"], 30);
    assert_eq!(source["progress"]["streams"], 1);
    assert_eq!(source["calls"]["limit"], 1000.0);
    // The server heard of one more, which asks whether the group is there, and not of
    // those that the signal stopped before they were sent: all that are under way at
    // most.
    let told = source["calls"]["calls"].as_u64().unwrap();
    let heard = logs.calls("FilterLogEvents") - 1;
    assert!(told > 0);
    assert!(
        heard <= told && told <= heard + MOST_UNDER_WAY,
        "{told} calls were told, {heard} heard"
    );
}

/// Several groups share one budget of calls, and none keeps another waiting.
#[test]
fn groups_of_a_region_share_their_calls() {
    let logs = Logs::start(FakeLogs::builder().page_events(10));
    let mut records = Records::default();
    for group in [GROUP, "/vpc/dev"] {
        for minute in 1..=30 {
            let first_ms = now_ms() - minute * MINUTE_MS;
            logs.put(group, "eni-0a-all", records.make(first_ms, 20));
        }
    }
    let mut command = logs.command(&["tail", "logs:/vpc/prod", "logs:/vpc/dev", "--since", "2h"]);
    command.args(["--log-format", "default", "-o", "ndjson", "--quiet"]);
    command.args(["--max-calls-per-second", "40", "--progress", "json"]);
    let mut running = Running::start(&mut command);
    running.wait_for_lines(records.made as usize);
    running.signal("TERM");
    let outcome = running.finish().success();
    records.assert_are(&outcome.rows());
    let told: Value = serde_json::from_str(outcome.stderr.lines().last().unwrap()).unwrap();
    let calls = |source: usize| told["sources"][source]["calls"]["calls"].as_u64().unwrap();
    assert_eq!(calls(0), calls(1), "one budget");
    let pages = |source: usize| {
        told["sources"][source]["progress"]["pages"]
            .as_u64()
            .unwrap()
    };
    assert!(pages(0) >= 60 && pages(1) >= 60, "{told}");
}

/// On a terminal a line is redrawn in place, and gone in the end; on a pipe there
/// is none unless it is asked for.
#[test]
fn progress_is_told_in_a_line() {
    let logs = Logs::start(FakeLogs::builder());
    let mut records = Records::default();
    logs.put(GROUP, "eni-0a-all", records.make(now_ms() - MINUTE_MS, 30));
    let mut running = Running::start(tail(&logs).args(["--progress", "line"]));
    running.wait_for_lines(30);
    running.wait_for_error("1 stream · ");
    running.wait_for_error("/1000 calls/s · 0 rejects\x1b[K\r");
    running.signal("INT");
    let outcome = running.finish().success();
    let (_, last) = outcome.stderr.rsplit_once('\r').unwrap();
    assert!(last.starts_with("\x1b[K30 records, 0 rejects, "), "{last}");

    let outcome = Outcome::of(tail(&logs).args(["--for", "1s"])).success();
    assert!(!outcome.stderr.contains('\r'), "{}", outcome.stderr);
}
