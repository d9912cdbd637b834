use std::collections::VecDeque;

use super::*;
use crate::account::Account;
use crate::fake_aws::{FakeAws, Fault, FlowLogState, RoleState};
use crate::flow_logs::{Destination, Settings};
use crate::resource::ResourceKind;
use crate::tags::Tags;
use crate::wish::{Interval, Traffic};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

/// An account with a role, and two VPCs to watch.
fn account() -> FakeAws {
    let aws = FakeAws::new(&["vpc-1", "vpc-2"]);
    let role = RoleState {
        arn: ROLE.to_owned(),
        ..RoleState::default()
    };
    aws.state().roles.insert("r".to_owned(), role);
    aws
}

/// A flow log that is there already.
fn put(aws: &FakeAws, id: &str, resource_id: &str, traffic: &str, role_arn: &str) {
    let flow_log = FlowLogState {
        resource_id: resource_id.to_owned(),
        log_group: "/flows".to_owned(),
        role_arn: role_arn.to_owned(),
        traffic: traffic.to_owned(),
        interval: "600".to_owned(),
        ..FlowLogState::default()
    };
    aws.state().flow_logs.insert(id.to_owned(), flow_log);
}

fn request(ids: &[&str]) -> FlowLogRequest {
    FlowLogRequest {
        kind: ResourceKind::Vpc,
        resource_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        settings: Settings {
            destination: Destination::LogGroup("/flows".to_owned()),
            traffic: Traffic::All,
            interval: Interval::TenMinutes,
            format: vpcflow_record::Format::default(),
            format_without_ecs: None,
            tag_fields: Vec::new(),
        },
        role_arn: ROLE.to_owned(),
        tags: Tags::default(),
        known_ids: Vec::new(),
        gives_way: Vec::new(),
    }
}

/// What became of a request: its result, the ids made, the lines of progress.
async fn create(aws: &FakeAws, request: &FlowLogRequest) -> (Result<()>, Vec<String>, Vec<String>) {
    let caller = "arn:aws:iam::123456789012:user/me";
    let account = Account::of_caller(caller, "123456789012", "eu-west-1").unwrap();
    let mut run = Run::new(&account);
    let mut lines = Vec::new();
    let mut on_progress = |progress: Progress<'_>| {
        let line = format!("{progress:?}");
        lines.push(line.split([' ', '{']).next().unwrap().to_owned());
    };
    let provisioner = aws.provisioner();
    let result = Box::pin(provisioner.create_flow_logs(request, &mut run, &mut on_progress)).await;
    let made = run.made.iter().map(Made::name).collect();
    (result, made, lines)
}

