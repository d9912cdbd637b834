//! What becomes of the account, and what the user sees, when any call fails.

use std::collections::{BTreeSet, VecDeque};
use std::error::Error as _;
use std::fmt::Write as _;
use std::{env, fs};

use super::*;
use crate::fake_aws::{FakeAws, Fault, FlowLogState};
use crate::wish::{Fields, Interval, Wish, WishBuilder};

const ALWAYS: usize = usize::MAX;

fn account() -> FakeAws {
    FakeAws::new(&["vpc-0a", "subnet-0b"])
}

fn builder() -> WishBuilder {
    Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .resource("subnet-0b".parse().unwrap())
        .log_group("/flows")
        .retention_days(7)
}

fn wish() -> Wish {
    builder().build().unwrap()
}

async fn set_up(aws: &FakeAws, wish: &Wish, on_failure: OnFailure) -> Result<Applied> {
    let provisioner = aws.provisioner();
    let plan = Box::pin(provisioner.plan_setup(wish)).await?;
    Box::pin(provisioner.apply(&plan, on_failure, &mut |_| ())).await
}

/// The account without the ids of flow logs, which count on.
fn shape(aws: &FakeAws) -> Vec<String> {
    let without_id = |line: &String| match line.split_once(" of ") {
        Some((_, resource)) => format!("flow log of {resource}"),
        None => line.clone(),
    };
    let mut shape: Vec<String> = aws.inventory().iter().map(without_id).collect();
    shape.sort();
    shape
}

/// What the command line prints of an error.
fn printed(error: &Error) -> String {
    let mut text = format!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        write!(text, ": {cause}").unwrap();
        source = cause.source();
    }
    if let Some(aftermath) = error.aftermath() {
        write!(text, "\nnote: {aftermath}").unwrap();
    }
    if let Some(hint) = error.hint() {
        write!(text, "\nhint: {hint}").unwrap();
    }
    text
}

async fn complete() -> FakeAws {
    let aws = account();
    set_up(&aws, &wish(), OnFailure::TakeBack).await.unwrap();
    aws
}

fn is_reading(action: &str) -> bool {
    let name = action.split(':').nth(1).unwrap();
    ["Get", "List", "Describe"]
        .iter()
        .any(|verb| name.starts_with(verb))
}

#[tokio::test]
async fn planning_only_reads_and_a_second_run_writes_nothing() {
    let aws = account();
    aws.provisioner().plan_setup(&wish()).await.unwrap();
    assert!(aws.calls().iter().all(|action| is_reading(action)));
    let applied = set_up(&aws, &wish(), OnFailure::TakeBack).await.unwrap();
    assert_eq!((applied.changes, applied.flow_logs.len()), (6, 2));
    aws.forget_calls();
    let again = set_up(&aws, &wish(), OnFailure::TakeBack).await.unwrap();
    assert_eq!(again, Applied::default());
    assert!(aws.calls().iter().all(|action| is_reading(action)));
}

/// Every call of a set-up fails for good, in every way: a clear message, a clean
/// account, and the next run is complete.
#[tokio::test]
async fn any_failure_leaves_the_account_as_it_was() {
    let model = complete().await;
    let actions: BTreeSet<String> = model.calls().into_iter().collect();
    assert!(actions.len() >= 13, "{actions:?}");
    for action in &actions {
        for fault in [
            Fault::DENIED,
            Fault::Dropped,
            Fault::AnswerLost,
            Fault::Silent,
        ] {
            let aws = account();
            aws.fail(action, fault, ALWAYS);
            let error = set_up(&aws, &wish(), OnFailure::TakeBack)
                .await
                .unwrap_err();
            let text = printed(&error);
            assert!(text.contains(&format!("`{action}`")), "{action}: {text}");
            assert!(text.contains("hint: "), "{text}");
            assert_eq!(
                aws.inventory(),
                Vec::<String>::new(),
                "{action} {fault:?}: {text}"
            );

            aws.heal();
            set_up(&aws, &wish(), OnFailure::TakeBack).await.unwrap();
            assert_eq!(shape(&aws), shape(&model), "{action} {fault:?}");
        }
    }
}

