//! The plan of a teardown: what of ours to remove, and in which order.

use std::collections::BTreeSet;

use crate::account::{Account, name_of_arn};
use crate::flow_logs::FlowLog;
use crate::observe::{LogGroup, Policy, Role};
use crate::step::{Call, FlowLogCall, LogGroupCall, Part, Plan, PolicyCall, RoleCall, Step, Verb};

mod read;
mod removal;

pub use removal::Removal;

/// What there is to remove of one log group's set-up, and what depends on it.
///
/// Found by tags and not only through flow logs, so that nothing of a set-up
/// that stopped half-way is overlooked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Every flow log of the region that delivers to CloudWatch Logs.
    pub flow_logs: Vec<FlowLog>,
    /// The roles that vpcflow made for this log group.
    pub roles: Vec<Role>,
    /// The policies that vpcflow made for this log group.
    pub policies: Vec<HeldPolicy>,
    /// The log group, whoever made it.
    pub log_group: Option<LogGroup>,
}

/// A policy and whom it is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPolicy {
    /// The policy.
    pub policy: Policy,
    /// The names of the roles that have it.
    pub roles: Vec<String>,
    /// The names of the users and groups that have it.
    pub others: Vec<String>,
}

/// Plans the removal of everything that vpcflow made for a log group; with
/// `keep_logs`, of everything but the log group and its events.
///
/// What vpcflow did not make, and what something else still needs, is kept, and
/// the plan says so. The order is that of dependence: a role that AWS still
/// delivers with, or a policy that is still attached, cannot go. The log group
/// goes last, when nothing is left that could create it again.
pub fn plan_teardown(
    log_group: &str,
    account: &Account,
    remains: &Remains,
    keep_logs: bool,
) -> Plan {
    let teardown = Teardown { log_group, remains };
    let mut steps = teardown.flow_log_steps();
    steps.extend(teardown.detachment_steps());
    steps.extend(
        remains
            .policies
            .iter()
            .map(|policy| teardown.policy_step(policy)),
    );
    steps.extend(remains.roles.iter().map(|role| teardown.role_step(role)));
    steps.extend(teardown.foreign_role_steps());
    steps.extend(
        remains
            .log_group
            .iter()
            .map(|group| teardown.log_group_step(group, keep_logs)),
    );
    let mut notes = Vec::new();
    if steps.is_empty() {
        let region = account.region();
        notes.push(format!(
            "nothing delivers to log group `{log_group}` in {region}"
        ));
    }
    Plan {
        account: account.clone(),
        steps,
        notes,
    }
}

struct Teardown<'a> {
    log_group: &'a str,
    remains: &'a Remains,
}

