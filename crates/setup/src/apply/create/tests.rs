use super::*;
use crate::flow_logs::Settings;
use crate::resource::ResourceKind;
use crate::script::{Script, ec2_answer, ec2_error};
use crate::tags::Tags;
use crate::wish::{Interval, Traffic};

const ROLE: &str = "arn:aws:iam::123456789012:role/r";

fn request(ids: &[&str]) -> FlowLogRequest {
    FlowLogRequest {
        kind: ResourceKind::Vpc,
        resource_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        settings: Settings {
            log_group: "/flows".to_owned(),
            traffic: Traffic::All,
            interval: Interval::TenMinutes,
            format: vpcflow_record::Format::default(),
        },
        role_arn: ROLE.to_owned(),
        tags: Tags::default(),
    }
}

fn created(ids: &[&str], refusals: &[(&str, &str, &str)]) -> (u16, String) {
    let ids: String = ids.iter().map(|id| format!("<item>{id}</item>")).collect();
    let refusals: String = refusals
        .iter()
        .map(|(id, code, message)| {
            format!(
                "<item><resourceId>{id}</resourceId><error><code>{code}</code>\
                 <message>{message}</message></error></item>"
            )
        })
        .collect();
    let content =
        format!("<flowLogIdSet>{ids}</flowLogIdSet><unsuccessful>{refusals}</unsuccessful>");
    ec2_answer("CreateFlowLogs", &content)
}

fn described(flow_logs: &[(&str, &str, &str)]) -> (u16, String) {
    let items: String = flow_logs
        .iter()
        .map(|(id, resource_id, traffic)| {
            format!(
                "<item><flowLogId>{id}</flowLogId><resourceId>{resource_id}</resourceId>\
                 <logGroupName>/flows</logGroupName><trafficType>{traffic}</trafficType>\
                 <deliverLogsPermissionArn>{ROLE}</deliverLogsPermissionArn></item>"
            )
        })
        .collect();
    ec2_answer(
        "DescribeFlowLogs",
        &format!("<flowLogSet>{items}</flowLogSet>"),
    )
}

fn role_not_ready() -> (u16, String) {
    ec2_error(
        "InvalidParameter",
        "Unable to assume given IAM role: 'arn:aws:iam::1:role/r'",
    )
}

fn already_exists() -> (u16, String) {
    ec2_error("FlowLogAlreadyExists", "There is an existing Flow Log")
}

async fn create(script: &Script, ids: &[&str]) -> Result<Vec<String>> {
    script
        .provisioner()
        .create_flow_logs(&request(ids), &mut |_| ())
        .await
}

fn refused_ids(result: Result<Vec<String>>) -> Vec<String> {
    match result {
        Err(Error::FlowLogs { refusals }) => refusals.into_iter().map(|r| r.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn waits_for_a_role_that_is_too_new() {
    let answers = [role_not_ready(), role_not_ready(), created(&["fl-1"], &[])];
    let script = Script::start(answers).await;
    let mut waits = 0;
    let mut on_progress = |progress: Progress<'_>| {
        assert!(matches!(progress, Progress::WaitingForRole { .. }));
        waits += 1;
    };
    let provisioner = script.provisioner();
    let ids = provisioner
        .create_flow_logs(&request(&["vpc-1"]), &mut on_progress)
        .await;
    assert_eq!(ids.unwrap(), ["fl-1"]);
    assert_eq!((waits, script.requests().len()), (2, 3));
}

#[tokio::test]
async fn waits_only_for_the_resources_that_have_to() {
    let refusal = ("vpc-2", "400", "Unable to assume given IAM role");
    let answers = [created(&["fl-1"], &[refusal]), created(&["fl-2"], &[])];
    let script = Script::start(answers).await;
    assert_eq!(
        create(&script, &["vpc-1", "vpc-2"]).await.unwrap(),
        ["fl-1", "fl-2"]
    );
    assert!(script.requests()[1].contains("ResourceId.1=vpc-2"));
    assert!(!script.requests()[1].contains("vpc-1"));
}

#[tokio::test]
async fn does_not_wait_for_ever() {
    let script = Script::start(std::iter::repeat_with(role_not_ready).take(20)).await;
    let error = create(&script, &["vpc-1"]).await.unwrap_err();
    assert!(matches!(error, Error::RoleNotAssumable { .. }), "{error}");
    assert!(error.hint().unwrap().contains("repeat"));
}

#[tokio::test]
async fn refusals_within_a_success_are_failures() {
    let refusal = ("vpc-2", "FlowLogsLimitExceeded", "too many");
    let script = Script::start([created(&["fl-1"], &[refusal])]).await;
    let error = create(&script, &["vpc-1", "vpc-2"]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "AWS refused 1 flow log: `vpc-2` with `FlowLogsLimitExceeded`: too many"
    );
    assert!(error.hint().unwrap().contains("delete flow logs"));
}

#[tokio::test]
async fn what_exists_as_wanted_is_done() {
    let refusal = ("vpc-2", "FlowLogAlreadyExists", "exists");
    let answers = [
        created(&["fl-1"], &[refusal]),
        described(&[("fl-9", "vpc-2", "ALL")]),
    ];
    let script = Script::start(answers).await;
    assert_eq!(
        create(&script, &["vpc-1", "vpc-2"]).await.unwrap(),
        ["fl-1"]
    );
}

#[tokio::test]
async fn what_exists_otherwise_is_refused() {
    let answers = [already_exists(), described(&[("fl-9", "vpc-1", "REJECT")])];
    let script = Script::start(answers).await;
    assert_eq!(refused_ids(create(&script, &["vpc-1"]).await), ["vpc-1"]);
}

/// The flow log that is to be replaced for its role is not its replacement.
#[tokio::test]
async fn what_exists_with_another_role_is_refused() {
    let (status, text) = described(&[("fl-9", "vpc-1", "ALL")]);
    let other_role = (
        status,
        text.replace(ROLE, "arn:aws:iam::123456789012:role/other"),
    );
    let script = Script::start([already_exists(), other_role]).await;
    assert_eq!(refused_ids(create(&script, &["vpc-1"]).await), ["vpc-1"]);
}

/// Refused as a whole because one of two exists: the other one is tried again.
#[tokio::test]
async fn the_others_of_a_refused_call_are_tried_again() {
    let answers = [
        already_exists(),
        described(&[("fl-9", "vpc-1", "ALL")]),
        created(&["fl-2"], &[]),
    ];
    let script = Script::start(answers).await;
    assert_eq!(
        create(&script, &["vpc-1", "vpc-2"]).await.unwrap(),
        ["fl-2"]
    );
}

#[tokio::test]
async fn an_existing_flow_log_that_cannot_be_seen_ends_the_attempts() {
    let script = Script::start([already_exists(), described(&[])]).await;
    assert_eq!(refused_ids(create(&script, &["vpc-1"]).await), ["vpc-1"]);
}

#[tokio::test]
async fn a_default_format_is_left_to_aws() {
    let script = Script::start([created(&["fl-1"], &[])]).await;
    create(&script, &["vpc-1"]).await.unwrap();
    let sent = &script.requests()[0];
    assert!(
        !sent.contains("LogFormat") && !sent.contains("ClientToken"),
        "{sent}"
    );
    assert!(sent.contains("MaxAggregationInterval=600") && sent.contains("TrafficType=ALL"));
}
