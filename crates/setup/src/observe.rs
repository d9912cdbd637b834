//! What exists: everything a plan looks at, read without changing anything.

use std::error::Error as StdError;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use serde_json::Value;

use crate::Provisioner;
use crate::account::{Account, name_of_arn};
use crate::documents;
use crate::error::{Error, Result};
use crate::flow_logs::FlowLog;
use crate::log_class::LogClass;
use crate::resource::Resource;
use crate::tags::Tags;
use crate::wish::Wish;

/// What exists of a [`Wish`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The resources of the wish that do not exist.
    pub missing_resources: Vec<Resource>,
    /// The delivery policy of the log group.
    pub policy: Option<Policy>,
    /// The role of the name that the wish asks for.
    pub role: Option<Role>,
    /// The log group.
    pub log_group: Option<LogGroup>,
    /// Every flow log that delivers to the log group, also of other resources.
    pub flow_logs: Vec<FlowLog>,
    /// The flow logs that watch the resources of the wish, but deliver to other
    /// log groups.
    pub elsewhere: Vec<FlowLog>,
}

/// A log group that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroup {
    /// Its name.
    pub name: String,
    /// For how many days it keeps events; `None` is for ever.
    pub retention_days: Option<u32>,
    /// What AWS bills as stored, in bytes; hours old.
    pub stored_bytes: u64,
    /// What can be done with its events.
    pub class: LogClass,
    /// The ARN of the KMS key that encrypts it; `None` is CloudWatch Logs' own
    /// encryption.
    pub kms_key: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An IAM role that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Who may assume it; null if IAM's text cannot be read.
    pub trust: Value,
    /// The ARNs of the managed policies attached to it.
    pub attached_policies: Vec<String>,
    /// The names of the policies written into it.
    pub inline_policies: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

/// A managed IAM policy that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// What it allows at present; null if IAM's text cannot be read.
    pub document: Value,
    /// The ids of the versions that are not in force, oldest first.
    pub old_versions: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

impl Provisioner {
    /// Reads what exists of a wish.
    ///
    /// # Errors
    /// When AWS cannot be asked. That something does not exist is no error.
    pub async fn observe(&self, account: &Account, wish: &Wish) -> Result<Observed> {
        let role_name = wish.role_name(account);
        let policy_arn = account.policy_arn(&account.delivery_name(&wish.log_group));
        // Boxed, as the SDK's futures are large and these are six of them.
        let reads = Box::pin(async {
            tokio::try_join!(
                self.missing_of(&wish.resources),
                self.policy(&policy_arn),
                self.role(&role_name),
                self.log_group(account, &wish.log_group),
                self.flow_logs_of_group(&wish.log_group),
                self.flow_logs_of_resources(&wish.resources),
            )
        });
        let (missing_resources, policy, role, log_group, flow_logs, mut elsewhere) = reads.await?;
        elsewhere.retain(|flow_log| flow_log.log_group != wish.log_group);
        Ok(Observed {
            missing_resources,
            policy,
            role,
            log_group,
            flow_logs,
            elsewhere,
        })
    }

    /// The log group of this name.
    pub(crate) async fn log_group(
        &self,
        account: &Account,
        name: &str,
    ) -> Result<Option<LogGroup>> {
        let Some(mut group) = self.log_group_without_tags(name).await? else {
            return Ok(None);
        };
        group.tags = self.tags_of_log_group(account, name).await?;
        Ok(Some(group))
    }

    /// The log group of this name, as if it had no tags: they take a permission
    /// of their own.
    pub(crate) async fn log_group_without_tags(&self, name: &str) -> Result<Option<LogGroup>> {
        // Names are unique and sorted, so the exact one comes first of those
        // that begin with it.
        let request = self
            .logs
            .describe_log_groups()
            .log_group_name_prefix(name)
            .limit(1);
        let described = request
            .send()
            .await
            .map_err(|e| Error::of_call("logs:DescribeLogGroups", e))?;
        let mut groups = described.log_groups().iter();
        let group = groups.find(|group| group.log_group_name() == Some(name));
        Ok(group.map(|group| LogGroup {
            name: name.to_owned(),
            retention_days: group
                .retention_in_days()
                .and_then(|days| u32::try_from(days).ok()),
            stored_bytes: group
                .stored_bytes()
                .and_then(|b| u64::try_from(b).ok())
                .unwrap_or(0),
            class: LogClass::of_logs(group.log_group_class()),
            kms_key: group.kms_key_id().map(str::to_owned),
            tags: Tags::default(),
        }))
    }

