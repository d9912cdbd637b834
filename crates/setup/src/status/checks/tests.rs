use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::{Interface, RoleFacts, Sight, Streams, Topic, Verdict};
use super::*;
use crate::flow_logs::Delivery;
use crate::log_class::LogClass;
use crate::model::World;
use crate::tags::Tags;
use crate::wish::{Wish, WishBuilder};

const GROUP: &str = "/flows";
const NOW_MS: i64 = 1_700_000_000_000;
const MINUTE_MS: i64 = 60_000;

fn wish(resource: &str) -> WishBuilder {
    Wish::builder()
        .resource(resource.parse().unwrap())
        .log_group(GROUP)
}

/// A set-up of a VPC that has done well for a day: one interface in use, whose
/// newest record is of three minutes ago.
fn facts() -> Facts {
    facts_of(&wish("vpc-0a").build().unwrap())
}

fn facts_of(wish: &Wish) -> Facts {
    let mut world = World::with(wish);
    for flow_log in &mut world.flow_logs {
        flow_log.created_ms = Some(NOW_MS - 24 * 60 * MINUTE_MS);
    }
    let documents = world.policies.iter().map(|policy| policy.document.clone());
    let role = RoleFacts {
        is_managed: true,
        trust: world.roles[0].trust.clone(),
        policies: Some(documents.collect()),
        boundary: None,
    };
    let interface = Interface {
        id: "eni-0a".to_owned(),
        vpc_id: "vpc-0a".to_owned(),
        subnet_id: "subnet-0a".to_owned(),
        description: String::new(),
        is_in_use: true,
        attached_ms: None,
    };
    let streams = Streams {
        count: 1,
        interfaces: [interface.id.clone()].into(),
        newest_event_ms: Some(NOW_MS - 5 * MINUTE_MS),
        newest_ingestion_ms: Some(NOW_MS - 3 * MINUTE_MS),
        has_more: false,
    };
    let group = LogGroupStatus {
        name: GROUP.to_owned(),
        existing: Sight::Seen(world.log_groups[0].clone()),
        is_managed: Some(true),
        streams: Some(streams),
        interfaces: Some(vec![interface.clone()]),
    };
    Facts {
        account: world.account,
        now_ms: NOW_MS,
        asked: vec![GROUP.to_owned()],
        all_flow_logs: Some(world.flow_logs.clone()),
        flow_logs: world.flow_logs,
        log_groups: vec![group],
        roles: BTreeMap::from([(world.roles[0].arn.clone(), Sight::Seen(role))]),
        interfaces: Some(BTreeMap::from([(interface.id.clone(), interface)])),
        subnets: Some(BTreeMap::from([(
            "subnet-0a".to_owned(),
            "vpc-0a".to_owned(),
        )])),
        own_roles: vec![(world.roles[0].name.clone(), GROUP.to_owned())],
    }
}

impl Facts {
    fn role(&mut self) -> &mut RoleFacts {
        match self.roles.values_mut().next() {
            Some(Sight::Seen(role)) => role,
            other => panic!("{other:?}"),
        }
    }

    fn group(&mut self) -> &mut crate::observe::LogGroup {
        match &mut self.log_groups[0].existing {
            Sight::Seen(group) => group,
            other => panic!("{other:?}"),
        }
    }

    fn streams(&mut self) -> &mut Streams {
        self.log_groups[0].streams.as_mut().unwrap()
    }

    /// One more flow log like the first, of another resource.
    fn add_flow_log(&mut self, id: &str, resource_id: &str) -> &mut FlowLog {
        let all = self.all_flow_logs.as_mut().unwrap();
        let mut flow_log = all[0].clone();
        flow_log.id = id.to_owned();
        flow_log.resource_id = resource_id.to_owned();
        all.push(flow_log);
        all.last_mut().unwrap()
    }
}

