use vpcflow_record::Format;

use super::*;
use crate::documents;
use crate::log_class::LogClass;
use crate::model::{World, calls};
use crate::resource::ResourceKind;
use crate::step::{Call, Part, RoleCall, Verb};
use crate::tags::Tags;
use crate::wish::{Interval, Traffic, WishBuilder};

mod foreign;

fn resource(id: &str) -> Resource {
    id.parse().unwrap()
}

fn builder() -> WishBuilder {
    Wish::builder()
        .resource(resource("vpc-0a"))
        .log_group("/flows")
}

fn wish() -> Wish {
    builder().build().unwrap()
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| format!("{} {} {}", step.verb, step.part, step.short_name());
    plan.steps.iter().map(line).collect()
}

fn step(plan: &Plan, part: Part) -> &Step {
    plan.steps.iter().find(|step| step.part == part).unwrap()
}

fn obstacles(result: Result<Plan>) -> Vec<Obstacle> {
    match result {
        Err(Error::Blocked { obstacles }) => obstacles,
        other => panic!("not blocked: {other:?}"),
    }
}

#[test]
fn a_fresh_account_gets_everything_in_the_order_of_dependence() {
    let world = World::empty();
    let plan = world.plan(&wish()).unwrap();
    let name = world.account.delivery_name("/flows");
    assert_eq!(
        lines(&plan),
        [
            format!("create policy {name}"),
            format!("create role {name}"),
            format!("create attachment {name}"),
            "create log group /flows".to_owned(),
            "create flow log vpc-0a".to_owned(),
        ]
    );
    assert_eq!(plan.summary(), "5 to create");
    assert_eq!(plan.notes, Vec::<String>::new());
}

#[test]
fn a_fulfilled_wish_plans_no_call() {
    let wish = builder()
        .retention_days(90)
        .tag("team=net".parse().unwrap())
        .build()
        .unwrap();
    let plan = World::with(&wish).plan(&wish).unwrap();
    assert!(plan.is_done(), "{plan}");
    assert_eq!(plan.steps.len(), 5);
    assert_eq!(calls(&plan).count(), 0);
    assert!(plan.to_string().ends_with("nothing to do\n"));
}

/// A set-up that dies after any of its calls is finished by the next one.
#[test]
fn any_interruption_is_made_good_by_the_next_run() {
    let wish = builder()
        .resource(resource("subnet-0b"))
        .retention_days(7)
        .build()
        .unwrap();
    let complete = World::with(&wish);
    let plan = World::empty().plan(&wish).unwrap();
    for calls_max in 0..calls(&plan).count() {
        let mut world = World::empty();
        world.carry_out_in_part(&plan, calls_max);
        let rest = world.plan(&wish).unwrap();
        assert!(!rest.is_done());
        world.carry_out(&rest);
        assert!(world.plan(&wish).unwrap().is_done());
        assert_eq!(world.log_groups, complete.log_groups);
        assert_eq!(world.policies, complete.policies);
        assert_eq!(world.roles, complete.roles);
        assert_eq!(world.flow_logs.len(), 2);
    }
}

#[test]
fn new_resources_of_one_kind_share_a_call() {
    let ids = (0..150).map(|n| format!("eni-{n:x}"));
    let many = ids.fold(builder(), |wish, id| wish.resource(resource(&id)));
    let plan = World::empty().plan(&many.build().unwrap()).unwrap();
    let flow_logs: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|s| s.part == Part::FlowLog)
        .collect();
    let counts: Vec<usize> = flow_logs.iter().map(|step| step.names.len()).collect();
    assert_eq!(counts, [1, 100, 50]);
    assert_eq!(flow_logs[1].calls.len(), 1);
    assert_eq!(flow_logs[1].short_name(), "eni-0 and 99 more");
    assert!(
        plan.to_string().contains("eni-95\n"),
        "every resource is shown"
    );
}

