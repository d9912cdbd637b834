//! Whatever call fails, and however: the account is as it was or as it should
//! be, the next run of `setup` completes, and `teardown` leaves what was there
//! before. boto3 is the eye that looks.
//!
//! moto refuses nothing by itself, so a proxy before it lets calls fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod provisioning {
    pub(crate) mod account;
    pub(crate) mod document;
    mod setup;
}

use provisioning::account::{Account, GROUP};
use provisioning::document::replay;
use serde_json::json;
use vpcflow_testkit::Failure;
use vpcflow_tests::Outcome;

#[test]
fn any_call_of_a_setup_may_fail() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    account.setup(&[]).success();
    let calls = account.calls();
    account.teardown().success();
    account.assert_is(&before, "after a teardown");

    assert_eq!(
        calls.iter().filter(|(action, _)| !is_read(action)).count(),
        6,
        "{calls:?}"
    );

    for (action, number) in calls {
        let case = format!("call {number} of {action}");
        account.fail(&action, number, Failure::AccessDenied);
        let denied = account.setup(&[]).ends_with(1);
        denied.tells(&["error: ", &action, "hint: "]);
        account.assert_is(&before, &format!("{case} was denied"));
        if is_read(&action) {
            continue;
        }

        account.fail(&action, number, Failure::AnswerLost);
        account.setup(&[]).ends_with(1).tells(&["error: "]);
        account.assert_is(&before, &format!("no answer to {case}"));

        account.kill_setup_in(&action, number);
        account.setup(&[]).success();
        account.assert_is_set_up(&format!("killed in {case}"));
        account.teardown().success();
        account.assert_is(&before, &format!("killed in {case}, set up, torn down"));

        account.kill_setup_in(&action, number);
        account.teardown().success();
        account.assert_is(&before, &format!("killed in {case}, torn down"));

        for failure in [Failure::AnswerLost, passing_failure(&action)] {
            account.fail_once(&action, number, failure);
            account.setup(&[]).success();
            account.assert_is_set_up(&format!("{failure:?} once in {case}"));
            account.teardown().success();
            account.assert_is(&before, &format!("{failure:?} once in {case}, torn down"));
        }
    }
}

#[test]
fn any_call_of_a_teardown_may_fail() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    account.setup(&[]).success();
    account.teardown().success();
    let calls = account.calls();

    for (action, number) in calls {
        let case = format!("call {number} of {action}");
        account.setup(&[]).success();
        account.fail(&action, number, Failure::AccessDenied);
        account
            .teardown()
            .ends_with(1)
            .tells(&["error: ", &action, "hint: "]);
        if !is_read(&action) {
            account.fail(&action, 1, Failure::AnswerLost);
            account.teardown().ends_with(1).tells(&["error: "]);
        }
        account.teardown().success();
        account.assert_is(&before, &format!("{case} failed, then torn down"));
    }
}

/// The parts that stand are named, and they stand.
#[test]
fn what_is_kept_after_a_failure_is_told() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    account.fail("ec2:CreateFlowLogs", 1, Failure::AccessDenied);
    let kept = account.setup(&["--keep-partial"]).ends_with(1);
    let kept = kept.tells(&["iam:PassRole", GROUP]);
    let after = account.inventory();
    let policy = after["policies"][0]["PolicyName"].as_str().unwrap();
    kept.tells(&[&account.role_name(), policy]);
    assert_eq!(after["flow_logs"], before["flow_logs"]);

    account.setup(&[]).success();
    account.assert_is_set_up("after what was kept");
    account.teardown().success();
    account.assert_is(&before, "torn down");
}

/// Also when the roll-back itself is refused.
#[test]
fn what_could_not_be_taken_back_is_told() {
    let Some(mut account) = Account::start() else {
        return;
    };
    let before = account.inventory();
    account.fail("ec2:CreateFlowLogs", 1, Failure::AccessDenied);
    account.fail("iam:DeleteRole", 1, Failure::AccessDenied);
    let failed = account.setup(&[]).ends_with(1);
    failed.tells(&["ec2:CreateFlowLogs", &account.role_name(), "iam:DeleteRole"]);
    account.teardown().success();
    account.assert_is(&before, "torn down");
}

/// A doctor that may not look everywhere says so, and goes on.
#[test]
fn status_goes_on_without_a_permission() {
    let Some(mut account) = Account::start() else {
        return;
    };
    account.setup(&[]).success();
    account.status(&[]).success();
    let mut actions: Vec<String> = account
        .calls()
        .into_iter()
        .map(|(action, _)| action)
        .collect();
    actions.sort();
    actions.dedup();
    assert!(actions.len() >= 11, "{actions:?}");
    for action in actions {
        account.fail(&action, 1, Failure::AccessDenied);
        let status = account.status(&[]);
        match action.as_str() {
            "sts:GetCallerIdentity" => {
                status.failure(1).tells(&[&action]);
            }
            // All else hangs on them: that they cannot be seen is no good sign.
            "ec2:DescribeFlowLogs" => {
                let text = status.ends_with(1).stdout;
                assert!(
                    text.contains("allow the caller `ec2:DescribeFlowLogs`"),
                    "{text}"
                );
            }
            _ => {
                let text = status.success().stdout;
                assert!(text.contains("not looked at"), "{text}");
                assert!(text.contains(&action), "no `{action}` in\n{text}");
            }
        }
    }
}

#[test]
fn the_document_shows_what_is_printed() {
    let Some(mut account) = Account::start() else {
        return;
    };
    replay(
        &mut account,
        "docs/status.md",
        |account, session| match session {
            1 => {
                account.add_instance();
                account.setup(&[]).success();
                account.deliver(GROUP);
            }
            2 => account.spoil(),
            3 => drop(account.setup(&[]).success()),
            4 => account.add_their_flow_log(),
            5 => account.delete_their_flow_logs(),
            _ => {}
        },
    );
}

/// The way out that `status` names leads out.
#[test]
fn what_status_says_helps() {
    let Some(mut account) = Account::start() else {
        return;
    };
    account.setup(&["--retention-days", "7"]).success();
    let well = account.status(&[]).success();
    assert!(well.stdout.contains("all is well"), "{}", well.stdout);

    for spoil in [
        Account::detach_policy,
        Account::distrust,
        Account::delete_role,
    ] {
        spoil(&mut account);
        let status = account.status(&["-o", "json"]).ends_with(1);
        let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!(
            (&status["healthy"], &status["problems"]),
            (&json!(false), &json!(1))
        );
        let fix = status["checks"][0]["fix"].as_str().unwrap();
        let command = fix.split('`').nth(1).unwrap();
        let command = command.strip_prefix("vpcflow ").unwrap();
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--yes");
        Outcome::of(&mut account.command(&arguments)).success();
        let mended = account.status(&[]).success();
        assert!(
            mended.stdout.contains("all is well"),
            "{fix}\n{}",
            mended.stdout
        );
    }
}

/// One that is over when the call is tried again; another one for each wire
/// protocol.
fn passing_failure(action: &str) -> Failure {
    match action.split_once(':').unwrap() {
        ("ec2", _) => Failure::Throttled,
        ("iam", _) => Failure::InternalError,
        _ => Failure::ConnectionLost,
    }
}

fn is_read(action: &str) -> bool {
    let (_, operation) = action.split_once(':').unwrap();
    ["Describe", "Get", "List"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}
