//! Delivery roles, and the documents that say what they may do.

use serde_json::Value;

use super::{Error, Reader, Result, Sight};
use crate::account::name_of_arn;
use crate::documents;
use crate::observe::unless_absent;
use crate::status::RoleFacts;
use crate::tags::Tags;

const ABOUT_POLICIES: &str = "what the delivery roles may do";

impl Reader<'_> {
    /// A role by its ARN, and the ARN.
    pub(super) async fn role(&self, arn: &str) -> Result<(String, Sight<RoleFacts>)> {
        let role = Box::pin(self.role_facts(arn)).await?;
        Ok((arn.to_owned(), role))
    }

    async fn role_facts(&self, arn: &str) -> Result<Sight<RoleFacts>> {
        if arn.split(':').nth(4) != Some(self.account.id()) {
            self.note_unseen("iam:GetRole", "the delivery roles of other accounts");
            return Ok(Sight::Unseen);
        }
        let name = name_of_arn(arn);
        let answer = self.aws.iam.get_role().role_name(name).send().await;
        let answer = unless_absent("iam:GetRole", answer);
        let about = "whether the delivery roles exist, and whom they trust";
        let role = match self.if_allowed(about, answer)? {
            None => return Ok(Sight::Unseen),
            Some(None) => return Ok(Sight::Absent),
            Some(Some(answer)) => answer.role.filter(|role| role.arn == arn),
        };
        // It may be one of that name under another path.
        let Some(role) = role else {
            return Ok(Sight::Absent);
        };
        let trust = role
            .assume_role_policy_document()
            .and_then(documents::decode);
        let boundary = role
            .permissions_boundary()
            .and_then(|boundary| boundary.permissions_boundary_arn());
        let boundary = match boundary {
            Some(arn) => {
                let document = self.document(arn).await;
                // One that may not be read leaves it unclear.
                Some(
                    self.if_allowed(ABOUT_POLICIES, document)?
                        .unwrap_or_default(),
                )
            }
            None => None,
        };
        let policies = self.policies(name).await;
        Ok(Sight::Seen(RoleFacts {
            is_managed: Tags::from_iam(role.tags()).is_managed(),
            trust: trust.unwrap_or_default(),
            policies: self.if_allowed(ABOUT_POLICIES, policies)?,
            boundary,
        }))
    }

    /// The documents of all policies of a role, attached and written into it.
    async fn policies(&self, role_name: &str) -> Result<Vec<Value>> {
        let iam = &self.aws.iam;
        let request = iam.list_attached_role_policies().role_name(role_name);
        let attached = request.into_paginator().items().send().try_collect().await;
        let attached = attached.map_err(|e| Error::of_call("iam:ListAttachedRolePolicies", e))?;
        let mut policies = Vec::new();
        for arn in attached.iter().filter_map(|policy| policy.policy_arn()) {
            policies.push(self.document(arn).await?);
        }

        let request = iam.list_role_policies().role_name(role_name);
        let inline = request.into_paginator().items().send().try_collect().await;
        let inline = inline.map_err(|e| Error::of_call("iam:ListRolePolicies", e))?;
        for policy_name in inline {
            let request = iam
                .get_role_policy()
                .role_name(role_name)
                .policy_name(policy_name);
            let answer = request.send().await;
            let policy = answer.map_err(|e| Error::of_call("iam:GetRolePolicy", e))?;
            policies.push(documents::decode(policy.policy_document()).unwrap_or_default());
        }
        Ok(policies)
    }

    /// What a managed policy says at present; null when it cannot be read.
    async fn document(&self, arn: &str) -> Result<Value> {
        let answer = self.aws.iam.get_policy().policy_arn(arn).send().await;
        let policy = answer.map_err(|e| Error::of_call("iam:GetPolicy", e))?;
        let version = policy
            .policy()
            .and_then(|policy| policy.default_version_id());
        match version {
            Some(version) => self.aws.policy_document(arn, version).await,
            None => Ok(Value::Null),
        }
    }
}
