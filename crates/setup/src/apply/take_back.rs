//! After a failure: taking back what a run made, or telling what stands.

use super::{Aftermath, Made, OnProgress, Progress, Run, Standing};
use crate::Provisioner;
use crate::account::Account;
use crate::error::{Error, Result};
use crate::flow_logs::{Destination, FlowLog, FlowLogRequest, Settings};
use crate::resource::Resource;
use crate::step::{LogGroupCall, PolicyCall, RoleCall};
use crate::wish::Interval;

impl Provisioner {
    /// What a run made, left as it is.
    pub(super) async fn left_standing(&self, run: Run<'_>) -> Aftermath {
        let doubtful = self.settle(run.account, run.doubtful, &run.made).await;
        Aftermath {
            stands: run
                .made
                .iter()
                .map(Standing::of)
                .chain(doubtful.made.iter().map(Standing::of))
                .chain(doubtful.unknown)
                .collect(),
            changed: run.changed,
            deleted: run.deleted,
            lost: run.gave_way.iter().map(name_of).collect(),
            taken_back: Vec::new(),
        }
    }

    /// Takes back what a run made, as far as that goes: what fails is told, and
    /// the rest goes on.
    pub(super) async fn take_back(&self, run: Run<'_>, on_progress: OnProgress<'_>) -> Aftermath {
        let Run {
            account,
            made,
            doubtful,
            changed,
            deleted,
            gave_way,
            request,
            ..
        } = run;
        let doubtful = self.settle(account, doubtful, &made).await;
        let mut aftermath = Aftermath {
            changed,
            deleted,
            stands: doubtful.unknown,
            ..Aftermath::default()
        };
        let mut made: Vec<Made> = made.into_iter().chain(doubtful.made).collect();
        made.sort_by_key(Made::rank);
        let own_ids = flow_log_ids(&made);
        let mut user = None;
        let mut is_user_known = false;
        for made in &made {
            if made.is_shared() && !is_user_known {
                is_user_known = true;
                user = self.other_user(request.as_ref(), &own_ids).await;
            }
            if let Some(user) = user.as_ref().filter(|_| made.is_shared()) {
                aftermath.stands.push(Standing {
                    reason: Some(format!("{user} delivers with it by now")),
                    ..Standing::of(made)
                });
                continue;
            }
            let name = made.name();
            let part = made.part();
            on_progress(Progress::TakingBack { part, name: &name });
            match self.undo(account, made).await {
                Ok(()) => aftermath.taken_back.push(format!("{part} `{name}`")),
                Err(error) => aftermath.stands.push(Standing {
                    reason: Some(error.to_string()),
                    ..Standing::of(made)
                }),
            }
        }
        for old in gave_way {
            match self.make_again(&old).await {
                Ok(id) => aftermath
                    .taken_back
                    .push(format!("the end of {}, which is {id} now", name_of(&old))),
                Err(error) => aftermath.lost.push(format!("{} ({error})", name_of(&old))),
            }
        }
        aftermath
    }

    /// A flow log of somebody else's that has come to deliver to the group
    /// since the plan was made: what is shared is then no longer ours alone.
    async fn other_user(
        &self,
        request: Option<&FlowLogRequest>,
        own_ids: &[String],
    ) -> Option<String> {
        let request = request?;
        let flow_logs = self.flow_logs_of_group(request.settings.log_group()).await;
        let mut flow_logs = flow_logs.unwrap_or_default().into_iter();
        let is_known = |id: &String| own_ids.contains(id) || request.known_ids.contains(id);
        let other = flow_logs.find(|flow_log| !is_known(&flow_log.id));
        other.map(|flow_log| flow_log.id)
    }

    async fn undo(&self, account: &Account, made: &Made) -> Result<()> {
        match made {
            Made::FlowLog { id } => self.delete_flow_log(id).await,
            Made::FlowLogs(_) => Ok(()),
            Made::Attachment { role, policy_arn } => {
                let (name, policy_arn) = (role.clone(), policy_arn.clone());
                self.change_role(&RoleCall::Detach { name, policy_arn })
                    .await
            }
            Made::Policy { arn, .. } => {
                let arn = arn.clone();
                self.change_policy(account, &PolicyCall::Delete { arn })
                    .await
            }
            Made::Role { name } => {
                let name = name.clone();
                self.change_role(&RoleCall::Delete { name }).await
            }
            Made::LogGroup { name } => {
                let name = name.clone();
                self.change_log_group(account, &LogGroupCall::Delete { name })
                    .await
            }
        }
    }

