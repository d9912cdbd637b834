//! What there is to remove, and what depends on it.

use aws_sdk_iam::types::PolicyScopeType;

use super::{HeldPolicy, Remains};
use crate::Provisioner;
use crate::account::{Account, IAM_PATH};
use crate::error::{Error, Result};
use crate::observe::{Policy, Role};
use crate::provisioner::some_at_a_time;

impl Provisioner {
    /// Reads what there is to remove for a log group.
    ///
    /// # Errors
    /// When AWS cannot be asked. That nothing exists is no error.
    pub async fn remains(&self, account: &Account, log_group: &str) -> Result<Remains> {
        // Boxed, as the SDK's futures are large and these are several of them.
        let reads = Box::pin(async {
            tokio::try_join!(
                self.all_flow_logs(),
                self.roles_for(account, log_group),
                self.policies_for(account, log_group),
                self.log_group(account, log_group),
            )
        });
        let (flow_logs, roles, policies, log_group) = reads.await?;
        Ok(Remains {
            flow_logs,
            roles,
            policies,
            log_group,
        })
    }

    async fn roles_for(&self, account: &Account, log_group: &str) -> Result<Vec<Role>> {
        // The list has no tags, so each role is read; there is one a log group.
        let listed = self
            .iam
            .list_roles()
            .path_prefix(IAM_PATH)
            .into_paginator()
            .items()
            .send();
        let listed = listed
            .try_collect()
            .await
            .map_err(|e| Error::of_call("iam:ListRoles", e))?;
        let roles = listed
            .iter()
            .map(|role| Box::pin(self.role(role.role_name())));
        let roles = some_at_a_time(roles.collect()).await?.into_iter().flatten();
        let of_group = roles.filter(|role| role.tags.serve(account, log_group));
        Ok(of_group.collect())
    }

    async fn policies_for(&self, account: &Account, log_group: &str) -> Result<Vec<HeldPolicy>> {
        let request = self
            .iam
            .list_policies()
            .scope(PolicyScopeType::Local)
            .path_prefix(IAM_PATH);
        let listed = request.into_paginator().items().send().try_collect().await;
        let listed = listed.map_err(|e| Error::of_call("iam:ListPolicies", e))?;
        let arns = listed.iter().filter_map(|policy| policy.arn());
        let policies = arns.map(|arn| Box::pin(self.policy(arn)));
        let policies = some_at_a_time(policies.collect())
            .await?
            .into_iter()
            .flatten();
        let of_group = policies.filter(|policy| policy.tags.serve(account, log_group));
        let held = of_group.map(|policy| Box::pin(self.with_holders(policy)));
        some_at_a_time(held.collect()).await
    }

    async fn with_holders(&self, policy: Policy) -> Result<HeldPolicy> {
        let mut held = HeldPolicy {
            policy,
            roles: Vec::new(),
            others: Vec::new(),
        };
        let request = self
            .iam
            .list_entities_for_policy()
            .policy_arn(&held.policy.arn);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Error::of_call("iam:ListEntitiesForPolicy", e))?;
            let text = |name: Option<&str>| name.map(str::to_owned);
            held.roles.extend(
                page.policy_roles()
                    .iter()
                    .filter_map(|r| text(r.role_name())),
            );
            held.others.extend(
                page.policy_users()
                    .iter()
                    .filter_map(|u| text(u.user_name())),
            );
            held.others.extend(
                page.policy_groups()
                    .iter()
                    .filter_map(|g| text(g.group_name())),
            );
        }
        Ok(held)
    }
}
