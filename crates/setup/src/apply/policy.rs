//! Writing calls about the delivery policy.

use super::{existing_is_ours, unless};
use crate::Provisioner;
use crate::account::{Account, IAM_PATH};
use crate::error::{Error, Result};
use crate::step::{Part, PolicyCall};

/// Another change of the same policy is under way, or a detachment is not known
/// everywhere yet.
const BUSY: [&str; 2] = ["ConcurrentModification", "DeleteConflict"];
const ABSENT: [&str; 1] = ["NoSuchEntity"];

impl Provisioner {
    pub(super) async fn change_policy(&self, account: &Account, call: &PolicyCall) -> Result<()> {
        match call {
            PolicyCall::Create {
                name,
                document,
                tags,
            } => {
                let request = self
                    .iam
                    .create_policy()
                    .policy_name(name)
                    .path(IAM_PATH)
                    .description("Lets VPC flow logs write to one log group; made by vpcflow")
                    .policy_document(document.to_string())
                    .set_tags(Some(tags.to_iam()));
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                if !unless("iam:CreatePolicy", &["EntityAlreadyExists"], answer)? {
                    let existing = self.policy(&account.policy_arn(name)).await?;
                    existing_is_ours(Part::Policy, name, existing.map(|policy| policy.tags))?;
                }
            }
            PolicyCall::AddVersion { arn, document } => {
                let request = self
                    .iam
                    .create_policy_version()
                    .policy_arn(arn)
                    .policy_document(document.to_string())
                    .set_as_default(true);
                let answer = self.repeat(&[], || request.clone().send()).await;
                answer.map_err(|e| Error::of_call("iam:CreatePolicyVersion", e))?;
            }
            PolicyCall::DeleteVersion { arn, version } => {
                let request = self
                    .iam
                    .delete_policy_version()
                    .policy_arn(arn)
                    .version_id(version);
                let answer = self.repeat(&[], || request.clone().send()).await;
                unless("iam:DeletePolicyVersion", &ABSENT, answer)?;
            }
            PolicyCall::Tag { arn, tags } => {
                let request = self
                    .iam
                    .tag_policy()
                    .policy_arn(arn)
                    .set_tags(Some(tags.to_iam()));
                request
                    .send()
                    .await
                    .map_err(|e| Error::of_call("iam:TagPolicy", e))?;
            }
            PolicyCall::Delete { arn } => {
                let request = self.iam.delete_policy().policy_arn(arn);
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                unless("iam:DeletePolicy", &ABSENT, answer)?;
            }
        }
        Ok(())
    }
}