/// Asserts that there is nothing but one finding, and returns it.
#[track_caller]
fn only(facts: &Facts, verdict: Verdict, topic: Topic) -> Check {
    let mut checks = checks(facts);
    checks.retain(|check| check.verdict != Verdict::Ok);
    let [check] = &checks[..] else {
        panic!("{checks:#?}");
    };
    assert_eq!((check.verdict, check.topic), (verdict, topic), "{check:#?}");
    assert!(check.fix.as_ref().is_some_and(|fix| !fix.is_empty()));
    check.clone()
}

#[test]
fn nothing_is_wrong_with_what_setup_makes() {
    let checks = checks(&facts());
    let topics: Vec<Topic> = checks.iter().map(|check| check.topic).collect();
    assert!(
        checks.iter().all(|check| check.verdict == Verdict::Ok),
        "{checks:#?}"
    );
    assert_eq!(
        topics,
        [
            Topic::FlowLog,
            Topic::Delivery,
            Topic::Role,
            Topic::Trust,
            Topic::Permissions,
            Topic::LogGroup,
            Topic::Formats,
            Topic::Retention,
            Topic::Interfaces,
            Topic::Freshness,
            Topic::Overlap,
        ]
    );
}

#[test]
fn what_aws_says_of_a_delivery_is_explained() {
    for (reason, text) in [
        ("Access error", "may not write to the log group"),
        ("Rate limited", "takes no more"),
        ("Unknown error", "Unknown error: "),
    ] {
        let mut facts = facts();
        let reason = reason.to_owned();
        facts.flow_logs[0].delivery = Delivery::Fails { reason };
        let check = only(&facts, Verdict::Problem, Topic::Delivery);
        assert!(check.finding.contains(text), "{check:#?}");
    }
    let mut facts = facts();
    facts.flow_logs[0].delivery = Delivery::Unknown;
    only(&facts, Verdict::Warning, Topic::Delivery);
}

#[test]
fn a_role_has_to_exist() {
    let mut facts = facts();
    *facts.roles.values_mut().next().unwrap() = Sight::Absent;
    let check = only(&facts, Verdict::Problem, Topic::Role);
    assert_eq!(
        check.fix.unwrap(),
        "`vpcflow setup --vpc vpc-0a --log-group /flows` makes it again"
    );
    facts.flow_logs[0].tags = Tags::default();
    let check = only(&facts, Verdict::Problem, Topic::Role);
    assert!(!check.fix.unwrap().contains("vpcflow setup"));
    facts.flow_logs[0].role_arn = None;
    only(&facts, Verdict::Problem, Topic::Role);
}

#[test]
fn the_way_out_asks_for_what_the_flow_log_is() {
    let wish = wish("eni-0a")
        .traffic(Traffic::Reject)
        .interval(Interval::OneMinute)
        .role_name("mine")
        .fields(vpcflow_record::Format::parse("srcaddr dstaddr").unwrap());
    let facts = facts_of(&wish.build().unwrap());
    assert_eq!(
        facts.setup_command(&facts.flow_logs[0]),
        "vpcflow setup --eni eni-0a --log-group /flows --traffic reject --interval 60 --fields \
         '${srcaddr} ${dstaddr}' --role-name mine"
    );
}

#[test]
fn a_trust_policy_has_to_hold_for_this_flow_log_and_no_stranger() {
    let mut facts = facts();
    let ours = facts.role().trust.clone();
    facts.role().trust["Statement"][0]["Principal"]["Service"] = json!("ec2.amazonaws.com");
    only(&facts, Verdict::Problem, Topic::Trust);

    facts.role().trust = ours.clone();
    let condition = &mut facts.role().trust["Statement"][0]["Condition"];
    condition["StringEquals"]["aws:SourceAccount"] = json!("210987654321");
    only(&facts, Verdict::Problem, Topic::Trust);

    facts.role().trust = ours.clone();
    facts.role().trust["Statement"][0]["Condition"] = json!({});
    let check = only(&facts, Verdict::Warning, Topic::Trust);
    assert!(check.finding.contains("every account"), "{check:#?}");

    facts.role().trust = ours;
    let condition = &mut facts.role().trust["Statement"][0]["Condition"];
    condition["Bool"] = json!({"aws:SecureTransport": "true"});
    only(&facts, Verdict::Warning, Topic::Trust);
}

