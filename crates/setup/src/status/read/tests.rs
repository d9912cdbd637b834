use super::*;
use crate::fake_aws::FakeAws;
use crate::status::Streams;
use crate::wish::Wish;
use crate::{OnFailure, Topic, Verdict};

const GROUP: &str = "/flows";
const NOW_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;

/// An account in which the flow logs of a VPC have been set up.
async fn set_up() -> FakeAws {
    let aws = FakeAws::new(&["vpc-0a"]);
    let wish = Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .log_group(GROUP)
        .build()
        .unwrap();
    let provisioner = aws.provisioner();
    let plan = provisioner.plan_setup(&wish).await.unwrap();
    let applied = provisioner
        .apply(&plan, OnFailure::TakeBack, &mut |_| {})
        .await;
    applied.unwrap();
    aws
}

async fn status(aws: &FakeAws) -> Status {
    let status = aws.provisioner().status(&[GROUP.to_owned()], NOW_MS).await;
    status.unwrap()
}

fn stream(name: &str, newest_ms: i64) -> String {
    format!(r#"{{"logStreamName": "{name}", "lastEventTimestamp": {newest_ms}}}"#)
}

fn streams(status: &Status) -> &Streams {
    status.log_groups[0].streams.as_ref().unwrap()
}

#[tokio::test]
async fn streams_are_counted_over_all_pages() {
    let aws = set_up().await;
    let pages = [
        format!(
            r#"{{"logStreams": [{}, {}], "nextToken": "more"}}"#,
            stream("eni-0a-all", NOW_MS - 60_000),
            stream("something-else", NOW_MS - 120_000)
        ),
        format!(
            r#"{{"logStreams": [{}]}}"#,
            stream("eni-0b-all", NOW_MS - HOUR_MS)
        ),
    ];
    aws.answer_with("logs:DescribeLogStreams", &[&pages[0], &pages[1]]);
    let status = status(&aws).await;
    let expected = Streams {
        count: 3,
        has_more: false,
        interfaces: ["eni-0a", "eni-0b"].map(str::to_owned).into(),
        newest_event_ms: Some(NOW_MS - 60_000),
        newest_ingestion_ms: None,
    };
    assert_eq!(streams(&status), &expected);
    assert!(!aws.calls().contains(&"logs:FilterLogEvents".to_owned()));
    assert!(status.is_healthy(), "{status}");
}

/// What a stream says of its newest event lags behind.
#[tokio::test]
async fn events_are_asked_for_where_streams_look_late() {
    let late = format!(
        r#"{{"logStreams": [{}]}}"#,
        stream("eni-0a-all", NOW_MS - 2 * HOUR_MS)
    );
    let event_ms = NOW_MS - 600_000;
    let event = format!(
        r#"{{"events": [{{"timestamp": {event_ms}, "ingestionTime": {NOW_MS}, "message": "m"}}]}}"#
    );
    let aws = set_up().await;
    aws.answer_with("logs:DescribeLogStreams", &[&late]);
    let pages = [r#"{"events": [], "nextToken": "more"}"#, &event];
    aws.answer_with("logs:FilterLogEvents", &pages);
    let found = status(&aws).await;
    assert_eq!(streams(&found).newest_event_ms, Some(event_ms));
    assert!(found.is_healthy(), "{found}");

    let aws = set_up().await;
    aws.answer_with("logs:DescribeLogStreams", &[&late]);
    aws.answer_with("logs:FilterLogEvents", &[r#"{"events": []}"#]);
    let silent = status(&aws).await;
    let freshness = silent.checks.iter().find(|it| it.topic == Topic::Freshness);
    assert_eq!(
        freshness.unwrap().finding,
        "the newest record is 2 h old, and no interface is in use"
    );
}

/// A role of another account cannot be looked at, which is no fault of it.
#[tokio::test]
async fn roles_of_other_accounts_are_left_out() {
    let aws = set_up().await;
    aws.answer_with("logs:DescribeLogStreams", &[r#"{"logStreams": []}"#]);
    for flow_log in aws.state().flow_logs.values_mut() {
        flow_log.role_arn = "arn:aws:iam::210987654321:role/theirs".to_owned();
    }
    let status = status(&aws).await;
    assert_eq!(
        status.unseen[0].about,
        "the delivery roles of other accounts"
    );
    let is_of_role = |it: &&crate::Check| it.topic == Topic::Role;
    assert_eq!(status.checks.iter().find(is_of_role), None);
    let worst = status.checks.iter().map(|check| check.verdict).min();
    assert_ne!(worst, Some(Verdict::Problem), "{status}");
}