#[test]
fn drift_of_what_is_ours_is_put_right() {
    let mut world = World::with(&wish());
    world.policies[0].document["Statement"][0]["Resource"] = "*".into();
    world.policies[0].old_versions = ["v1", "v2", "v3", "v4"].map(str::to_owned).to_vec();
    world.roles[0].trust = serde_json::Value::Null;
    world.roles[0].attached_policies.clear();
    world.log_groups[0].retention_days = Some(1);
    let wish = builder().retention_days(14).build().unwrap();

    let plan = world.plan(&wish).unwrap();
    let verbs: Vec<Verb> = plan.steps.iter().map(|step| step.verb).collect();
    assert_eq!(
        verbs,
        [
            Verb::Change,
            Verb::Change,
            Verb::Create,
            Verb::Change,
            Verb::Keep
        ]
    );
    assert_eq!(
        step(&plan, Part::LogGroup).reason,
        "keeps events for 14 days, not 1 day"
    );
    assert!(plan.notes[0].contains("Access error"));

    world.carry_out(&plan);
    assert!(world.plan(&wish).unwrap().is_done());
    assert_eq!(
        world.policies[0].old_versions.len(),
        4,
        "the oldest version made room"
    );
    assert!(!world.policies[0].old_versions.contains(&"v1".to_owned()));
    assert_eq!(
        world.roles[0].trust,
        documents::trust_policy(&world.account)
    );
}

#[test]
fn leaving_the_retention_out_deletes_nobody_s_events() {
    let mut world = World::with(&wish());
    assert_eq!(world.log_groups[0].retention_days, Some(30));
    world.log_groups[0].retention_days = Some(365);
    assert!(world.plan(&wish()).unwrap().is_done());

    let shorter = builder().retention_days(30).build().unwrap();
    let plan = world.plan(&shorter).unwrap();
    assert!(
        step(&plan, Part::LogGroup)
            .reason
            .ends_with("not 365 days: deletes older ones")
    );
}

#[test]
fn new_tags_reach_what_exists() {
    let mut world = World::with(&wish());
    let tagged = builder().tag("team=net".parse().unwrap()).build().unwrap();
    let plan = world.plan(&tagged).unwrap();
    assert_eq!(plan.summary(), "4 to change, 1 to keep");
    assert_eq!(step(&plan, Part::Role).reason, "sets tag team");
    world.carry_out(&plan);
    assert!(world.plan(&tagged).unwrap().is_done());
    // Tags that are no longer asked for stay: they may be the user's own.
    assert!(world.plan(&wish()).unwrap().is_done());
}

#[test]
fn another_setting_of_our_flow_log_replaces_it() {
    let mut world = World::with(&wish());
    let faster = builder().interval(Interval::OneMinute).build().unwrap();
    let plan = world.plan(&faster).unwrap();
    let replace = step(&plan, Part::FlowLog);
    assert_eq!(replace.verb, Verb::Replace);
    assert_eq!(replace.reason, "fl-1: its interval is 600 s, not 60 s");

    assert_eq!(plan.summary(), "1 to replace, 1 to delete, 4 to keep");
    let last = plan.steps.last().unwrap();
    assert_eq!(
        (last.verb, last.reason.as_str()),
        (Verb::Delete, "fl-1: is replaced")
    );

    // Interrupted between the two calls, the next plan deletes the old one.
    let mut interrupted = world.clone();
    interrupted.carry_out_in_part(&plan, 1);
    let rest = interrupted.plan(&faster).unwrap();
    assert_eq!(rest.summary(), "1 to delete, 5 to keep");
    interrupted.carry_out(&rest);

    world.carry_out(&plan);
    for world in [world, interrupted] {
        assert_eq!(world.flow_logs.len(), 1);
        assert_eq!(world.flow_logs[0].id, "fl-2");
        assert!(world.plan(&faster).unwrap().is_done());
    }
}

#[test]
fn another_role_replaces_our_flow_log() {
    let mut world = World::with(&wish());
    let named = builder().role_name("delivery").build().unwrap();
    let plan = world.plan(&named).unwrap();
    assert_eq!(
        step(&plan, Part::FlowLog).reason,
        "fl-1: its role is another"
    );
    world.carry_out(&plan);
    assert!(world.plan(&named).unwrap().is_done());
}