/// One failure, which the SDK or this crate repeats, is none.
#[tokio::test]
async fn what_passes_is_no_failure() {
    let model = complete().await;
    let actions: BTreeSet<String> = model.calls().into_iter().collect();
    let throttled = Fault::Refused("ThrottlingException", "Rate exceeded");
    for action in &actions {
        for fault in [Fault::Dropped, Fault::AnswerLost, Fault::Silent, throttled] {
            let aws = account();
            aws.fail(action, fault, 1);
            let result = set_up(&aws, &wish(), OnFailure::TakeBack).await;
            result.unwrap_or_else(|error| panic!("{action} {fault:?}: {}", printed(&error)));
            assert_eq!(shape(&aws), shape(&model), "{action} {fault:?}");
        }
    }
}

/// The same failures with what was made kept: it is told by name.
#[tokio::test]
async fn what_is_kept_is_told_by_name() {
    let model = complete().await;
    let actions: BTreeSet<String> = model.calls().into_iter().collect();
    for action in actions.iter().filter(|action| !is_reading(action)) {
        for fault in [Fault::DENIED, Fault::AnswerLost] {
            let aws = account();
            aws.fail(action, fault, ALWAYS);
            let error = set_up(&aws, &wish(), OnFailure::Keep).await.unwrap_err();
            let Error::Step { aftermath, .. } = &error else {
                panic!("{error:?}");
            };
            let stands = aftermath.stands.iter();
            let kinds = |part: Part| stands.clone().filter(|s| s.part == part).count();
            let state = aws.state();
            let attached = state.roles.values().map(|role| role.attached.len());
            let counts = [
                (Part::Policy, state.policies.len()),
                (Part::Role, state.roles.len()),
                (
                    Part::Attachment,
                    attached.clone().filter(|count| *count > 0).count(),
                ),
                (Part::LogGroup, state.groups.len()),
                (Part::FlowLog, state.flow_logs.len()),
            ];
            for (part, count) in counts {
                assert_eq!(kinds(part), count, "{part}: {action} {fault:?} {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_denied_look_at_the_delivery_takes_everything_back() {
    let aws = account();
    aws.fail_after(1, "ec2:DescribeFlowLogs", Fault::DENIED, ALWAYS);
    let error = set_up(&aws, &wish(), OnFailure::TakeBack)
        .await
        .unwrap_err();
    assert!(printed(&error).contains("`ec2:DescribeFlowLogs`"));
    assert_eq!(aws.inventory(), Vec::<String>::new());
}

/// Somebody else sets up the same group meanwhile, and succeeds: what both use
/// is not taken from under them.
#[tokio::test]
async fn what_others_have_come_to_use_is_left() {
    let aws = account();
    let provisioner = aws.provisioner();
    let plan = provisioner.plan_setup(&wish()).await.unwrap();
    aws.fail("ec2:CreateFlowLogs", Fault::DENIED, ALWAYS);
    let mut on_progress = |progress: Progress<'_>| {
        if matches!(progress, Progress::Started { step, .. } if step.part == Part::FlowLog) {
            let other = FlowLogState {
                resource_id: "vpc-0c".to_owned(),
                log_group: "/flows".to_owned(),
                interval: "600".to_owned(),
                ..FlowLogState::default()
            };
            aws.state().flow_logs.insert("fl-other".to_owned(), other);
        }
    };
    let applying = Box::pin(provisioner.apply(&plan, OnFailure::TakeBack, &mut on_progress));
    let text = printed(&applying.await.unwrap_err());
    assert!(text.contains("fl-other delivers with it by now"), "{text}");
    let state = aws.state();
    assert_eq!((state.roles.len(), state.groups.len()), (1, 1));
}

/// Asked to end, a run takes back what it made, whether it acts or waits.
#[tokio::test]
async fn a_run_that_is_interrupted_is_taken_back() {
    for is_waiting in [false, true] {
        let aws = account();
        if is_waiting {
            aws.state().role_attempts = ALWAYS;
        }
        let provisioner = aws.provisioner();
        let plan = provisioner.plan_setup(&wish()).await.unwrap();
        let stop = provisioner.stop().clone();
        let mut on_progress = |progress: Progress<'_>| match progress {
            Progress::WaitingForRole { .. } => stop.cancel(),
            Progress::Started { number: 4, .. } if !is_waiting => stop.cancel(),
            _ => {}
        };
        let applying = Box::pin(provisioner.apply(&plan, OnFailure::TakeBack, &mut on_progress));
        let error = applying.await.unwrap_err();
        assert!(error.is_interrupted(), "{error:?}");
        assert_eq!(aws.inventory(), Vec::<String>::new());
    }
}

/// Deleting does not go back, and says how far it came.
#[tokio::test]
async fn a_teardown_that_fails_tells_what_is_gone() {
    let aws = complete().await;
    aws.fail("iam:DeleteRole", Fault::DENIED, ALWAYS);
    let provisioner = aws.provisioner();
    let plan = provisioner.plan_teardown("/flows", false).await.unwrap();
    let mut quiet = |_: Progress<'_>| ();
    let applying = Box::pin(provisioner.apply(&plan, OnFailure::Keep, &mut quiet));
    let text = printed(&applying.await.unwrap_err());
    assert!(text.contains("note: deleted: flow log `vpc-0a`"), "{text}");
}

#[tokio::test]
async fn a_replacement_is_there_before_the_old_one_goes() {
    let aws = complete().await;
    aws.forget_calls();
    let faster = builder().interval(Interval::OneMinute).build().unwrap();
    set_up(&aws, &faster, OnFailure::TakeBack).await.unwrap();
    let calls = aws.calls();
    let last_made = calls.iter().rposition(|call| call == "ec2:CreateFlowLogs");
    let first_gone = calls.iter().position(|call| call == "ec2:DeleteFlowLogs");
    assert!(last_made.unwrap() < first_gone.unwrap(), "{calls:?}");
    let flow_logs = aws.state().flow_logs.clone();
    let ids: Vec<&String> = flow_logs.keys().collect();
    assert_eq!(ids, ["fl-3", "fl-4"]);
}

/// Whatever fails, the old flow logs are there, or ones like them.
#[tokio::test]
async fn a_failed_replacement_leaves_the_old_ones() {
    for is_strict in [false, true] {
        let aws = complete().await;
        aws.state().takes_one_a_group = is_strict;
        let before = shape(&aws);
        aws.state().deliveries = VecDeque::from(vec!["Access error"; 30]);
        let faster = builder().interval(Interval::OneMinute).allow_gap(true);
        let faster = faster.build().unwrap();
        let error = set_up(&aws, &faster, OnFailure::TakeBack)
            .await
            .unwrap_err();
        assert_eq!(shape(&aws), before, "{error}");
        let mut flow_logs = aws.state().flow_logs.clone().into_values();
        assert!(flow_logs.all(|flow_log| flow_log.interval == "600"));
    }
}

/// What the user sees of each failure, in one page to read.
/// `UPDATE_DOCS=1` writes it.
#[tokio::test]
async fn each_failure_is_told_with_its_way_out() {
    let mut page = String::from(
        "# What a set-up says when it fails\n\nWritten by a test: each failure is injected into \
         an account in memory. Below each message is what the account has afterwards.\n",
    );
    for (title, inject, wish, on_failure) in scenes() {
        let aws = account();
        inject(&aws);
        let text = match set_up(&aws, &wish, on_failure).await {
            Ok(_) => "done".to_owned(),
            Err(error) => printed(&error),
        };
        let inventory = aws.inventory();
        let after = if inventory.is_empty() {
            "nothing".to_owned()
        } else {
            inventory.join("\n")
        };
        write!(
            page,
            "\n## {title}\n\n```text\n{text}\n```\n\n```text\n{after}\n```\n"
        )
        .unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/apply/failures.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(path, &page).unwrap();
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert!(
        page == expected,
        "UPDATE_DOCS=1 writes what is told now:\n{page}"
    );
}

type Scene = (&'static str, Box<dyn Fn(&FakeAws)>, Wish, OnFailure);

fn scenes() -> Vec<Scene> {
    let mut scenes: Vec<Scene> = Vec::new();
    let mut add = |title, wish: Wish, on_failure, inject: Box<dyn Fn(&FakeAws)>| {
        scenes.push((title, inject, wish, on_failure));
    };
    let back = OnFailure::TakeBack;
    let failing = |action: &'static str, fault| -> Box<dyn Fn(&FakeAws)> {
        Box::new(move |aws| aws.fail(action, fault, ALWAYS))
    };
    for (title, action) in [
        ("No permission to look", "iam:GetRole"),
        ("No permission to make the policy", "iam:CreatePolicy"),
        ("No permission to make the role", "iam:CreateRole"),
        ("No permission to attach the policy", "iam:AttachRolePolicy"),
        ("No permission to make the log group", "logs:CreateLogGroup"),
        (
            "No permission to set the retention",
            "logs:PutRetentionPolicy",
        ),
        ("No permission to make flow logs", "ec2:CreateFlowLogs"),
    ] {
        add(title, wish(), back, failing(action, Fault::DENIED));
    }
    let pass_role = Fault::Refused(
        "UnauthorizedOperation",
        "User: me is not authorized to perform: iam:PassRole on resource: role/vpcflow/r",
    );
    add(
        "No permission to pass the role",
        wish(),
        back,
        failing("ec2:CreateFlowLogs", pass_role),
    );
    add(
        "The same, with --keep-partial",
        wish(),
        OnFailure::Keep,
        failing("ec2:CreateFlowLogs", pass_role),
    );
    add(
        "No permission to take back what was made",
        wish(),
        back,
        Box::new(|aws| {
            aws.fail("ec2:CreateFlowLogs", Fault::DENIED, ALWAYS);
            aws.fail("iam:DeleteRole", Fault::DENIED, ALWAYS);
        }),
    );
    add(
        "A role that never becomes usable",
        wish(),
        back,
        Box::new(|aws| aws.state().role_attempts = ALWAYS),
    );
    let quota = Fault::Unsuccessful("FlowLogsLimitExceeded", "the limit of flow logs is reached");
    add(
        "A quota, told within a success",
        wish(),
        back,
        failing("ec2:CreateFlowLogs", quota),
    );
    let throttled = Fault::Refused("RequestLimitExceeded", "Request limit exceeded.");
    add(
        "Throttling without end",
        wish(),
        back,
        failing("ec2:CreateFlowLogs", throttled),
    );
    add(
        "No answer",
        wish(),
        back,
        failing("logs:CreateLogGroup", Fault::Silent),
    );
    add(
        "An answer that is lost",
        wish(),
        back,
        failing("iam:CreateRole", Fault::AnswerLost),
    );
    add(
        "A delivery that AWS has no access for",
        wish(),
        back,
        Box::new(|aws| aws.state().deliveries = VecDeque::from(vec!["Access error"; 30])),
    );
    let kms = Fault::Refused(
        "InvalidParameterException",
        "The specified KMS key does not exist or is not allowed to be used",
    );
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b";
    let encrypted = builder().kms_key(key).build().unwrap();
    add(
        "A KMS key that may not be used",
        encrypted,
        back,
        failing("logs:CreateLogGroup", kms),
    );
    let named: vpcflow_record::Format =
        vpcflow_record::Format::parse("srcaddr ecs-task-id").unwrap();
    add(
        "ECS fields that the account cannot have, by name",
        builder().fields(named).build().unwrap(),
        back,
        Box::new(|aws| aws.state().lacks_ecs = true),
    );
    let all: Fields = "all".parse().unwrap();
    add(
        "ECS fields that the account cannot have, of a set",
        builder().fields(all).build().unwrap(),
        back,
        Box::new(|aws| aws.state().lacks_ecs = true),
    );
    let faster = |allow_gap| {
        let wish = builder().interval(Interval::OneMinute).allow_gap(allow_gap);
        wish.build().unwrap()
    };
    let strict = |aws: &FakeAws| {
        aws.state().takes_one_a_group = true;
        put_old_flow_log(aws);
    };
    add(
        "A replacement that clashes",
        faster(false),
        back,
        Box::new(strict),
    );
    add(
        "The same, with --allow-gap",
        faster(true),
        back,
        Box::new(strict),
    );
    add(
        "A replacement that cannot be made after the old one gave way",
        faster(true),
        back,
        Box::new(move |aws| {
            strict(aws);
            aws.fail_after(1, "ec2:CreateFlowLogs", Fault::DENIED, 1);
        }),
    );
    add(
        "A resource that does not exist",
        Wish::builder()
            .resource("vpc-0dead".parse().unwrap())
            .build()
            .unwrap(),
        back,
        Box::new(|_| ()),
    );
    scenes
}

/// A flow log of an earlier set-up, of another interval.
fn put_old_flow_log(aws: &FakeAws) {
    let tag = ("vpcflow:managed-by".to_owned(), "vpcflow".to_owned());
    let old = FlowLogState {
        resource_id: "vpc-0a".to_owned(),
        log_group: "/flows".to_owned(),
        role_arn: "arn:aws:iam::123456789012:role/vpcflow/vpcflow-delivery-flows-0".to_owned(),
        traffic: "ALL".to_owned(),
        interval: "600".to_owned(),
        log_format: String::new(),
        tags: [tag].into(),
    };
    let mut state = aws.state();
    let role = crate::fake_aws::RoleState {
        arn: old.role_arn.clone(),
        ..crate::fake_aws::RoleState::default()
    };
    state
        .roles
        .insert("vpcflow-delivery-flows-0".to_owned(), role);
    state.flow_logs.insert("fl-old".to_owned(), old);
}