fn refused_ids(result: Result<()>) -> Vec<String> {
    match result {
        Err(Error::FlowLogs { refusals }) => refusals.into_iter().map(|r| r.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn waits_for_a_role_that_is_too_new() {
    let aws = account();
    aws.state().role_attempts = 2;
    let (result, made, lines) = create(&aws, &request(&["vpc-1"])).await;
    result.unwrap();
    assert_eq!(made, ["fl-1"]);
    assert_eq!(lines, ["WaitingForRole", "WaitingForRole"]);
}

#[tokio::test]
async fn does_not_wait_for_ever() {
    let aws = account();
    aws.state().role_attempts = usize::MAX;
    let (result, _, _) = create(&aws, &request(&["vpc-1"])).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("the role `{ROLE}` still cannot be assumed after 180 s")
    );
    assert!(error.hint().unwrap().contains("repeat"));
}

#[tokio::test]
async fn refusals_within_a_success_are_failures() {
    let aws = account();
    let (result, made, _) = create(&aws, &request(&["vpc-1", "vpc-9"])).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS refused 1 flow log: `vpc-9` with `InvalidVpcID.NotFound`: no such id"
    );
    assert_eq!(made, ["fl-1"], "the other one is known to be made");
}

#[tokio::test]
async fn throttled_items_are_tried_again_and_in_the_end_refused() {
    let aws = account();
    let throttled = Fault::Unsuccessful("RequestLimitExceeded", "Request limit exceeded.");
    aws.fail("ec2:CreateFlowLogs", throttled, 2);
    let (result, made, lines) = create(&aws, &request(&["vpc-1"])).await;
    result.unwrap();
    assert_eq!((made.len(), lines), (1, vec!["Throttled".to_owned(); 2]));

    aws.fail("ec2:CreateFlowLogs", throttled, usize::MAX);
    let (result, _, _) = create(&aws, &request(&["vpc-2"])).await;
    let error = result.unwrap_err();
    assert!(error.hint().unwrap().contains("throttling"), "{error}");
}

#[tokio::test]
async fn what_exists_as_wanted_is_done() {
    let aws = account();
    put(&aws, "fl-9", "vpc-2", "ALL", ROLE);
    let mut request = request(&["vpc-1", "vpc-2"]);
    request.known_ids = vec!["fl-9".to_owned()];
    let (result, made, _) = create(&aws, &request).await;
    result.unwrap();
    assert_eq!(made, ["fl-1"]);
}

/// AWS made it, but its answer was lost, so the SDK asked again.
#[tokio::test]
async fn what_an_unanswered_attempt_made_counts_as_made() {
    let aws = account();
    aws.fail("ec2:CreateFlowLogs", Fault::AnswerLost, 1);
    let (result, made, _) = create(&aws, &request(&["vpc-1"])).await;
    result.unwrap();
    assert_eq!(made, ["fl-1"]);
}

#[tokio::test]
async fn what_exists_otherwise_is_refused() {
    let aws = account();
    aws.state().takes_one_a_group = true;
    put(&aws, "fl-9", "vpc-1", "REJECT", ROLE);
    let (result, made, _) = create(&aws, &request(&["vpc-1"])).await;
    let error = result.unwrap_err();
    assert!(error.hint().unwrap().contains("--allow-gap"), "{error}");
    assert_eq!(refused_ids(Err(error)), ["vpc-1"]);
    assert_eq!(made, Vec::<String>::new());
}

/// The flow log that is to be replaced for its role is not its replacement.
#[tokio::test]
async fn what_exists_with_another_role_is_refused() {
    let aws = account();
    put(
        &aws,
        "fl-9",
        "vpc-1",
        "ALL",
        "arn:aws:iam::123456789012:role/other",
    );
    let (result, _, _) = create(&aws, &request(&["vpc-1"])).await;
    assert_eq!(refused_ids(result), ["vpc-1"]);
}

#[tokio::test]
async fn an_old_one_gives_way_where_it_may() {
    let aws = account();
    aws.state().takes_one_a_group = true;
    put(&aws, "fl-9", "vpc-1", "REJECT", ROLE);
    let old = aws
        .provisioner()
        .flow_logs_of_group("/flows")
        .await
        .unwrap();
    let mut request = request(&["vpc-1"]);
    request.gives_way = old;
    let (result, made, lines) = create(&aws, &request).await;
    result.unwrap();
    assert_eq!(
        (made, lines),
        (vec!["fl-1".to_owned()], vec!["GivesWay".to_owned()])
    );
    assert_eq!(aws.state().flow_logs.len(), 1);
}

/// Refused as a whole because one of two exists: the other one is tried again.
#[tokio::test]
async fn the_others_of_a_refused_call_are_tried_again() {
    let aws = account();
    put(&aws, "fl-9", "vpc-1", "ALL", ROLE);
    let exists = Fault::Refused("FlowLogAlreadyExists", "There is an existing Flow Log");
    aws.fail("ec2:CreateFlowLogs", exists, 1);
    let (result, made, _) = create(&aws, &request(&["vpc-1", "vpc-2"])).await;
    result.unwrap();
    assert!(made.contains(&"fl-1".to_owned()), "{made:?}");
}

#[tokio::test]
async fn an_existing_flow_log_that_cannot_be_seen_ends_the_attempts() {
    let aws = account();
    let exists = Fault::Unsuccessful("FlowLogAlreadyExists", "There is an existing Flow Log");
    aws.fail("ec2:CreateFlowLogs", exists, usize::MAX);
    let (result, _, _) = create(&aws, &request(&["vpc-1"])).await;
    assert_eq!(refused_ids(result), ["vpc-1"]);
}

#[tokio::test]
async fn fields_that_the_account_cannot_have_are_left_out() {
    let aws = account();
    aws.state().lacks_ecs = true;
    let mut request = request(&["vpc-1", "vpc-2"]);
    request.settings.format = vpcflow_record::Format::up_to_version(7);
    let (result, ..) = create(&aws, &request).await;
    assert!(result.unwrap_err().hint().unwrap().contains("ecs-*"));

    request.settings.format_without_ecs = Some(vpcflow_record::Format::up_to_version(5));
    let (result, made, lines) = create(&aws, &request).await;
    result.unwrap();
    assert_eq!((made.len(), lines), (2, vec!["FieldsLeftOut".to_owned()]));
    let mut flow_logs = aws.state().flow_logs.clone().into_values();
    assert!(flow_logs.all(|flow_log| !flow_log.log_format.contains("ecs-")));
}

#[tokio::test]
async fn success_is_told_only_after_aws_was_asked_how_it_delivers() {
    let aws = account();
    aws.state().deliveries = VecDeque::from(["", "Access error", "SUCCESS"]);
    let (result, _, lines) = create(&aws, &request(&["vpc-1"])).await;
    result.unwrap();
    assert_eq!(lines, ["WaitingForDelivery", "WaitingForDelivery"]);

    aws.state().deliveries = VecDeque::from(vec!["Access error"; 30]);
    let (result, ..) = create(&aws, &request(&["vpc-2"])).await;
    let error = result.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS created flow log `fl-2` of `vpc-2`, but says `Access error`"
    );
}

/// What passes by itself, or says nothing, is told and is no failure.
#[tokio::test]
async fn only_missing_access_fails_a_set_up() {
    for word in ["Rate limited", ""] {
        let aws = account();
        aws.state().deliveries = VecDeque::from(vec![word; 30]);
        let (result, made, lines) = create(&aws, &request(&["vpc-1"])).await;
        result.unwrap();
        assert_eq!(made, ["fl-1"]);
        assert!(!lines.is_empty(), "{word}");
    }
}

#[tokio::test]
async fn a_default_format_is_left_to_aws() {
    let aws = account();
    create(&aws, &request(&["vpc-1"])).await.0.unwrap();
    let flow_log = aws.state().flow_logs["fl-1"].clone();
    assert_eq!(flow_log.log_format, "");
    assert_eq!(
        (flow_log.interval, flow_log.traffic),
        ("600".into(), "ALL".into())
    );
}
