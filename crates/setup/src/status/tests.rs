use super::*;
use crate::model::World;
use crate::tags::Tags;
use crate::wish::Wish;

fn status() -> Status {
    let wish = Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .log_group("/flows")
        .build();
    let world = World::with(&wish.unwrap());
    let contents = LogGroupContents {
        log_group: world.log_groups[0].clone(),
        streams: 2,
        has_more_streams: false,
        newest_event_ms: Some(1_700_000_000_000),
        newest_ingestion_ms: None,
    };
    let group = LogGroupStatus {
        name: "/flows".to_owned(),
        existing: Some(contents),
    };
    Status {
        account: world.account,
        flow_logs: world.flow_logs,
        log_groups: vec![group],
    }
}

#[test]
fn healthy_means_that_something_delivers_and_nothing_fails() {
    assert!(status().is_healthy());

    let mut nothing = status();
    nothing.flow_logs.clear();
    assert!(!nothing.is_healthy());
    assert!(nothing.to_string().ends_with("no flow log delivers here\n"));

    let mut failing = status();
    failing.flow_logs[0].delivery = Delivery::Fails {
        reason: "Access error".to_owned(),
    };
    assert!(!failing.is_healthy());
    assert!(failing.to_string().contains("delivery fails: Access error"));
    assert!(failing.to_string().ends_with("1 flow log, 1 failing\n"));

    let mut homeless = status();
    homeless.log_groups[0].existing = None;
    assert!(!homeless.is_healthy());
    assert!(
        homeless
            .to_string()
            .ends_with("1 flow log, but 1 log group missing\n")
    );

    let mut silent = status();
    silent.flow_logs[0].delivery = Delivery::Unknown;
    assert!(silent.is_healthy());
}

#[test]
fn is_shown_in_columns() {
    let mut status = status();
    status.flow_logs[0].role_arn = Some("arn:aws:iam::123456789012:role/vpcflow/r".to_owned());
    let text = status.to_string();
    let expected = "\
account 123456789012, region eu-west-1

log group /flows
  managed         by vpcflow
  retention       30 days
  stored          0 bytes (hours old)
  streams         2
  newest event    2023-11-14T22:13:20Z (may lag by an hour)
  newest arrival  none yet
  fl-1  vpc-0a  all  600 s, default fields  role r  delivery succeeds

1 flow log, none failing
";
    assert_eq!(text, expected);

    status.flow_logs[0].tags = Tags::default();
    assert!(
        status
            .to_string()
            .contains("delivery succeeds  not by vpcflow\n")
    );
}
