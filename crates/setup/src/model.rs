//! For tests: an AWS account in memory that carries out plans and insists on
//! the order that AWS insists on.

use crate::account::{Account, name_of_arn};
use crate::apply::Made;
use crate::flow_logs::{Delivery, FlowLog, FlowLogRequest};
use crate::observe::{LogGroup, Observed, Policy, Role};
use crate::resource::Resource;
use crate::step::{Call, FlowLogCall, LogGroupCall, Plan, PolicyCall, RoleCall, Verb};
use crate::tags::Tags;
use crate::teardown::{HeldPolicy, Remains};
use crate::wish::Wish;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct World {
    pub(crate) account: Account,
    pub(crate) missing_resources: Vec<Resource>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) roles: Vec<Role>,
    pub(crate) log_groups: Vec<LogGroup>,
    pub(crate) flow_logs: Vec<FlowLog>,
    flow_logs_made: usize,
}

impl World {
    pub(crate) fn empty() -> World {
        let caller = "arn:aws:iam::123456789012:user/me";
        World {
            account: Account::of_caller(caller, "123456789012", "eu-west-1").unwrap(),
            missing_resources: Vec::new(),
            policies: Vec::new(),
            roles: Vec::new(),
            log_groups: Vec::new(),
            flow_logs: Vec::new(),
            flow_logs_made: 0,
        }
    }

    /// A world in which this wish has been fulfilled.
    pub(crate) fn with(wish: &Wish) -> World {
        let mut world = World::empty();
        world.carry_out(&world.plan(wish).unwrap());
        world
    }

    pub(crate) fn plan(&self, wish: &Wish) -> crate::Result<Plan> {
        crate::plan(wish, &self.account, &self.observed(wish))
    }

    pub(crate) fn plan_teardown(&self, log_group: &str, keep_logs: bool) -> Plan {
        crate::plan_teardown(
            log_group,
            &self.account,
            &self.remains(log_group),
            keep_logs,
        )
    }

    fn observed(&self, wish: &Wish) -> Observed {
        let policy_arn = self
            .account
            .policy_arn(&self.account.delivery_name(wish.log_group()));
        let role_name = wish.role_name(&self.account);
        Observed {
            missing_resources: self.missing_resources.clone(),
            policy: self
                .policies
                .iter()
                .find(|policy| policy.arn == policy_arn)
                .cloned(),
            role: self
                .roles
                .iter()
                .find(|role| role.name == role_name)
                .cloned(),
            log_group: self.log_group(wish.log_group()),
            flow_logs: self
                .flow_logs
                .iter()
                .filter(|flow_log| flow_log.log_group == wish.log_group())
                .cloned()
                .collect(),
            elsewhere: self
                .flow_logs
                .iter()
                .filter(|flow_log| {
                    let mut wished = wish.resources().iter();
                    flow_log.log_group != wish.log_group()
                        && wished.any(|resource| resource.id() == flow_log.resource_id)
                })
                .cloned()
                .collect(),
        }
    }

    fn remains(&self, log_group: &str) -> Remains {
        let serves = |tags: &Tags| tags.serve(&self.account, log_group);
        let holders = |arn: &String| {
            let holds = |role: &&Role| role.attached_policies.contains(arn);
            self.roles
                .iter()
                .filter(holds)
                .map(|role| role.name.clone())
                .collect()
        };
        let held = |policy: &Policy| HeldPolicy {
            policy: policy.clone(),
            roles: holders(&policy.arn),
            others: Vec::new(),
        };
        Remains {
            flow_logs: self.flow_logs.clone(),
            roles: self
                .roles
                .iter()
                .filter(|role| serves(&role.tags))
                .cloned()
                .collect(),
            policies: self
                .policies
                .iter()
                .filter(|p| serves(&p.tags))
                .map(held)
                .collect(),
            log_group: self.log_group(log_group),
        }
    }

    fn log_group(&self, name: &str) -> Option<LogGroup> {
        self.log_groups
            .iter()
            .find(|group| group.name == name)
            .cloned()
    }

