//! The examples of each command's help do what they say, as a user would run them: in a
//! shell, one after the other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::process::Command;

use serde_json::json;
use vpcflow_testkit::Moto;
use vpcflow_tests::{Boto3, Outcome, Place, Screen, binary, vpcflow_at};

/// The VPC of the examples.
const VPC: &str = "vpc-0a1b2c3d4e5f60718";

/// The commands that need no account.
const LOCAL: [&str; 9] = [
    "demo",
    "generate",
    "ingest",
    "store",
    "sql",
    "query",
    "top",
    "completions",
    "man",
];
/// Those that do, in the order of a flow log's life.
const OF_AN_ACCOUNT: [&str; 4] = ["setup", "status", "tail", "teardown"];

#[test]
fn examples_on_files_work() {
    let place = place();
    let mut run = 0;
    for command in LOCAL {
        let examples = examples(command).into_iter();
        for example in examples.filter(|example| !example.contains("logs:")) {
            if example == "vpcflow sql --from logs" {
                sits_at(&place, &example);
            } else {
                outcome(&place, "http://localhost:9", &example).success();
            }
            run += 1;
        }
    }
    assert!(run > 15, "{run} examples");
}

#[test]
fn examples_on_an_account_work() {
    let Some(moto) = Moto::start() else { return };
    let Some(mut boto3) = Boto3::start(&moto.endpoint_url()) else {
        return;
    };
    let made = boto3.call("ec2", "create_vpc", json!({"CidrBlock": "10.9.0.0/16"}));
    let vpc = made["Vpc"]["VpcId"].as_str().unwrap().to_owned();
    let tags = json!({"Resources": [vpc], "Tags": [{"Key": "env", "Value": "prod"}]});
    boto3.call("ec2", "create_tags", tags);
    let place = place();
    let mut run = 0;
    let mut take = |command: &str, only: &str| {
        let examples = examples(command).into_iter();
        for example in examples.filter(|example| example.contains(only)) {
            let mut example = example.replace(VPC, &vpc);
            if command == "tail" {
                // They would follow for as long as they are let.
                example.push_str(" --for 2s --poll 200ms");
            }
            outcome(&place, &moto.endpoint_url(), &example).success();
            run += 1;
        }
    };
    for command in OF_AN_ACCOUNT {
        if command == "teardown" {
            take("ingest", "logs:");
        }
        take(command, "");
    }
    assert!(run > 10, "{run} examples");
}

/// Logs of two days and a store of them.
fn place() -> Place {
    let place = Place::default();
    let _ = place
        .run(&["generate", "logs", "--records", "10000"])
        .success();
    let _ = place.run(&["ingest", "logs", "--store", "store"]).success();
    place
}

/// The examples of a command, as they stand in its help.
fn examples(command: &str) -> Vec<String> {
    let help = Outcome::of(vpcflow_tests::vpcflow().args([command, "--help"])).success();
    let (_, shown) = help.stdout.split_once("Examples:\n").unwrap();
    let mut examples: Vec<String> = Vec::new();
    for line in shown.lines() {
        match line.strip_prefix("      ") {
            Some(more) => {
                let last = examples.last_mut().unwrap();
                last.push('\n');
                last.push_str(more);
            }
            None if line.trim_start().starts_with('#') => {}
            None => examples.push(line.trim().to_owned()),
        }
    }
    assert!(examples.len() > usize::from(command != "demo" && command != "generate"));
    examples
}

/// Runs an example in a shell.
fn outcome(place: &Place, endpoint_url: &str, example: &str) -> Outcome {
    let environment = vpcflow_at(endpoint_url);
    let has_manual = Command::new("man").arg("--version").output().is_ok();
    let example = match example.strip_suffix(" | man -l -") {
        Some(page) if !has_manual => page,
        _ => example,
    };
    let folder = binary().parent().unwrap().display().to_string();
    let mut shell = Command::new("bash");
    shell
        .env_clear()
        .envs(
            environment
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .env("PATH", format!("{folder}:/usr/bin:/bin"))
        .current_dir(place.path())
        .stdin(std::process::Stdio::null())
        .args(["-e", "-o", "pipefail", "-c", example]);
    let outcome = Outcome::of(&mut shell);
    assert_eq!(outcome.status, 0, "{example}\n{}", outcome.stderr);
    outcome
}

/// Runs the example of the prompt, at which somebody sits.
fn sits_at(place: &Place, example: &str) {
    let mut command = place.command(&example.split(' ').skip(1).collect::<Vec<_>>());
    command.env("VPCFLOW_HISTORY", place.path().join("history"));
    command.env("TERM", "xterm-256color");
    if let Some(mut screen) = Screen::start(&command, (80, 24)) {
        screen.wait_for("vpcflow>");
        screen.press("\\q\r");
        let (_, text) = screen.finish();
        assert_eq!(screen.status(), Some(0), "{text}");
    }
}
