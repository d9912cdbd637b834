//! The role that delivers, and what it may do.

use serde_json::Value;

use super::changes::Changes;
use super::{Obstacle, Planner};
use crate::documents;
use crate::observe::{Policy, Role};
use crate::step::{Call, Part, PolicyCall, RoleCall, Step, Verb};
use crate::tags;

/// The versions that IAM keeps of a policy, the one in force among them:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html>.
const POLICY_VERSIONS_MAX: usize = 5;

impl Planner<'_> {
    pub(super) fn role_steps(&mut self) {
        let name = self.wish.role_name(self.account);
        match &self.observed.role {
            Some(role) if !role.tags.is_managed() => self.foreign_role_step(role),
            Some(role) if !role.tags.serve(self.account, &self.wish.log_group) => {
                let tag = |key| role.tags.get(key).unwrap_or("unknown").to_owned();
                let (log_group, region) = (tag(tags::LOG_GROUP), tag(tags::REGION));
                self.obstacles.push(Obstacle::RoleOfOtherGroup {
                    name,
                    log_group,
                    region,
                });
            }
            role => {
                // The policy first: a role without it would deliver nothing.
                self.policy_step();
                self.own_role_step(&name, role.as_ref());
                self.attachment_step(&name, role.as_ref());
            }
        }
    }

    fn foreign_role_step(&mut self, role: &Role) {
        if !documents::trusts_flow_logs(&role.trust) {
            self.obstacles.push(Obstacle::ForeignRole {
                name: role.name.clone(),
            });
            return;
        }
        let reason = "not made by vpcflow: used as it is";
        self.steps.push(Step::keep(Part::Role, &role.name, reason));
        self.notes.push(format!(
            "role `{}` must itself allow to write to `{}`; `vpcflow status` shows whether it does",
            role.name, self.wish.log_group
        ));
    }

    fn policy_step(&mut self) {
        let name = self.account.delivery_name(&self.wish.log_group);
        let arn = self.account.policy_arn(&name);
        let document =
            documents::delivery_policy(self.account, &self.wish.log_group, &self.settings.format);
        let tags = self.wish.iam_tags(self.account);
        let Some(policy) = &self.observed.policy else {
            let reason = format!("allows to write to {}", self.wish.log_group);
            let call = PolicyCall::Create {
                name: name.clone(),
                document,
                tags,
            };
            self.steps.push(Step::new(
                Verb::Create,
                Part::Policy,
                name,
                reason,
                vec![call.into()],
            ));
            return;
        };
        if !policy.tags.is_managed() {
            self.obstacles.push(Obstacle::ForeignPolicy { arn });
            return;
        }
        let mut changes = Changes::default();
        if !documents::mean_the_same(&policy.document, &document) {
            changes.add("what it allows was changed", new_version(policy, document));
            self.notes.push(
                "flow logs that exist may go on with the earlier permissions: if `vpcflow status` \
                 shows `Access error`, tear down and set up again"
                    .to_owned(),
            );
        }
        changes.add_tags(tags.missing_from(&policy.tags), |tags| {
            PolicyCall::Tag { arn, tags }.into()
        });
        self.steps
            .push(changes.into_step(Part::Policy, &name, "as it should be"));
    }

    fn own_role_step(&mut self, name: &str, role: Option<&Role>) {
        let trust = documents::trust_policy(self.account);
        let tags = self.wish.iam_tags(self.account);
        let Some(role) = role else {
            let reason = "assumed by the flow logs of this account and region";
            let call = RoleCall::Create {
                name: name.to_owned(),
                trust,
                tags,
            };
            self.steps.push(Step::new(
                Verb::Create,
                Part::Role,
                name,
                reason,
                vec![call.into()],
            ));
            return;
        };
        let mut changes = Changes::default();
        if !documents::mean_the_same(&role.trust, &trust) {
            let call = RoleCall::SetTrust {
                name: name.to_owned(),
                trust,
            };
            changes.add("its trust policy was changed", vec![call.into()]);
        }
        let missing = tags.missing_from(&role.tags);
        changes.add_tags(missing, |tags| {
            RoleCall::Tag {
                name: name.to_owned(),
                tags,
            }
            .into()
        });
        self.steps
            .push(changes.into_step(Part::Role, name, "as it should be"));
    }

    fn attachment_step(&mut self, role_name: &str, role: Option<&Role>) {
        let policy = self.account.delivery_name(&self.wish.log_group);
        let policy_arn = self.account.policy_arn(&policy);
        let reason = format!("policy {policy}");
        let is_attached = role.is_some_and(|role| role.attached_policies.contains(&policy_arn));
        self.steps.push(if is_attached {
            Step::keep(Part::Attachment, role_name, reason)
        } else {
            let call = RoleCall::Attach {
                name: role_name.to_owned(),
                policy_arn,
            };
            Step::new(
                Verb::Create,
                Part::Attachment,
                role_name,
                reason,
                vec![call.into()],
            )
        });
    }
}

/// IAM takes a new version only while there is room for it.
fn new_version(policy: &Policy, document: Value) -> Vec<Call> {
    let arn = || policy.arn.clone();
    let is_full = policy.old_versions.len() + 1 >= POLICY_VERSIONS_MAX;
    let oldest = policy.old_versions.first().filter(|_| is_full);
    let make_room = oldest.map(|version| PolicyCall::DeleteVersion {
        arn: arn(),
        version: version.clone(),
    });
    let add = PolicyCall::AddVersion {
        arn: arn(),
        document,
    };
    make_room.into_iter().chain([add]).map(Call::from).collect()
}