    pub(crate) fn carry_out(&mut self, plan: &Plan) {
        for call in calls(plan) {
            self.call(call);
        }
    }

    /// Carries out the first calls only, as if the process had died then.
    pub(crate) fn carry_out_in_part(&mut self, plan: &Plan, calls_max: usize) {
        for call in calls(plan).take(calls_max) {
            self.call(call);
        }
    }

    /// Carries out the first calls; the next one fails, and the run takes back
    /// what it made, as [`OnFailure::TakeBack`](crate::OnFailure) says.
    pub(crate) fn carry_out_and_take_back(&mut self, plan: &Plan, calls_max: usize) {
        let mut left = calls_max;
        let mut made = Vec::new();
        for step in &plan.steps {
            for call in &step.calls {
                if left == 0 {
                    if step.verb != Verb::Delete {
                        self.take_back(made);
                    }
                    return;
                }
                left -= 1;
                made.extend(self.call_and_note(call));
            }
        }
    }

    fn call_and_note(&mut self, call: &Call) -> Vec<Made> {
        let flow_logs_before = self.flow_logs.len();
        self.call(call);
        match Made::by(&self.account, call) {
            Some(Made::FlowLogs(_)) => self.flow_logs[flow_logs_before..]
                .iter()
                .map(|flow_log| Made::FlowLog {
                    id: flow_log.id.clone(),
                })
                .collect(),
            made => made.into_iter().collect(),
        }
    }

    fn take_back(&mut self, mut made: Vec<Made>) {
        made.sort_by_key(Made::rank);
        for made in made {
            let call: Call = match made {
                Made::FlowLog { id } => FlowLogCall::Delete { id }.into(),
                Made::FlowLogs(_) => continue,
                Made::Attachment { role, policy_arn } => RoleCall::Detach {
                    name: role,
                    policy_arn,
                }
                .into(),
                Made::Policy { arn, .. } => PolicyCall::Delete { arn }.into(),
                Made::Role { name } => RoleCall::Delete { name }.into(),
                Made::LogGroup { name } => LogGroupCall::Delete { name }.into(),
            };
            self.call(&call);
        }
    }

    fn call(&mut self, call: &Call) {
        match call {
            Call::Policy(call) => self.policy_call(call),
            Call::Role(call) => self.role_call(call),
            Call::LogGroup(call) => self.log_group_call(call),
            Call::FlowLog(call) => self.flow_log_call(call),
        }
    }

    fn policy_call(&mut self, call: &PolicyCall) {
        match call {
            PolicyCall::Create {
                name,
                document,
                tags,
            } => self.policies.push(Policy {
                name: name.clone(),
                arn: self.account.policy_arn(name),
                document: document.clone(),
                old_versions: Vec::new(),
                tags: tags.clone(),
            }),
            PolicyCall::AddVersion { arn, document } => {
                let policy = self.policy(arn);
                policy
                    .old_versions
                    .push(format!("v{}", policy.old_versions.len() + 1));
                assert!(policy.old_versions.len() < 5, "LimitExceeded");
                policy.document = document.clone();
            }
            PolicyCall::DeleteVersion { arn, version } => {
                self.policy(arn).old_versions.retain(|old| old != version);
            }
            PolicyCall::Tag { arn, tags } => add(&mut self.policy(arn).tags, tags),
            PolicyCall::Delete { arn } => {
                let is_attached = self.roles.iter().any(|r| r.attached_policies.contains(arn));
                assert!(!is_attached, "DeleteConflict: attached");
                assert!(
                    self.policy(arn).old_versions.is_empty(),
                    "DeleteConflict: versions"
                );
                self.policies.retain(|policy| policy.arn != *arn);
            }
        }
    }

