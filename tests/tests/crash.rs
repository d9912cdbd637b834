//! The end of the process at any moment: `kill -9` at random ones, and at each named
//! point of a commit and of the upkeep. Whatever was killed, in the end each record
//! and each refused line is in the store once.
//!
//! `VPCFLOW_CRASH_KILLS` and `VPCFLOW_CRASH_SEED` say how many kills and which;
//! `scripts/crash` sets them. The seed repeats the decisions, not the timing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash {
    pub(crate) mod campaign;
    pub(crate) mod files;
    pub(crate) mod group;
}

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crash::campaign::Campaign;
use crash::files::Files;
use crash::group::Group;
use serde_json::Value;
use vpcflow_testkit::FakeLogs;
use vpcflow_tests::{Logs, Outcome, Place, Running, Tally, now_ms, vpcflow};

/// Points of a commit.
const COMMIT: [&str; 5] = [
    "store-synchronise",
    "store-data-files-written",
    "store-cursor-written",
    "store-rejects-written",
    "store-entry-written",
];
/// Points of upkeep: met once for ten commits, and for a hundred.
const COMPACTION: [&str; 2] = ["store-compacted", "store-compaction-committed"];
const LOG: [&str; 1] = ["store-checkpointed"];
/// How long to wait for what has to come.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_followed_log_group_is_kept_once() {
    let mut campaign = Campaign::new("group", 2, 4, &[&COMMIT[..], &COMPACTION].concat());
    let awkward = FakeLogs::builder()
        .seed(campaign.seed())
        .page_events(400)
        .empty_page_rate(0.1)
        .partial_page_rate(0.3)
        .token_uses(1)
        .throttle_every(43)
        .unavailable_every(53)
        .drop_every(61)
        .slow_every(13, Duration::from_millis(40))
        .stale_stream_times();
    let logs = Logs::start(awkward);
    let mut group = Group::new(&logs);
    group.put_history();

    let place = Place::default();
    let store = place.path().join("store");
    let store_name = store.to_str().unwrap();
    let tail = || {
        let mut command = logs.command(&["tail", Group::SOURCE, "--log-format", "default"]);
        command.args(["--since", "25h", "--lateness", "15s", "--poll", "100ms"]);
        // The server throttles by number, however slow the calls come.
        command.args(["--max-calls-per-second", "1000", "--progress", "json"]);
        command.args(["--store", store_name, "--commit-every", "100ms"]);
        command
    };
    while let Some(kill) = campaign.next_kill() {
        group.release_until(now_ms());
        campaign.run(kill, tail(), |dice| group.put_some(dice));
        let stored = Tally::of_store(&store);
        stored.assert_has_nothing_twice(group.given(), &campaign.state());
    }

    group.release_until(i64::MAX);
    let newest_ms = now_ms();
    let mut running = Running::start(&mut tail());
    running.wait_for_report("all is complete", |report| {
        let progress = &report["sources"][0]["progress"];
        progress["complete_to_ms"].as_i64() > Some(newest_ms)
    });
    running.signal("TERM");
    running.finish().success();
    let stored = Tally::of_store(&store);
    stored.assert_has_all(group.given(), &campaign.state());
    assert_whole(&store, group.given());

    let again = Outcome::of(tail().args(["--for", "2s"])).success();
    assert!(
        again.stderr.contains("0 records and 0 rejects"),
        "{again:?}"
    );
    campaign.end();
}

#[test]
fn a_followed_directory_is_kept_once() {
    let mut campaign = Campaign::new("directory", 3, 4, &[&COMMIT[..], &LOG].concat());
    let place = Place::default();
    let store = place.path().join("store");
    let mut files = Files::new(place.path().join("logs"));
    let tail = || {
        let mut command = place.command(&["tail", "logs", "--since", "2026-01-01"]);
        command.args([
            "--store",
            "store",
            "--commit-every",
            "50ms",
            "--poll",
            "30ms",
        ]);
        command
    };
    while let Some(kill) = campaign.next_kill() {
        campaign.run(kill, tail(), |dice| files.change(dice));
        let stored = Tally::of_store(&store);
        stored.assert_has_nothing_twice(files.given(), &campaign.state());
    }

    files.finish();
    let running = Running::start(&mut tail());
    let deadline = Instant::now() + PATIENCE;
    while Tally::of_store(&store) != *files.given() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    running.signal("INT");
    running.finish().success();
    Tally::of_store(&store).assert_has_all(files.given(), &campaign.state());
    assert_whole(&store, files.given());
    campaign.end();
}

#[test]
fn ingested_files_are_kept_once() {
    let mut campaign = Campaign::new("ingest", 4, 1, &COMMIT);
    let place = Place::default();
    let store = place.path().join("store");
    let mut files = Files::new(place.path().join("logs"));
    let ingest = || {
        let mut command = place.command(&["ingest", "logs", "--store", "store"]);
        command.args(["--commit-every", "10ms"]);
        command
    };
    while let Some(kill) = campaign.next_kill() {
        files.add_many(campaign.dice());
        campaign.run(kill, ingest(), |_| {});
        let stored = Tally::of_store(&store);
        stored.assert_has_nothing_twice(files.given(), &campaign.state());
    }

    Outcome::of(&mut ingest()).success();
    Tally::of_store(&store).assert_has_all(files.given(), &campaign.state());
    assert_whole(&store, files.given());
    let again = Outcome::of(&mut ingest()).success();
    assert_eq!(again.counts(), (0, 0));
    campaign.end();
}

/// Upkeep by command, killed at each of its points: the rows stay the same, and the
/// next command does what was left.
#[test]
fn upkeep_that_is_killed_changes_no_row() {
    let place = Place::default();
    let store = place.path().join("store");
    let mut files = Files::new(place.path().join("logs"));
    for _ in 0..4 {
        files.add_few();
        place.run(&["ingest", "logs", "--store", "store"]).success();
    }
    let compact = ["store", "compact", "store"];
    for point in COMPACTION.into_iter().chain(LOG) {
        files.add_few();
        place.run(&["ingest", "logs", "--store", "store"]).success();
        let mut command = place.command(&compact);
        Outcome::of(command.env("VPCFLOW_ABORT_AT", point)).ends_with(-6);
        Tally::of_store(&store).assert_has_all(files.given(), point);
        assert_whole(&store, files.given());
    }
    place.run(&compact).success();
    Tally::of_store(&store).assert_has_all(files.given(), "compacted");
    let check = assert_whole(&store, files.given());
    assert_eq!(check["files"], 1);
    assert_eq!(check["orphans"].as_array().unwrap().len(), 0, "{check}");

    // All of it is of one day, long ago.
    let expire = ["store", "expire", "store", "--keep", "1d"];
    let mut command = place.command(&expire);
    Outcome::of(command.env("VPCFLOW_ABORT_AT", "store-expired")).ends_with(-6);
    place.run(&expire).success();
    let check = assert_whole(&store, &Tally::default());
    assert_eq!(check["files"], 0);
}

/// Asserts that the store is whole, and holds as many records and rejects as were
/// given.
#[track_caller]
fn assert_whole(store: &Path, given: &Tally) -> Value {
    let mut command: Command = vpcflow();
    command.args(["store", "check", "-o", "json"]).arg(store);
    let outcome = Outcome::of(&mut command);
    let check: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(check["problems"].as_array().unwrap().len(), 0, "{check}");
    outcome.success();
    let count = |name: &str| check[name].as_u64().unwrap();
    assert_eq!(count("records") + count("rejects"), given.events());
    check
}