#[test]
fn formats_never_mix_in_a_log_group() {
    let world = World::with(&wish());
    let format = Format::parse("srcaddr dstaddr").unwrap();
    let other_format = builder().fields(format.clone()).build().unwrap();
    let found = obstacles(world.plan(&other_format));
    assert!(
        matches!(&found[..], [Obstacle::OtherFormat { flow_log_id, .. }] if flow_log_id == "fl-1")
    );

    let other_resource = Wish::builder()
        .resource(resource("subnet-0c"))
        .log_group("/flows")
        .fields(format)
        .build()
        .unwrap();
    assert_eq!(obstacles(world.plan(&other_resource)).len(), 1);
}

#[test]
fn every_obstacle_is_named_at_once() {
    let mut world = World::with(&wish());
    world.policies[0].tags = Tags::default();
    world.missing_resources = vec![resource("vpc-0a"), resource("subnet-0b")];
    let found = obstacles(world.plan(&wish()));
    assert_eq!(found.len(), 3);
    assert_eq!(
        found[1].to_string(),
        "there is no subnet `subnet-0b` in eu-west-1"
    );
}

#[test]
fn trouble_with_the_delivery_shows_in_the_plan() {
    let mut world = World::with(&wish());
    let reason = "Access error".to_owned();
    world.flow_logs[0].delivery = crate::Delivery::Fails { reason };
    let plan = world.plan(&wish()).unwrap();
    assert_eq!(
        step(&plan, Part::FlowLog).reason,
        "fl-1, but its delivery fails: Access error"
    );
}

#[test]
fn tag_fields_come_with_a_note() {
    let format = Format::parse("srcaddr interface-tag asg-tag-2").unwrap();
    let plan = World::empty()
        .plan(&builder().fields(format).build().unwrap())
        .unwrap();
    assert!(
        plan.notes[0].starts_with("AWS fills interface-tag, asg-tag-2 only"),
        "{plan}"
    );
}

#[test]
fn chosen_tags_are_a_setting_of_the_flow_log_and_of_its_policy() {
    let with = |tag_field: &str| {
        let fields: crate::Fields = "all".parse().unwrap();
        let wish = builder()
            .fields(fields)
            .tag_field(tag_field.parse().unwrap());
        wish.build().unwrap()
    };
    let mut world = World::with(&with("instance:Name"));
    assert!(world.plan(&with("instance:Name")).unwrap().is_done());
    assert_eq!(
        world.plan(&with("instance:Name")).unwrap().notes,
        Vec::<String>::new()
    );
    let document = world.policies[0].document.to_string();
    assert!(document.contains("ec2:DescribeTags"), "{document}");

    let plan = world.plan(&with("instance:env")).unwrap();
    assert_eq!(
        step(&plan, Part::FlowLog).reason,
        "fl-1: its tag fields are others"
    );
    world.carry_out(&plan);
    assert!(world.plan(&with("instance:env")).unwrap().is_done());
}

/// A group whose flow logs had to do without the ECS fields keeps its one format.
#[test]
fn fields_left_out_once_stay_left_out() {
    let wish = |builder: WishBuilder| {
        let fields: crate::Fields = "v7".parse().unwrap();
        builder.fields(fields).build().unwrap()
    };
    let mut world = World::with(&wish(builder()));
    world.flow_logs[0].log_format = Format::up_to_version(5).to_log_format();
    let same = world.plan(&wish(builder())).unwrap();
    assert!(same.is_done(), "{same}");
    let more = wish(builder().resource(resource("subnet-0b")));
    let plan = world.plan(&more).unwrap();
    assert!(
        plan.notes[0].contains("ecs-* fields are left out"),
        "{plan}"
    );
    world.carry_out(&plan);
    assert_eq!(world.flow_logs[1].log_format, world.flow_logs[0].log_format);
}

#[test]
fn the_class_of_a_log_group_cannot_change() {
    let rare = || builder().log_class(LogClass::InfrequentAccess);
    let world = World::with(&rare().build().unwrap());
    assert!(world.plan(&wish()).unwrap().notes[0].contains("`vpcflow tail`"));
    let standard = builder().log_class(LogClass::Standard).build().unwrap();
    let error = world.plan(&standard).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this cannot be set up: log group `/flows` is of the class infrequent-access, not standard"
    );
}