#[test]
fn a_policy_that_is_too_narrow_is_told() {
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/flows";
    let allow = |actions: Value, resource: Value| json!({"Statement": [{"Effect": "Allow", "Action": actions, "Resource": resource}]});
    let mut facts = facts();
    let ours = facts.role().policies.clone();

    // The mistake that most set-ups by hand make: no `:*` at the end.
    facts.role().policies = Some(vec![allow(json!("logs:*"), json!(arn))]);
    facts.role().is_managed = false;
    let check = only(&facts, Verdict::Problem, Topic::Permissions);
    assert_eq!(
        check.finding,
        "may not logs:CreateLogStream, logs:DescribeLogStreams, logs:PutLogEvents on /flows"
    );
    assert!(check.fix.unwrap().contains(&format!("`{arn}:*`")));

    let publish = json!([
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents"
    ]);
    facts.role().policies = Some(vec![allow(publish, json!(format!("{arn}:*")))]);
    let check = only(&facts, Verdict::Warning, Topic::Permissions);
    assert_eq!(
        check.finding,
        "may not logs:CreateLogGroup, logs:DescribeLogGroups, which AWS asks for"
    );

    facts.role().policies = Some(Vec::new());
    only(&facts, Verdict::Problem, Topic::Permissions);

    facts.role().policies = ours;
    facts.role().boundary = Some(allow(json!("s3:*"), json!("*")));
    only(&facts, Verdict::Problem, Topic::Permissions);
    facts.role().boundary = Some(Value::Null);
    only(&facts, Verdict::Warning, Topic::Permissions);
}

#[test]
fn a_log_group_has_to_exist_and_should_forget() {
    let mut facts = facts();
    facts.group().retention_days = None;
    let check = only(&facts, Verdict::Warning, Topic::Retention);
    assert!(check.fix.unwrap().contains("--retention-days"));
    facts.log_groups[0].is_managed = Some(false);
    let check = only(&facts, Verdict::Warning, Topic::Retention);
    assert!(check.fix.unwrap().contains("aws logs put-retention-policy"));

    facts.group().retention_days = Some(7);
    facts.group().class = LogClass::InfrequentAccess;
    only(&facts, Verdict::Warning, Topic::Class);

    facts.log_groups[0].existing = Sight::Absent;
    facts.log_groups[0].streams = None;
    only(&facts, Verdict::Problem, Topic::LogGroup);
}

#[test]
fn formats_must_not_mix() {
    let mut facts = facts();
    let mut other = facts.flow_logs[0].clone();
    other.id = "fl-2".to_owned();
    other.resource_id = "vpc-0b".to_owned();
    facts.flow_logs.push(other);
    // Another way to write the same format.
    facts.flow_logs[1].log_format = "default".to_owned();
    assert!(
        checks(&facts)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    );
    facts.flow_logs[1].log_format = "${srcaddr}".to_owned();
    only(&facts, Verdict::Problem, Topic::Formats);
}

#[test]
fn interfaces_without_a_stream_are_named() {
    let mut facts = facts();
    facts.streams().interfaces.clear();
    let check = only(&facts, Verdict::Warning, Topic::Interfaces);
    assert_eq!(
        check.finding,
        "1 of 1 interface in use have no stream: eni-0a"
    );

    // Attached just now, or to nothing, it has none to be expected.
    let interface = &mut facts.log_groups[0].interfaces.as_mut().unwrap()[0];
    interface.attached_ms = Some(NOW_MS - 10 * MINUTE_MS);
    assert!(
        checks(&facts)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    );
    facts.log_groups[0].interfaces.as_mut().unwrap()[0].is_in_use = false;
    assert!(
        checks(&facts)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    );
}

