use super::*;
use crate::model::World;
use crate::wish::Wish;

const NOW_MS: i64 = 1_700_000_000_000;

fn status() -> Status {
    let wish = Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .log_group("/flows")
        .build();
    let world = World::with(&wish.unwrap());
    let interface = |id: &str, is_in_use| Interface {
        id: id.to_owned(),
        vpc_id: "vpc-0a".to_owned(),
        subnet_id: "subnet-0a".to_owned(),
        description: "web".to_owned(),
        is_in_use,
        attached_ms: None,
    };
    let group = LogGroupStatus {
        name: "/flows".to_owned(),
        existing: Sight::Seen(world.log_groups[0].clone()),
        is_managed: Some(true),
        streams: Some(Streams {
            count: 2,
            has_more: false,
            interfaces: ["eni-0a".to_owned()].into(),
            newest_event_ms: Some(NOW_MS - 200_000),
            newest_ingestion_ms: None,
        }),
        interfaces: Some(vec![interface("eni-0a", true), interface("eni-0b", false)]),
    };
    let flow_log = world.flow_logs[0].id.clone();
    Status {
        account: world.account,
        now_ms: NOW_MS,
        flow_logs: world.flow_logs,
        log_groups: vec![group],
        checks: vec![
            Check::problem(Topic::Trust, "r", "trusts nobody", "let it trust"),
            Check::ok(Topic::Delivery, &flow_log, "AWS sees no trouble"),
            Check::ok(Topic::Delivery, "fl-2", "AWS sees no trouble"),
            Check::ok(Topic::Formats, "/flows", "one format"),
        ],
        unseen: vec![Unseen {
            action: "iam:GetPolicy",
            about: "what the delivery roles may do",
        }],
    }
}

#[test]
fn is_shown_with_what_is_wrong_last() {
    let mut status = status();
    status.flow_logs[0].role_arn = Some("arn:aws:iam::123456789012:role/vpcflow/r".to_owned());
    let expected = "\
account 123456789012, region eu-west-1

log group /flows
  made by         vpcflow
  retention       30 days
  class           standard
  encryption      CloudWatch Logs' own
  stored          0 bytes (hours old)
  streams         2
  newest record   2023-11-14T22:10:00Z, 3 min ago
  newest arrival  none yet
  interfaces      2 watched, 1 in use, 1 with a stream

  FLOW LOG  RESOURCE  TRAFFIC  INTERVAL  FORMAT   ROLE  DELIVERY  MADE BY
  fl-1      vpc-0a    all      600 s     default  r     success   vpcflow

checks
  problem: trust of r: trusts nobody
    fix: let it trust
  ok: delivery, formats

not looked at, as the caller may not
  iam:GetPolicy  what the delivery roles may do

1 flow log, 1 problem
";
    assert_eq!(status.to_string(), expected);
    assert!(!status.is_healthy());

    status.checks.remove(0);
    assert!(status.to_string().ends_with("\n1 flow log, all is well\n"));
    assert!(status.is_healthy());
    let warning = Check::warning(Topic::Retention, "/flows", "for ever", "set one");
    status.checks.push(warning);
    assert!(status.to_string().ends_with("\n1 flow log, 1 warning\n"));
    assert!(status.is_healthy(), "a warning is no problem");
}

#[test]
fn programs_get_the_same_and_more() {
    let json = status().to_json();
    assert_eq!(json["healthy"], false);
    assert_eq!(json["time"], "2023-11-14T22:13:20Z");
    assert_eq!(json["flow_logs"][0]["delivery_status"], "SUCCESS");
    assert_eq!(json["flow_logs"][0]["managed"], true);
    let group = &json["log_groups"][0];
    assert_eq!(group["retention_days"], 30);
    assert_eq!(group["newest_record"], "2023-11-14T22:10:00Z");
    assert_eq!(group["newest_arrival"], Value::Null);
    let interfaces = group["interfaces"].as_array().unwrap();
    let has_stream: Vec<&Value> = interfaces.iter().map(|it| &it["has_stream"]).collect();
    assert_eq!(has_stream, [&Value::Bool(true), &Value::Bool(false)]);
    assert_eq!(json["checks"][0]["verdict"], "problem");
    assert_eq!(json["not_seen"][0]["action"], "iam:GetPolicy");
}

#[test]
fn a_stream_tells_its_interface() {
    for (name, interface) in [
        ("eni-0c19436730cc350ae-all", Some("eni-0c19436730cc350ae")),
        ("eni-0a-accept", Some("eni-0a")),
        ("eni-0a-reject", Some("eni-0a")),
        ("eni-0a", Some("eni-0a")),
        ("eni-0a-other", None),
        ("eni--all", None),
        ("tgw-attach-0a-all", None),
        ("", None),
    ] {
        assert_eq!(interface_of_stream(name), interface, "{name}");
    }
}