#[test]
fn a_log_group_of_ours_gets_another_key() {
    let mut world = World::with(&wish());
    let key = "arn:aws:kms:eu-west-1:123456789012:key/0a1b";
    let encrypted = builder().kms_key(key).build().unwrap();
    let plan = world.plan(&encrypted).unwrap();
    assert_eq!(
        step(&plan, Part::LogGroup).reason,
        "encrypts new events with key/0a1b"
    );
    world.carry_out(&plan);
    assert!(world.plan(&encrypted).unwrap().is_done());
    assert!(
        world.plan(&wish()).unwrap().is_done(),
        "leaving it out changes nothing"
    );
}

#[test]
fn others_of_the_group_are_told_and_left() {
    let two = builder().resource(resource("subnet-0b")).build().unwrap();
    let plan = World::with(&two).plan(&wish()).unwrap();
    assert!(plan.is_done());
    assert_eq!(
        plan.notes,
        ["not asked for now, but left as it is: fl-2 of subnet-0b"]
    );
}

#[test]
fn what_is_recorded_twice_is_told_with_the_way_out() {
    let mut world = World::with(&wish());
    let elsewhere = builder()
        .log_group("/flows/v5")
        .fields(Format::up_to_version(5))
        .build()
        .unwrap();
    let plan = world.plan(&elsewhere).unwrap();
    assert_eq!(
        plan.notes,
        [
            "fl-1 records `vpc-0a` to `/flows` too, and AWS bills both: once this one delivers, \
             `vpcflow teardown --log-group /flows --keep-logs` ends it without a gap"
        ]
    );
    world.flow_logs[0].tags = Tags::default();
    let plan = world.plan(&elsewhere).unwrap();
    assert!(plan.notes[0].ends_with("bills both"), "{plan}");
}

#[test]
fn a_plan_for_programs_has_every_call() {
    let plan = World::empty().plan(&wish()).unwrap().to_json();
    assert_eq!(plan["changes"], 5);
    let steps = plan["steps"].as_array().unwrap();
    let calls = steps
        .iter()
        .flat_map(|step| step["calls"].as_array().unwrap());
    let actions: Vec<&str> = calls.map(|call| call["action"].as_str().unwrap()).collect();
    assert_eq!(
        actions,
        [
            "iam:CreatePolicy",
            "iam:CreateRole",
            "iam:AttachRolePolicy",
            "logs:CreateLogGroup",
            "logs:PutRetentionPolicy",
            "ec2:CreateFlowLogs"
        ]
    );
    let request = &steps[4]["calls"][0];
    assert_eq!(request["destination"]["type"], "cloud-watch-logs");
    assert_eq!(request["destination"]["log_group"], "/flows");
    assert_eq!(request["interval_seconds"], 600);
}

#[test]
fn the_plan_is_shown_in_columns() {
    let plan = World::empty()
        .plan(&builder().role_name("r").build().unwrap())
        .unwrap();
    let text = plan.to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("account 123456789012, region eu-west-1"));
    let role = lines.nth(1).unwrap();
    assert!(role.starts_with("  create  role        r  "), "{role}");
    assert!(text.contains("keeps events for 30 days\n"));
    assert!(text.contains("  all traffic, 600 s, 14 fields\n"));
    assert_eq!(lines.last(), Some("5 to create"));
}

#[test]
fn a_role_has_its_policy_before_a_flow_log_uses_it() {
    let plan = World::empty().plan(&wish()).unwrap();
    let position = |wanted: fn(&Call) -> bool| calls(&plan).position(wanted).unwrap();
    let attach = position(|call| matches!(call, Call::Role(RoleCall::Attach { .. })));
    let create = position(|call| matches!(call, Call::FlowLog(_)));
    assert!(attach < create);
    assert_eq!(resource("vpc-0a").kind(), ResourceKind::Vpc);
}