    /// Looks whether what a lost answer may have made is there, and ours.
    async fn settle(&self, account: &Account, doubtful: Vec<Made>, made: &[Made]) -> Settled {
        let mut settled = Settled::default();
        for doubt in doubtful {
            match self.look_for(account, &doubt, made).await {
                Ok(found) => settled.made.extend(found),
                Err(error) => settled.unknown.push(Standing {
                    reason: Some(format!("perhaps: {error}")),
                    ..Standing::of(&doubt)
                }),
            }
        }
        settled
    }

    async fn look_for(&self, account: &Account, doubt: &Made, made: &[Made]) -> Result<Vec<Made>> {
        let is_there = match doubt {
            Made::Policy { arn, .. } => {
                let policy = self.policy(arn).await?;
                policy.is_some_and(|policy| policy.tags.is_managed())
            }
            Made::Role { name } => {
                let role = self.role(name).await?;
                role.is_some_and(|role| role.tags.is_managed())
            }
            Made::Attachment { role, policy_arn } => {
                let role = self.role(role).await?;
                role.is_some_and(|role| role.attached_policies.contains(policy_arn))
            }
            Made::LogGroup { name } => {
                let group = self.log_group(account, name).await?;
                group.is_some_and(|group| group.tags.is_managed())
            }
            Made::FlowLogs(request) => return self.new_flow_logs_of(request, made).await,
            Made::FlowLog { .. } => true,
        };
        Ok(is_there.then(|| doubt.clone()).into_iter().collect())
    }

    /// The flow logs of a request that were not there when it was planned, and
    /// are not known to be made.
    async fn new_flow_logs_of(&self, request: &FlowLogRequest, made: &[Made]) -> Result<Vec<Made>> {
        let flow_logs = self
            .flow_logs_of_group(request.settings.log_group())
            .await?;
        let is_new = |flow_log: &FlowLog| {
            let id = flow_log.id.clone();
            flow_log.tags.is_managed()
                && request.is_met_by(flow_log)
                && !request.known_ids.contains(&id)
                && !made.contains(&Made::FlowLog { id })
        };
        let new = flow_logs.into_iter().filter(is_new);
        Ok(new
            .map(|flow_log| Made::FlowLog { id: flow_log.id })
            .collect())
    }

    /// Makes a flow log again that gave way to one that could not stay.
    async fn make_again(&self, old: &FlowLog) -> Result<String> {
        let incomplete = |missing| Error::Incomplete {
            action: "ec2:DescribeFlowLogs",
            missing,
        };
        let resource: Resource = old
            .resource_id
            .parse()
            .map_err(|_| incomplete("valid resource id"))?;
        let interval = match old.interval_seconds {
            60 => Interval::OneMinute,
            _ => Interval::TenMinutes,
        };
        let request = FlowLogRequest {
            kind: resource.kind(),
            resource_ids: vec![old.resource_id.clone()],
            settings: Settings {
                destination: Destination::LogGroup(old.log_group.clone()),
                traffic: old.traffic.ok_or_else(|| incomplete("traffic type"))?,
                interval,
                format: old.format()?,
                format_without_ecs: None,
                tag_fields: old.tag_fields.clone(),
            },
            role_arn: old.role_arn.clone().ok_or_else(|| incomplete("role"))?,
            tags: old.tags.clone(),
            known_ids: Vec::new(),
            gives_way: Vec::new(),
        };
        let answer = self.try_create(&request, &request.resource_ids).await?;
        match answer.created.into_iter().next() {
            Some(id) => Ok(id),
            None => Err(Error::FlowLogs {
                refusals: answer.refusals,
            }),
        }
    }
}

fn flow_log_ids(made: &[Made]) -> Vec<String> {
    let ids = made.iter().filter_map(|made| match made {
        Made::FlowLog { id } => Some(id.clone()),
        _ => None,
    });
    ids.collect()
}

/// What the doubtful turned out to be.
#[derive(Default)]
struct Settled {
    made: Vec<Made>,
    /// What could not be looked at.
    unknown: Vec<Standing>,
}

fn name_of(flow_log: &FlowLog) -> String {
    format!("flow log `{}` of `{}`", flow_log.id, flow_log.resource_id)
}