    pub(crate) async fn tags_of_log_group(&self, account: &Account, name: &str) -> Result<Tags> {
        let request = self
            .logs
            .list_tags_for_resource()
            .resource_arn(account.log_group_arn(name));
        let tags = request
            .send()
            .await
            .map_err(|e| Error::of_call("logs:ListTagsForResource", e))?;
        Ok(tags.tags.unwrap_or_default().into_iter().collect())
    }

    /// The role of this name, under whatever path.
    pub(crate) async fn role(&self, name: &str) -> Result<Option<Role>> {
        let answer = self.iam.get_role().role_name(name).send().await;
        let Some(answer) = unless_absent("iam:GetRole", answer)? else {
            return Ok(None);
        };
        let role = answer.role.ok_or(Error::Incomplete {
            action: "iam:GetRole",
            missing: "role",
        })?;

        let attached = self.iam.list_attached_role_policies().role_name(name);
        let attached = attached.into_paginator().items().send().try_collect().await;
        let attached = attached.map_err(|e| Error::of_call("iam:ListAttachedRolePolicies", e))?;

        let inline = self.iam.list_role_policies().role_name(name);
        let inline = inline.into_paginator().items().send().try_collect().await;
        let inline_policies = inline.map_err(|e| Error::of_call("iam:ListRolePolicies", e))?;

        let trust = role
            .assume_role_policy_document()
            .and_then(documents::decode);
        Ok(Some(Role {
            name: name.to_owned(),
            trust: trust.unwrap_or_default(),
            attached_policies: attached
                .into_iter()
                .filter_map(|policy| policy.policy_arn)
                .collect(),
            inline_policies,
            tags: Tags::from_iam(role.tags()),
            arn: role.arn,
        }))
    }

    /// The managed policy of this ARN.
    pub(crate) async fn policy(&self, arn: &str) -> Result<Option<Policy>> {
        let answer = self.iam.get_policy().policy_arn(arn).send().await;
        let Some(answer) = unless_absent("iam:GetPolicy", answer)? else {
            return Ok(None);
        };
        let incomplete = |missing| Error::Incomplete {
            action: "iam:GetPolicy",
            missing,
        };
        let policy = answer.policy.ok_or_else(|| incomplete("policy"))?;
        let in_force = policy
            .default_version_id()
            .ok_or_else(|| incomplete("default version"))?
            .to_owned();

        let document = self.policy_document(arn, &in_force).await?;

        let versions = self.iam.list_policy_versions().policy_arn(arn);
        let versions = versions.into_paginator().items().send().try_collect().await;
        let versions = versions.map_err(|e| Error::of_call("iam:ListPolicyVersions", e))?;
        let versions = versions
            .into_iter()
            .filter_map(|version| version.version_id);

        Ok(Some(Policy {
            name: name_of_arn(arn).to_owned(),
            arn: arn.to_owned(),
            document,
            old_versions: oldest_first(versions.filter(|version| *version != in_force).collect()),
            tags: Tags::from_iam(policy.tags()),
        }))
    }

    /// What a version of a managed policy says; null if its text cannot be
    /// read.
    pub(crate) async fn policy_document(&self, arn: &str, version: &str) -> Result<Value> {
        let request = self
            .iam
            .get_policy_version()
            .policy_arn(arn)
            .version_id(version);
        let version = request
            .send()
            .await
            .map_err(|e| Error::of_call("iam:GetPolicyVersion", e))?;
        let document = version
            .policy_version()
            .and_then(|version| version.document());
        Ok(document.and_then(documents::decode).unwrap_or_default())
    }
}

/// Version ids are `v1`, `v2`, …, counted up and never used again.
fn oldest_first(mut versions: Vec<String>) -> Vec<String> {
    let number = |version: &String| version.trim_start_matches('v').parse::<u32>().ok();
    versions.sort_by_key(number);
    versions
}

/// `None` when IAM says that there is no such thing.
pub(crate) fn unless_absent<T, E>(
    action: &'static str,
    answer: std::result::Result<T, SdkError<E>>,
) -> Result<Option<T>>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.code() == Some("NoSuchEntity") => Ok(None),
        Err(error) => Err(Error::of_call(action, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::oldest_first;

    #[test]
    fn versions_are_ordered_by_number() {
        let versions = ["v10", "v9", "v2"].map(str::to_owned).to_vec();
        assert_eq!(oldest_first(versions), ["v2", "v9", "v10"]);
    }
}
