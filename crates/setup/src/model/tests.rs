//! Whatever is set up, changed, interrupted and torn down, in whatever order:
//! once all is torn down, the account is as it was before.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::wish::{Interval, Traffic};

const GROUPS: [&str; 2] = ["/a", "/b"];
const RESOURCES: [&str; 3] = ["vpc-0a", "subnet-0a", "eni-0a"];
const THEIR_ROLE: &str = "theirs";

/// How a run ends.
#[derive(Clone, Debug)]
enum Ending {
    Done,
    /// The process dies after this many calls.
    Dies(usize),
    /// The call after this many fails, and the run takes back what it made.
    TakesBack(usize),
}

#[derive(Clone, Debug)]
enum Action {
    SetUp(Box<Wish>, Ending),
    TearDown {
        group: &'static str,
        keep_logs: bool,
        ending: Ending,
    },
    /// Somebody changes by hand what vpcflow made.
    Meddle(Meddling),
}

#[derive(Clone, Copy, Debug)]
enum Meddling {
    DeleteFlowLogs,
    DeleteLogGroups,
    DetachPolicies,
    WidenPolicies,
    KeepForEver,
}

fn endings() -> impl Strategy<Value = Ending> {
    prop_oneof![
        3 => Just(Ending::Done),
        2 => (0_usize..9).prop_map(Ending::Dies),
        2 => (0_usize..9).prop_map(Ending::TakesBack),
    ]
}

fn wishes() -> impl Strategy<Value = Wish> {
    (
        proptest::sample::subsequence(RESOURCES.to_vec(), 1..=RESOURCES.len()),
        proptest::sample::select(GROUPS.to_vec()),
        option::of(proptest::sample::select(vec!["mine", "other", THEIR_ROLE])),
        option::of(proptest::sample::select(vec![1_u32, 7, 30])),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|(resources, group, role, days, (reject, fast, tagged))| {
            let mut wish = Wish::builder().log_group(group);
            for resource in resources {
                wish = wish.resource(resource.parse().unwrap());
            }
            if let Some(role) = role {
                wish = wish.role_name(role);
            }
            if let Some(days) = days {
                wish = wish.retention_days(days);
            }
            if reject {
                wish = wish.traffic(Traffic::Reject);
            }
            if fast {
                wish = wish.interval(Interval::OneMinute);
            }
            if tagged {
                wish = wish.tag("team=net".parse().unwrap());
            }
            wish.build().unwrap()
        })
}

fn actions() -> impl Strategy<Value = Action> {
    let tear_down = (
        proptest::sample::select(GROUPS.to_vec()),
        any::<bool>(),
        endings(),
    );
    prop_oneof![
        4 => (wishes(), endings()).prop_map(|(wish, ending)| Action::SetUp(Box::new(wish), ending)),
        2 => tear_down.prop_map(|(group, keep_logs, ending)| Action::TearDown {
            group,
            keep_logs,
            ending,
        }),
        1 => proptest::sample::select(vec![
            Meddling::DeleteFlowLogs,
            Meddling::DeleteLogGroups,
            Meddling::DetachPolicies,
            Meddling::WidenPolicies,
            Meddling::KeepForEver,
        ])
        .prop_map(Action::Meddle),
    ]
}

/// An account that somebody else uses too: a role that flow logs can assume,
/// perhaps a log group of a name that is wished, and a flow log to it.
fn before(has_group: bool, has_flow_log: bool) -> World {
    let mut world = World::empty();
    let account = &world.account;
    let foreign_role = Role {
        name: THEIR_ROLE.to_owned(),
        arn: format!("arn:aws:iam::{}:role/{THEIR_ROLE}", account.id()),
        trust: crate::trust_policy(account),
        attached_policies: Vec::new(),
        inline_policies: vec!["theirs".to_owned()],
        tags: Tags::default(),
    };
    world.roles.push(foreign_role);
    if !has_group {
        return world;
    }
    world.log_groups.push(LogGroup {
        name: GROUPS[0].to_owned(),
        retention_days: None,
        stored_bytes: 7,
        class: crate::LogClass::Standard,
        kms_key: None,
        tags: Tags::default(),
    });
    if has_flow_log {
        let wish = Wish::builder()
            .resource("vpc-0b".parse().unwrap())
            .log_group(GROUPS[0])
            .role_name(THEIR_ROLE);
        let plan = world.plan(&wish.build().unwrap()).unwrap();
        world.carry_out(&plan);
        world.flow_logs[0].tags = Tags::default();
    }
    world
}

impl World {
    fn act(&mut self, action: &Action) {
        match action {
            Action::SetUp(wish, ending) => {
                // What stands in the way is told before anything is done.
                if let Ok(plan) = self.plan(wish) {
                    self.end(&plan, ending);
                    if matches!(ending, Ending::Done) {
                        let again = self.plan(wish).unwrap();
                        assert!(again.is_done(), "once more:\n{again}");
                    }
                }
            }
            Action::TearDown {
                group,
                keep_logs,
                ending,
            } => {
                let plan = self.plan_teardown(group, *keep_logs);
                self.end(&plan, ending);
            }
            Action::Meddle(meddling) => self.meddle(*meddling),
        }
    }

    fn end(&mut self, plan: &Plan, ending: &Ending) {
        match ending {
            Ending::Done => self.carry_out(plan),
            Ending::Dies(calls) => self.carry_out_in_part(plan, *calls),
            Ending::TakesBack(calls) => self.carry_out_and_take_back(plan, *calls),
        }
    }

    fn meddle(&mut self, meddling: Meddling) {
        match meddling {
            Meddling::DeleteFlowLogs => self.flow_logs.retain(|it| !it.tags.is_managed()),
            Meddling::DeleteLogGroups => self.log_groups.retain(|it| !it.tags.is_managed()),
            Meddling::DetachPolicies => {
                for role in &mut self.roles {
                    role.attached_policies.clear();
                }
            }
            Meddling::WidenPolicies => {
                for policy in &mut self.policies {
                    policy.document = json!({"Statement": []});
                    let version = format!("v{}", policy.old_versions.len() + 1);
                    if policy.old_versions.len() < 4 {
                        policy.old_versions.push(version);
                    }
                }
            }
            Meddling::KeepForEver => {
                for group in self.log_groups.iter_mut().filter(|it| it.tags.is_managed()) {
                    group.retention_days = None;
                }
            }
        }
    }

    /// The same world with what was only counted left out.
    fn contents(&self) -> (&[Policy], &[Role], &[LogGroup], &[FlowLog]) {
        (
            &self.policies,
            &self.roles,
            &self.log_groups,
            &self.flow_logs,
        )
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_teardown_leaves_what_was_there_before(
        has_group: bool,
        has_flow_log: bool,
        actions in vec(actions(), 1..8),
    ) {
        let before = before(has_group, has_flow_log);
        let mut world = before.clone();
        for action in &actions {
            world.act(action);
        }
        for group in GROUPS {
            world.carry_out(&world.plan_teardown(group, false));
            let again = world.plan_teardown(group, false);
            prop_assert!(again.is_done(), "once more:\n{}", again);
        }
        prop_assert_eq!(world.contents(), before.contents());
    }
}