    fn role_call(&mut self, call: &RoleCall) {
        match call {
            RoleCall::Create { name, trust, tags } => self.roles.push(Role {
                name: name.clone(),
                arn: self.account.role_arn(name),
                trust: trust.clone(),
                attached_policies: Vec::new(),
                inline_policies: Vec::new(),
                tags: tags.clone(),
            }),
            RoleCall::SetTrust { name, trust } => self.role(name).trust = trust.clone(),
            RoleCall::Tag { name, tags } => add(&mut self.role(name).tags, tags),
            RoleCall::Attach { name, policy_arn } => {
                self.policy(policy_arn);
                self.role(name).attached_policies.push(policy_arn.clone());
            }
            RoleCall::Detach { name, policy_arn } => {
                self.role(name)
                    .attached_policies
                    .retain(|arn| arn != policy_arn);
            }
            RoleCall::Delete { name } => {
                let role = self.role(name);
                assert!(
                    role.attached_policies.is_empty(),
                    "DeleteConflict: policies"
                );
                assert!(
                    role.inline_policies.is_empty(),
                    "DeleteConflict: inline policies"
                );
                self.roles.retain(|role| role.name != *name);
            }
        }
    }

    fn log_group_call(&mut self, call: &LogGroupCall) {
        match call {
            LogGroupCall::Create {
                name,
                class,
                kms_key,
                tags,
            } => self.log_groups.push(LogGroup {
                name: name.clone(),
                retention_days: None,
                stored_bytes: 0,
                class: class.unwrap_or_default(),
                kms_key: kms_key.clone(),
                tags: tags.clone(),
            }),
            LogGroupCall::Retain { name, days } => {
                self.existing_log_group(name).retention_days = Some(*days);
            }
            LogGroupCall::Encrypt { name, kms_key } => {
                self.existing_log_group(name).kms_key = Some(kms_key.clone());
            }
            LogGroupCall::Tag { name, tags } => {
                add(&mut self.existing_log_group(name).tags, tags);
            }
            LogGroupCall::Delete { name } => self.log_groups.retain(|group| group.name != *name),
        }
    }

    fn flow_log_call(&mut self, call: &FlowLogCall) {
        match call {
            FlowLogCall::Create(request) => {
                self.role(name_of_arn(&request.role_arn));
                for resource_id in &request.resource_ids {
                    self.flow_logs_made += 1;
                    let id = format!("fl-{}", self.flow_logs_made);
                    self.flow_logs.push(flow_log(id, resource_id, request));
                }
            }
            FlowLogCall::Tag { id, tags } => {
                let flow_log = self
                    .flow_logs
                    .iter_mut()
                    .find(|flow_log| flow_log.id == *id);
                add(&mut flow_log.expect("the flow log exists").tags, tags);
            }
            FlowLogCall::Delete { id } => self.flow_logs.retain(|flow_log| flow_log.id != *id),
        }
    }

    fn policy(&mut self, arn: &str) -> &mut Policy {
        self.policies
            .iter_mut()
            .find(|policy| policy.arn == arn)
            .expect("the policy exists")
    }

    fn role(&mut self, name: &str) -> &mut Role {
        self.roles
            .iter_mut()
            .find(|role| role.name == name)
            .expect("the role exists")
    }

    fn existing_log_group(&mut self, name: &str) -> &mut LogGroup {
        let mut groups = self.log_groups.iter_mut();
        groups
            .find(|group| group.name == name)
            .expect("the log group exists")
    }
}

pub(crate) fn calls(plan: &Plan) -> impl Iterator<Item = &Call> {
    plan.steps.iter().flat_map(|step| &step.calls)
}

fn add(tags: &mut Tags, more: &Tags) {
    for (key, value) in more.iter() {
        tags.set(key, value);
    }
}

fn flow_log(id: String, resource_id: &str, request: &FlowLogRequest) -> FlowLog {
    let settings = &request.settings;
    FlowLog {
        id,
        resource_id: resource_id.to_owned(),
        log_group: settings.log_group().to_owned(),
        traffic: Some(settings.traffic),
        interval_seconds: settings.interval.seconds(),
        log_format: settings.format.to_log_format(),
        tag_fields: settings.tag_fields.clone(),
        role_arn: Some(request.role_arn.clone()),
        delivery: Delivery::Succeeds,
        created_ms: None,
        tags: request.tags.clone(),
    }
}

mod tests;
