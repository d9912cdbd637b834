//! Looking at everything that the caller may look at.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{Facts, Interface, LogGroupStatus, Sight, Status, Unseen, checks};
use crate::Provisioner;
use crate::account::{Account, IAM_PATH};
use crate::error::{Error, Result};
use crate::flow_logs::FlowLog;
use crate::observe::unless_absent;
use crate::provisioner::some_at_a_time;
use crate::tags::{self, Tags};

mod log_group;
mod network;
mod role;

impl Provisioner {
    /// Looks at the flow logs of these log groups, also those that vpcflow did
    /// not make; without a log group, at all that vpcflow made. Finds what is
    /// wrong, and the way out.
    ///
    /// `now_ms` is the time in milliseconds since 1970, which ages are told
    /// from. What the caller may not look at is listed in [`Status::unseen`].
    ///
    /// # Errors
    /// When AWS cannot be asked. That nothing exists is no error.
    pub async fn status(&self, log_groups: &[String], now_ms: i64) -> Result<Status> {
        let account = self.account().await?;
        let reader = Reader {
            aws: self,
            account: &account,
            now_ms,
            unseen: Mutex::default(),
        };
        // Boxed, as the SDK's futures are large and these are many of them.
        let facts = Box::pin(reader.facts(log_groups)).await?;
        let unseen = reader.unseen.into_inner();
        let checks = checks::checks(&facts);
        Ok(Status {
            now_ms,
            checks,
            unseen: unseen
                .unwrap_or_else(PoisonError::into_inner)
                .into_iter()
                .collect(),
            flow_logs: facts.flow_logs,
            log_groups: facts.log_groups,
            account,
        })
    }
}

struct Reader<'a> {
    aws: &'a Provisioner,
    account: &'a Account,
    now_ms: i64,
    unseen: Mutex<BTreeSet<Unseen>>,
}

impl Reader<'_> {
    async fn facts(&self, asked: &[String]) -> Result<Facts> {
        let all = self.aws.all_flow_logs().await;
        let all_flow_logs = self.if_allowed("which flow logs there are", all)?;
        let flow_logs = asked_for(asked, all_flow_logs.as_deref().unwrap_or_default());

        let groups = flow_logs.iter().map(|log| &log.log_group).chain(asked);
        let groups: BTreeSet<&String> = groups.collect();
        let groups = groups
            .into_iter()
            .map(|name| Box::pin(self.log_group(name)));
        let groups = some_at_a_time(groups.collect());
        let roles: BTreeSet<&String> = flow_logs
            .iter()
            .filter_map(|log| log.role_arn.as_ref())
            .collect();
        let roles = roles.into_iter().map(|arn| Box::pin(self.role(arn)));
        let roles = some_at_a_time(roles.collect());
        let network = Box::pin(async {
            let interfaces = self
                .interfaces(&flow_logs, all_flow_logs.as_deref())
                .await?;
            let subnets = self.subnets(all_flow_logs.as_deref()).await?;
            Ok((interfaces, subnets))
        });
        let own_roles = Box::pin(self.own_roles(asked));
        let (log_groups, roles, (interfaces, subnets), own_roles) =
            tokio::try_join!(groups, roles, network, own_roles)?;

        let mut facts = Facts {
            account: self.account.clone(),
            now_ms: self.now_ms,
            asked: asked.to_vec(),
            flow_logs,
            all_flow_logs,
            log_groups,
            roles: roles.into_iter().collect(),
            interfaces,
            subnets,
            own_roles,
        };
        facts.assign_interfaces();
        Ok(facts)
    }

    /// What was read; `None`, and a note, when the caller may not read it.
    fn if_allowed<T>(&self, about: &'static str, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(read) => Ok(Some(read)),
            Err(Error::AccessDenied { action, .. }) => {
                self.note_unseen(action, about);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn note_unseen(&self, action: &'static str, about: &'static str) {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        unseen.insert(Unseen { action, about });
    }

    /// The roles that vpcflow made in this region for one of these log groups,
    /// or for any, with the log group.
    async fn own_roles(&self, asked: &[String]) -> Result<Vec<(String, String)>> {
        const ABOUT: &str = "what a set-up left behind that did not get to its end";
        let listed = self.aws.iam.list_roles().path_prefix(IAM_PATH);
        let listed = listed.into_paginator().items().send().try_collect().await;
        let listed = listed.map_err(|e| Error::of_call("iam:ListRoles", e));
        let listed = self.if_allowed(ABOUT, listed)?.unwrap_or_default();
        let served = listed
            .iter()
            .map(|role| Box::pin(self.tags_of_role(role.role_name())));
        let served = some_at_a_time(served.collect()).await;
        let served = self.if_allowed(ABOUT, served)?.unwrap_or_default();
        let of_asked = served.into_iter().filter_map(|(name, tags)| {
            let log_group = tags.get(tags::LOG_GROUP)?;
            let is_asked = asked.is_empty() || asked.iter().any(|name| name == log_group);
            let is_ours = tags.serve(self.account, log_group);
            (is_asked && is_ours).then(|| (name, log_group.to_owned()))
        });
        Ok(of_asked.collect())
    }

    async fn tags_of_role(&self, name: &str) -> Result<(String, Tags)> {
        // Listed without its tags; absent when it was deleted since.
        let answer = self.aws.iam.get_role().role_name(name).send().await;
        let role = unless_absent("iam:GetRole", answer)?.and_then(|answer| answer.role);
        let tags = role.map(|role| Tags::from_iam(role.tags()));
        Ok((name.to_owned(), tags.unwrap_or_default()))
    }
}

/// The flow logs that the user asked about, by log group and resource.
fn asked_for(asked: &[String], all: &[FlowLog]) -> Vec<FlowLog> {
    let is_asked = |flow_log: &&FlowLog| match asked {
        [] => flow_log.tags.is_managed(),
        names => names.contains(&flow_log.log_group),
    };
    let mut flow_logs: Vec<FlowLog> = all.iter().filter(is_asked).cloned().collect();
    let key = |log: &FlowLog| {
        (
            log.log_group.clone(),
            log.resource_id.clone(),
            log.id.clone(),
        )
    };
    flow_logs.sort_by_cached_key(key);
    flow_logs
}

impl Facts {
    /// Gives each log group the interfaces that its flow logs watch.
    fn assign_interfaces(&mut self) {
        let Some(interfaces) = &self.interfaces else {
            return;
        };
        for group in &mut self.log_groups {
            let watched: BTreeSet<&str> = self
                .flow_logs
                .iter()
                .filter(|flow_log| flow_log.log_group == group.name)
                .map(|flow_log| flow_log.resource_id.as_str())
                .collect();
            let is_watched = |interface: &&Interface| {
                let Interface {
                    id,
                    subnet_id,
                    vpc_id,
                    ..
                } = interface;
                [id, subnet_id, vpc_id]
                    .iter()
                    .any(|id| watched.contains(id.as_str()))
            };
            group.interfaces = Some(interfaces.values().filter(is_watched).cloned().collect());
        }
    }
}

#[cfg(test)]
mod tests;
