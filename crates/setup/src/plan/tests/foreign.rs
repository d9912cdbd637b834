//! What others have made is used where it fits, and never changed.

use super::*;

#[test]
fn a_foreign_flow_log_is_used_if_it_fits_and_never_changed() {
    let mut world = World::with(&wish());
    world.flow_logs[0].tags = Tags::default();
    world.roles.clear();
    world.policies.clear();
    let plan = world.plan(&wish()).unwrap();
    assert!(plan.is_done(), "its own role delivers: {plan}");
    assert_eq!(
        lines(&plan),
        ["keep log group /flows", "keep flow log vpc-0a"]
    );

    let rejects = builder().traffic(Traffic::Reject).build().unwrap();
    let error = world.plan(&rejects).unwrap_err();
    assert_eq!(
        error.to_string(),
        "this cannot be set up: flow log `fl-1`, which vpcflow did not make, already watches \
         `vpc-0a` into this log group, but its traffic is all, not reject"
    );
    assert!(error.hint().unwrap().contains("--log-group"));
}

#[test]
fn a_fitting_foreign_flow_log_makes_our_outdated_one_needless() {
    let mut world = World::with(&wish());
    let mut foreign = world.flow_logs[0].clone();
    foreign.tags = Tags::default();
    foreign.id = "fl-theirs".to_owned();
    world.flow_logs[0].interval_seconds = 60;
    world.flow_logs.push(foreign);
    let plan = world.plan(&wish()).unwrap();
    assert_eq!(plan.summary(), "1 to delete, 2 to keep");
    world.carry_out(&plan);
    assert!(world.plan(&wish()).unwrap().is_done());
}

#[test]
fn a_foreign_log_group_is_used_as_it_is() {
    let mut world = World::with(&wish());
    world.log_groups[0].tags = Tags::default();
    world.log_groups[0].retention_days = None;
    let plan = world
        .plan(&builder().retention_days(7).build().unwrap())
        .unwrap();
    assert!(plan.is_done());
    assert_eq!(
        plan.notes,
        ["log group `/flows` goes on keeping events for ever, not 7 days"]
    );
}

#[test]
fn a_foreign_role_is_used_if_flow_logs_can_assume_it() {
    let named = builder().role_name("theirs").build().unwrap();
    let mut world = World::with(&named);
    world.roles[0].tags = Tags::default();
    world.roles[0].attached_policies.clear();
    world.roles[0].arn = "arn:aws:iam::123456789012:role/theirs".to_owned();
    world.policies.clear();
    world.flow_logs.clear();
    let plan = world.plan(&named).unwrap();
    assert_eq!(
        lines(&plan),
        [
            "keep role theirs",
            "keep log group /flows",
            "create flow log vpc-0a"
        ],
        "neither a policy nor an attachment"
    );
    assert!(plan.notes[0].contains("must itself allow"));

    world.roles[0].trust = serde_json::Value::Null;
    let found = obstacles(world.plan(&named));
    assert_eq!(
        found,
        [Obstacle::ForeignRole {
            name: "theirs".into()
        }]
    );
}

#[test]
fn a_role_of_ours_serves_one_log_group_of_one_region() {
    let named = builder().role_name("shared").build().unwrap();
    let mut world = World::with(&named);
    let other_group = builder()
        .log_group("/other")
        .role_name("shared")
        .build()
        .unwrap();
    let found = obstacles(world.plan(&other_group));
    assert!(
        matches!(&found[..], [Obstacle::RoleOfOtherGroup { log_group, .. }] if log_group == "/flows")
    );

    world.roles[0].tags.set(crate::tags::REGION, "us-east-1");
    let found = obstacles(world.plan(&named));
    assert!(
        matches!(&found[..], [Obstacle::RoleOfOtherGroup { region, .. }] if region == "us-east-1")
    );
}

#[test]
fn a_foreign_policy_of_our_name_stands_in_the_way() {
    let mut world = World::with(&wish());
    world.policies[0].tags = Tags::default();
    assert!(matches!(
        &obstacles(world.plan(&wish()))[..],
        [Obstacle::ForeignPolicy { .. }]
    ));
}
