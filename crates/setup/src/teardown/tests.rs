use super::*;
use crate::model::{World, calls};
use crate::tags::Tags;
use crate::wish::Wish;

const GROUP: &str = "/flows";

fn wish() -> Wish {
    wish_for("vpc-0a", GROUP)
}

fn wish_for(resource: &str, log_group: &str) -> Wish {
    Wish::builder()
        .resource(resource.parse().unwrap())
        .log_group(log_group)
        .build()
        .unwrap()
}

fn kept(plan: &Plan, part: Part) -> &str {
    let step = plan.steps.iter().find(|step| step.part == part).unwrap();
    assert_eq!(step.verb, Verb::Keep, "{plan}");
    &step.reason
}

#[test]
fn removes_all_that_a_setup_made() {
    let mut world = World::with(&wish());
    world.policies[0].old_versions = vec!["v1".into(), "v2".into()];
    let plan = world.plan_teardown(GROUP, false);
    let parts: Vec<Part> = plan.steps.iter().map(|step| step.part).collect();
    assert_eq!(
        parts,
        [
            Part::FlowLog,
            Part::Attachment,
            Part::Policy,
            Part::Role,
            Part::LogGroup
        ]
    );
    assert_eq!(plan.summary(), "5 to delete");
    world.carry_out(&plan);
    let nothing = world.plan_teardown(GROUP, false);
    assert!(nothing.steps.is_empty());
    assert_eq!(
        nothing.notes,
        ["nothing delivers to log group `/flows` in eu-west-1"]
    );
    assert!(world.roles.is_empty() && world.policies.is_empty());
}

/// After a set-up and then a teardown that each die after any of their calls,
/// one more teardown leaves nothing.
#[test]
fn any_interruption_is_made_good_by_the_next_run() {
    let named = Wish::builder()
        .resource("vpc-0a".parse().unwrap())
        .log_group(GROUP)
        .role_name("a-name-of-its-own")
        .build()
        .unwrap();
    let setup = World::empty().plan(&named).unwrap();
    for setup_calls in 0..=calls(&setup).count() {
        let mut half_made = World::empty();
        half_made.carry_out_in_part(&setup, setup_calls);
        let teardown = half_made.plan_teardown(GROUP, false);
        for teardown_calls in 0..=calls(&teardown).count() {
            let mut world = half_made.clone();
            world.carry_out_in_part(&teardown, teardown_calls);
            world.carry_out(&world.plan_teardown(GROUP, false));
            assert!(world.flow_logs.is_empty());
            assert!(world.policies.is_empty());
            assert!(world.roles.is_empty());
            assert!(world.log_groups.is_empty());
        }
    }
}

#[test]
fn other_setups_are_left_alone() {
    let mut world = World::with(&wish());
    let other = wish_for("vpc-0b", "/other");
    world.carry_out(&world.plan(&other).unwrap());
    world.carry_out(&world.plan_teardown(GROUP, false));
    assert!(world.plan(&other).unwrap().is_done());
    assert_eq!(
        (
            world.roles.len(),
            world.policies.len(),
            world.log_groups.len()
        ),
        (1, 1, 1)
    );
}

#[test]
fn the_logs_can_be_kept() {
    let mut world = World::with(&wish());
    let plan = world.plan_teardown(GROUP, true);
    assert_eq!(kept(&plan, Part::LogGroup), "its events are to be kept");
    world.carry_out(&plan);
    assert_eq!(world.log_groups.len(), 1);
    assert!(world.roles.is_empty());
}

#[test]
fn what_is_not_ours_is_listed_and_kept() {
    let mut world = World::with(&wish());
    world.log_groups[0].tags = Tags::default();
    world.roles[0].tags = Tags::default();
    let plan = world.plan_teardown(GROUP, false);
    assert_eq!(kept(&plan, Part::LogGroup), "not made by vpcflow");
    assert_eq!(kept(&plan, Part::Role), "not made for this log group");
    assert!(kept(&plan, Part::Policy).starts_with("attached to role `vpcflow-delivery-flows-"));
    world.carry_out(&plan);
    assert_eq!(
        (
            world.flow_logs.len(),
            world.roles.len(),
            world.log_groups.len()
        ),
        (0, 1, 1)
    );
}

#[test]
fn a_foreign_flow_log_keeps_what_it_needs() {
    let mut world = World::with(&wish());
    let mut foreign = world.flow_logs[0].clone();
    foreign.id = "fl-theirs".to_owned();
    foreign.resource_id = "vpc-0b".to_owned();
    foreign.tags = Tags::default();
    world.flow_logs.push(foreign);
    let plan = world.plan_teardown(GROUP, false);
    assert_eq!(plan.summary(), "1 to delete, 4 to keep");
    assert_eq!(
        kept(&plan, Part::Policy),
        "fl-theirs still delivers with it"
    );
    assert_eq!(kept(&plan, Part::Role), "fl-theirs still delivers with it");
    assert_eq!(
        kept(&plan, Part::LogGroup),
        "fl-theirs still delivers to it"
    );
}

#[test]
fn a_role_with_policies_from_elsewhere_stays() {
    let mut world = World::with(&wish());
    let theirs = "arn:aws:iam::123456789012:policy/theirs".to_owned();
    world.roles[0].attached_policies.push(theirs);
    let plan = world.plan_teardown(GROUP, false);
    assert_eq!(
        kept(&plan, Part::Role),
        "has policy `theirs`, which vpcflow did not give it"
    );
    world.carry_out(&plan);
    assert!(world.policies.is_empty());

    world.roles[0].attached_policies.clear();
    world.roles[0].inline_policies.push("written-in".to_owned());
    let plan = world.plan_teardown(GROUP, false);
    assert_eq!(
        kept(&plan, Part::Role),
        "has policy `written-in`, which vpcflow did not give it"
    );
}

#[test]
fn a_policy_that_a_user_has_stays() {
    let world = World::with(&wish());
    let role = world.roles[0].name.clone();
    let remains = Remains {
        policies: vec![HeldPolicy {
            policy: world.policies[0].clone(),
            roles: vec![role],
            others: vec!["alice".to_owned()],
        }],
        ..Remains::default()
    };
    let plan = plan_teardown(GROUP, &world.account, &remains, false);
    assert_eq!(
        kept(&plan, Part::Policy),
        "attached to `alice`, which vpcflow did not do"
    );
    assert!(plan.is_done(), "nothing is detached either");
}