#[test]
fn silence_is_a_problem_once_records_were_due() {
    let mut facts = facts();
    facts.streams().newest_event_ms = Some(NOW_MS - 180 * MINUTE_MS);
    facts.streams().newest_ingestion_ms = None;
    let check = only(&facts, Verdict::Problem, Topic::Freshness);
    assert_eq!(check.finding, "the newest record is 3 h old");

    // Nobody knows how much rejected traffic there should be.
    facts.flow_logs[0].traffic = Some(Traffic::Reject);
    only(&facts, Verdict::Warning, Topic::Freshness);
    facts.log_groups[0].interfaces = None;
    only(&facts, Verdict::Warning, Topic::Freshness);

    *facts.streams() = Streams::default();
    facts.flow_logs[0].created_ms = Some(NOW_MS - 5 * MINUTE_MS);
    let checks = checks(&facts);
    let check = checks
        .iter()
        .find(|it| it.topic == Topic::Freshness)
        .unwrap();
    assert_eq!(check.verdict, Verdict::Ok);
    assert!(
        check.finding.starts_with("no record yet, 5 min after"),
        "{check:#?}"
    );
}

#[test]
fn traffic_that_is_billed_twice_is_told() {
    for resource_id in ["eni-0a", "subnet-0a", "vpc-0a"] {
        let mut facts = facts();
        facts.add_flow_log("fl-theirs", resource_id).log_group = "/other".to_owned();
        let check = only(&facts, Verdict::Warning, Topic::Overlap);
        assert_eq!(check.subject, "fl-theirs");
        assert_eq!(
            check.finding,
            format!(
                "{resource_id} is also recorded by fl-1 of vpc-0a into /flows: what both record \
                 is billed twice"
            )
        );
        assert!(check.fix.unwrap().ends_with("--flow-log-ids fl-theirs`"));
    }
    let mut facts = facts();
    facts.add_flow_log("fl-2", "vpc-0b");
    assert!(
        checks(&facts)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    );
}

#[test]
fn accepted_and_rejected_traffic_do_not_overlap() {
    let mut facts = facts();
    facts.all_flow_logs.as_mut().unwrap()[0].traffic = Some(Traffic::Accept);
    facts.add_flow_log("fl-2", "vpc-0a").traffic = Some(Traffic::Reject);
    assert!(
        checks(&facts)
            .iter()
            .all(|check| check.verdict == Verdict::Ok)
    );
}

#[test]
fn what_a_setup_left_behind_is_told() {
    let mut facts = facts();
    facts.own_roles.push(("r".to_owned(), "/half".to_owned()));
    let check = only(&facts, Verdict::Warning, Topic::Leftover);
    assert!(
        check
            .fix
            .unwrap()
            .contains("vpcflow teardown --log-group /half")
    );
}

#[test]
fn without_a_flow_log_nothing_is_well() {
    let mut facts = facts();
    facts.flow_logs.clear();
    facts.own_roles.clear();
    let check = only(&facts, Verdict::Problem, Topic::FlowLog);
    assert_eq!(
        (&*check.subject, &*check.finding),
        (GROUP, "no flow log delivers to it")
    );

    // There are others, which are not vpcflow's.
    facts.asked.clear();
    facts.log_groups.clear();
    let check = only(&facts, Verdict::Problem, Topic::FlowLog);
    assert_eq!(check.finding, "vpcflow made no flow log in eu-west-1");
    assert!(check.fix.unwrap().contains("--log-group /flows"));

    facts.all_flow_logs = None;
    let check = only(&facts, Verdict::Problem, Topic::FlowLog);
    assert_eq!(
        check.fix.unwrap(),
        "allow the caller `ec2:DescribeFlowLogs`"
    );
}

/// What the caller may not look at gives no finding, neither good nor bad.
#[test]
fn nothing_is_found_where_nothing_was_seen() {
    let mut facts = facts();
    *facts.roles.values_mut().next().unwrap() = Sight::Unseen;
    facts.log_groups[0].existing = Sight::Unseen;
    facts.log_groups[0].is_managed = None;
    facts.log_groups[0].streams = None;
    facts.log_groups[0].interfaces = None;
    facts.interfaces = None;
    facts.subnets = None;
    let topics: Vec<Topic> = checks(&facts).iter().map(|check| check.topic).collect();
    assert_eq!(topics, [Topic::FlowLog, Topic::Delivery, Topic::Formats]);
}