impl<'a> Teardown<'a> {
    fn of_group(&self) -> impl Iterator<Item = &'a FlowLog> {
        self.remains
            .flow_logs
            .iter()
            .filter(|flow_log| flow_log.log_group == self.log_group)
    }

    fn goes(&self, flow_log: &FlowLog) -> bool {
        flow_log.log_group == self.log_group && flow_log.tags.is_managed()
    }

    /// A flow log that stays and delivers with this role.
    fn user_of(&self, role: &Role) -> Option<&'a FlowLog> {
        let stay = |flow_log: &&FlowLog| !self.goes(flow_log);
        let mut staying = self.remains.flow_logs.iter().filter(stay);
        staying.find(|flow_log| flow_log.role_arn.as_ref() == Some(&role.arn))
    }

    /// Why a policy has to stay.
    fn need_of(&self, held: &HeldPolicy) -> Option<String> {
        if let Some(name) = held.others.first() {
            return Some(format!("attached to `{name}`, which vpcflow did not do"));
        }
        held.roles.iter().find_map(|name| {
            match self.remains.roles.iter().find(|role| role.name == *name) {
                None => Some(format!(
                    "attached to role `{name}`, which vpcflow did not do"
                )),
                Some(role) => {
                    let user = self.user_of(role)?;
                    Some(format!("{} still delivers with it", user.id))
                }
            }
        })
    }

    fn flow_log_steps(&self) -> Vec<Step> {
        let step = |flow_log: &FlowLog| {
            let id = &flow_log.id;
            if !self.goes(flow_log) {
                let reason = format!("{id}: not made by vpcflow");
                return Step::keep(Part::FlowLog, &flow_log.resource_id, reason);
            }
            let call = FlowLogCall::Delete { id: id.clone() };
            let (name, calls) = (&flow_log.resource_id, vec![call.into()]);
            Step::new(Verb::Delete, Part::FlowLog, name, id, calls)
        };
        self.of_group().map(step).collect()
    }

    fn detachment_steps(&self) -> Vec<Step> {
        let going = self
            .remains
            .policies
            .iter()
            .filter(|held| self.need_of(held).is_none());
        let detach = |held: &HeldPolicy, role: &String| {
            let reason = format!("policy {}", held.policy.name);
            let policy_arn = held.policy.arn.clone();
            let call = RoleCall::Detach {
                name: role.clone(),
                policy_arn,
            };
            Step::new(
                Verb::Delete,
                Part::Attachment,
                role,
                reason,
                vec![call.into()],
            )
        };
        going
            .flat_map(|held| held.roles.iter().map(|role| detach(held, role)))
            .collect()
    }

    fn policy_step(&self, held: &HeldPolicy) -> Step {
        let Policy {
            name,
            arn,
            old_versions,
            ..
        } = &held.policy;
        if let Some(need) = self.need_of(held) {
            return Step::keep(Part::Policy, name, need);
        }
        // IAM deletes a policy only once it has no version but the one in force.
        let old = old_versions
            .iter()
            .map(|version| PolicyCall::DeleteVersion {
                arn: arn.clone(),
                version: version.clone(),
            });
        let calls = old
            .chain([PolicyCall::Delete { arn: arn.clone() }])
            .map(Call::from)
            .collect();
        Step::new(Verb::Delete, Part::Policy, name, "made by vpcflow", calls)
    }

    fn role_step(&self, role: &Role) -> Step {
        if let Some(user) = self.user_of(role) {
            return Step::keep(
                Part::Role,
                &role.name,
                format!("{} still delivers with it", user.id),
            );
        }
        let is_ours = |arn: &&String| self.remains.policies.iter().any(|h| h.policy.arn == **arn);
        let foreign = role.attached_policies.iter().find(|arn| !is_ours(arn));
        let foreign = foreign.map(|arn| name_of_arn(arn));
        if let Some(policy) = foreign.or(role.inline_policies.first().map(String::as_str)) {
            let reason = format!("has policy `{policy}`, which vpcflow did not give it");
            return Step::keep(Part::Role, &role.name, reason);
        }
        let call = RoleCall::Delete {
            name: role.name.clone(),
        };
        Step::new(
            Verb::Delete,
            Part::Role,
            &role.name,
            "made by vpcflow",
            vec![call.into()],
        )
    }

    /// Roles that flow logs of ours deliver with, but that were not made for
    /// this log group.
    fn foreign_role_steps(&self) -> Vec<Step> {
        let arns: BTreeSet<&str> = self
            .of_group()
            .filter(|flow_log| self.goes(flow_log))
            .filter_map(|flow_log| flow_log.role_arn.as_deref())
            .filter(|arn| self.remains.roles.iter().all(|role| role.arn != *arn))
            .collect();
        let keep = |arn| Step::keep(Part::Role, name_of_arn(arn), "not made for this log group");
        arns.into_iter().map(keep).collect()
    }

    fn log_group_step(&self, group: &LogGroup, keep_logs: bool) -> Step {
        let keep = |reason: String| Step::keep(Part::LogGroup, &group.name, reason);
        if !group.tags.is_managed() {
            return keep("not made by vpcflow".to_owned());
        }
        if keep_logs {
            return keep("its events are to be kept".to_owned());
        }
        if let Some(writer) = self.of_group().find(|flow_log| !self.goes(flow_log)) {
            return keep(format!("{} still delivers to it", writer.id));
        }
        let call = LogGroupCall::Delete {
            name: group.name.clone(),
        };
        let reason = format!("and all events in it, {} bytes", group.stored_bytes);
        Step::new(
            Verb::Delete,
            Part::LogGroup,
            &group.name,
            reason,
            vec![call.into()],
        )
    }
}

#[cfg(test)]
mod tests;
