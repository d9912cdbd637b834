//! What `setup` takes besides a VPC: tags, templates, roles of other accounts,
//! changes of what is there.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use vpcflow_testkit::Failure;
use vpcflow_tests::{Outcome, vpcflow};

use super::account::{Account, GROUP};
use super::document::replay;
use crate::is_read;

#[test]
fn the_document_shows_what_is_printed() {
    let Some(mut account) = Account::start() else {
        return;
    };
    replay(
        &mut account,
        "docs/provisioning.md",
        |account, session| match session {
            4 => account.tag_vpc(),
            // The second one of all sessions.
            7 => account.fail("ec2:CreateFlowLogs", 2, Failure::AccessDenied),
            _ => {}
        },
    );
}

#[test]
fn a_dry_run_only_reads_and_json_has_the_plan() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    let planned = account.setup_json(&["--dry-run"]);
    assert!(account.calls().iter().all(|(action, _)| is_read(action)));
    account.assert_is(&before, "after a dry run");
    assert_eq!(planned["plan"]["changes"], 5);
    assert_eq!(planned["applied"], Value::Null);

    let done = account.setup_json(&["--yes"]);
    assert_eq!(done["plan"], planned["plan"]);
    let flow_log = &done["applied"]["flow_logs"][0];
    assert_eq!(flow_log["resource_id"], account.vpc.as_str());
    assert_eq!(flow_log["log_group"], GROUP);
    let inventory = account.inventory();
    assert_eq!(flow_log["id"], inventory["flow_logs"][0]["FlowLogId"]);
}

#[test]
fn what_has_a_tag_is_watched() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    let by_tag = |tag: &'static str| ["setup", "--vpc-tag", tag, "--log-group", GROUP, "--yes"];
    let none = account.run_binary(&by_tag("env=prod")).ends_with(1);
    none.tells(&["no VPC in us-east-1 has the tag env=prod", "case-sensitive"]);
    let nameless = account.run_binary(&["setup", "--vpc-tag", "env"]);
    nameless.ends_with(2).tells(&["--log-group"]);

    account.tag_vpc();
    account.run_binary(&by_tag("env=prod")).success();
    let again = account.run_binary(&by_tag("env")).success();
    assert!(again.stdout.contains("nothing to do"), "{}", again.stdout);
    let flow_logs = account.inventory()["flow_logs"].take();
    assert_eq!(flow_logs.as_array().unwrap().len(), 1, "{flow_logs:#}");
    assert_eq!(flow_logs[0]["ResourceId"], account.vpc.as_str());
    account.teardown().success();
    account.assert_is(&before, "torn down");
}

/// moto takes two flow logs of one resource and group for the same.
#[test]
fn a_flow_log_is_replaced_without_a_gap_unless_one_is_allowed() {
    let Some(mut account) = Account::start() else {
        return;
    };
    account.setup(&[]).success();
    let before = account.inventory();
    let refused = account.setup(&["--interval", "60"]).ends_with(1);
    refused.tells(&[
        "FlowLogAlreadyExists",
        "note: nothing was changed",
        "--allow-gap",
    ]);
    account.assert_is(&before, "after a replacement that was refused");

    account
        .setup(&["--interval", "60", "--allow-gap"])
        .success();
    let flow_logs = account.inventory()["flow_logs"].take();
    assert_eq!(flow_logs.as_array().unwrap().len(), 1, "{flow_logs:#}");
    assert_eq!(flow_logs[0]["MaxAggregationInterval"], 60);

    // The old one goes, the new one is refused: it is made again.
    account.fail("ec2:CreateFlowLogs", 2, Failure::AccessDenied);
    let failed = account.setup(&["--traffic", "reject", "--allow-gap"]);
    failed
        .ends_with(1)
        .tells(&["taken back: the end of flow log"]);
    let flow_logs = account.inventory()["flow_logs"].take();
    assert_eq!(flow_logs.as_array().unwrap().len(), 1, "{flow_logs:#}");
    assert_eq!(flow_logs[0]["TrafficType"], "ALL");
    assert_eq!(flow_logs[0]["MaxAggregationInterval"], 60);
}

