//! AWS that cannot be reached, or does not let us: what is wrong and the way out,
//! for every command that calls AWS.

use serde_json::json;
use vpcflow_testkit::{FakeLogs, Fault, unused_port};
use vpcflow_tests::{Logs, Outcome, REGION, Running, now_ms, record, vpcflow, vpcflow_at};

const GROUP: &str = "/vpc/prod";

const COMMANDS: [&[&str]; 5] = [
    &["tail", "logs:/vpc/prod"],
    &[
        "sql",
        "SELECT count(*) FROM flows",
        "--from",
        "logs:/vpc/prod",
    ],
    &["setup", "--vpc", "vpc-0a1b2c3d", "--dry-run"],
    &["status"],
    &["teardown", "--log-group", "/vpc/prod", "--yes"],
];

#[test]
fn aws_access_that_is_not_configured_is_told() {
    for arguments in COMMANDS {
        let run = |variables: &[(&str, &str)], more: &[&str]| {
            let mut command = vpcflow();
            command.args(arguments).args(more);
            command.envs(variables.iter().copied());
            Outcome::of(&mut command).failure(1)
        };
        let key = ("AWS_ACCESS_KEY_ID", "test");
        let secret = ("AWS_SECRET_ACCESS_KEY", "test");
        let region = ("AWS_REGION", REGION);
        run(&[key, secret], &[]).tells(&["no AWS region", "hint: ", "`--region`"]);
        for variables in [&[region][..], &[region, key]] {
            run(variables, &[]).tells(&["no AWS credentials", "`aws sso login`"]);
        }
        let profile = ["--profile", "nobody"];
        run(&[region, key, secret], &profile).tells(&["`nobody`", "~/.aws/config"]);
    }
    let endpoint = ["--region", REGION, "--endpoint-url", "localhost:5000"];
    let outcome = Outcome::of(vpcflow().arg("status").args(endpoint)).failure(1);
    outcome.tells(&["`localhost:5000`", "`http://`"]);
}

#[test]
fn what_cannot_be_read_is_told() {
    let logs = Logs::start(FakeLogs::builder());
    logs.create_group(GROUP);
    let read = |source: &str| {
        let tail = logs.command(&["tail", source, "--for", "1h"]);
        let sql = logs.command(&["sql", "SELECT count(*) FROM flows", "--from", source]);
        [tail, sql].map(|mut command| Outcome::of(&mut command).failure(1))
    };
    for outcome in read("logs:/vpc/production") {
        outcome.tells(&[
            "error: log group `/vpc/production` does not exist in region `us-east-1`",
            "hint: log groups with a similar name: `/vpc/prod`",
        ]);
    }
    logs.deny("FilterLogEvents");
    for outcome in read("logs:/vpc/prod") {
        outcome.tells(&[
            "may not be read",
            "hint: the caller needs `logs:FilterLogEvents`",
        ]);
    }
    logs.allow("FilterLogEvents");
    logs.fail_next(Fault::UnknownCredentials, 1_000);
    for outcome in read("logs:/vpc/prod") {
        outcome.tells(&["may not be read", "security token", "hint: "]);
    }
}

#[test]
fn an_endpoint_where_nobody_listens_is_told() {
    let endpoint_url = format!("http://127.0.0.1:{}", unused_port());
    let start = |arguments: &[&str]| Running::start(vpcflow_at(&endpoint_url).args(arguments));
    for running in COMMANDS.map(start) {
        let outcome = running.finish().failure(1);
        outcome.tells(&["hint: check the network", "--endpoint-url"]);
    }
}

/// Whoever may read a log group may still be refused to describe flow logs: the
/// default format is taken, and said to be.
#[test]
fn a_format_that_cannot_be_asked_for_is_told() {
    let logs = Logs::start(FakeLogs::builder());
    let line = record("eni-0a", "192.0.2.1", "ACCEPT", 7, now_ms());
    logs.put(GROUP, "eni-0a-all", [(now_ms() - 1_000, line)]);
    let mut command = logs.command(&["sql", "SELECT bytes FROM flows", "-o", "ndjson"]);
    let outcome = Outcome::of(command.args(["--from", "logs:/vpc/prod"])).success();
    assert_eq!(outcome.rows(), [json!({"bytes": 7})]);
    outcome.tells(&["note: the format of `/vpc/prod`", "--log-format"]);
}