#[test]
fn a_role_of_another_account_is_assumed_first() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let role = "arn:aws:iam::210987654321:role/network-admin";
    let status = ["status", "--assume-role", role, "--external-id", "x1"];
    let there = account.run_binary(&status);
    assert!(
        there.stdout.starts_with("account 210987654321"),
        "{}",
        there.stdout
    );
    assert_eq!(account.calls()[0].0, "sts:AssumeRole");

    account.fail("sts:AssumeRole", 1, Failure::AccessDenied);
    let denied = account.run_binary(&status).failure(1);
    denied.tells(&[role, "cannot be assumed"]);
}

#[test]
fn templates_pass_the_linter_of_cloudformation() {
    let Some(linter) = linter() else { return };
    let directory = tempfile::tempdir().unwrap();
    let small: &[&str] = &["--vpc", "vpc-0a1b2c3d"];
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b2c3d-0000-4000-8000-000000000000";
    let large: &[&str] = &[
        "--vpc",
        "vpc-0a1b2c3d",
        "--subnet",
        "subnet-0a1b2c3d",
        "--eni",
        "eni-0a1b2c3d",
        "--log-group",
        "/vpc/prod",
        "--fields",
        "all",
        "--traffic",
        "reject",
        "--interval",
        "60",
        "--retention-days",
        "3653",
        "--kms-key",
        key,
        "--log-class",
        "infrequent-access",
        "--role-name",
        "delivery",
        "--tag",
        "team=net: yes",
        "--tag",
        "empty=",
    ];
    for (number, arguments) in [small, large].into_iter().enumerate() {
        let mut command = vpcflow();
        command.arg("setup").args(arguments);
        let template = Outcome::of(command.args(["--emit", "cloudformation"])).success();
        let path = directory.path().join(format!("{number}.yaml"));
        fs::write(&path, &template.stdout).unwrap();
        let lint = Command::new(&linter)
            .args(["--region", "us-east-1", "cn-north-1", "us-gov-west-1", "--"])
            .arg(&path)
            .output()
            .unwrap();
        let complaints = String::from_utf8_lossy(&lint.stdout);
        assert!(lint.status.success(), "{complaints}\n{}", template.stdout);
    }
}

/// cfn-lint from beside the Python that has boto3, or from `PATH`. `None` when
/// there is none, which is said.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn linter() -> Option<PathBuf> {
    let python = env::var_os("VPCFLOW_PYTHON").map(PathBuf::from);
    let beside = python.map(|python| python.with_file_name("cfn-lint"));
    let linter = beside.unwrap_or_else(|| "cfn-lint".into());
    if Command::new(&linter).arg("--version").output().is_ok() {
        return Some(linter);
    }
    let linter = linter.display();
    assert!(
        env::var_os("VPCFLOW_REQUIRE_MOTO").is_none(),
        "VPCFLOW_REQUIRE_MOTO is set, but there is no `{linter}`: install scripts/requirements.txt"
    );
    eprintln!("skipped: there is no `{linter}`");
    None
}

impl Account {
    /// `setup` with these arguments and nobody to agree.
    #[track_caller]
    fn setup_without_yes(&mut self, more: &[&str]) -> Outcome {
        let vpc = self.vpc.clone();
        let setup = ["setup", "--vpc", &vpc, "--log-group", GROUP];
        self.run_binary(&[&setup[..], more].concat())
    }

    /// What `setup -o json` prints.
    #[track_caller]
    fn setup_json(&mut self, more: &[&str]) -> Value {
        let outcome = self.setup_without_yes(&[more, &["-o", "json"]].concat());
        serde_json::from_str(&outcome.success().stdout).unwrap()
    }

    /// Gives the VPC the tag that the tests choose by.
    fn tag_vpc(&mut self) {
        let tag = json!([{"Key": "env", "Value": "prod"}]);
        let tags = json!({"Resources": [self.vpc], "Tags": tag});
        self.boto3.call("ec2", "create_tags", tags);
    }
}
