//! Writing calls about the delivery role.

use super::{existing_is_ours, unless};
use crate::Provisioner;
use crate::account::IAM_PATH;
use crate::error::{Error, Result};
use crate::step::{Part, RoleCall};

/// Another change of the same role is under way, or a detachment is not known
/// everywhere yet.
const BUSY: [&str; 2] = ["ConcurrentModification", "DeleteConflict"];
/// A role or policy that was just created is not known everywhere yet.
const BUSY_OR_NEW: [&str; 2] = ["ConcurrentModification", "NoSuchEntity"];
const ABSENT: [&str; 1] = ["NoSuchEntity"];

impl Provisioner {
    pub(super) async fn change_role(&self, call: &RoleCall) -> Result<()> {
        match call {
            RoleCall::Create { name, trust, tags } => {
                let request = self
                    .iam
                    .create_role()
                    .role_name(name)
                    .path(IAM_PATH)
                    .description("Delivers VPC flow logs to one log group; made by vpcflow")
                    .assume_role_policy_document(trust.to_string())
                    .set_tags(Some(tags.to_iam()));
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                if !unless("iam:CreateRole", &["EntityAlreadyExists"], answer)? {
                    let existing = self.role(name).await?;
                    existing_is_ours(Part::Role, name, existing.map(|role| role.tags))?;
                }
            }
            RoleCall::SetTrust { name, trust } => {
                let request = self
                    .iam
                    .update_assume_role_policy()
                    .role_name(name)
                    .policy_document(trust.to_string());
                let answer = self.repeat(&[], || request.clone().send()).await;
                answer.map_err(|e| Error::of_call("iam:UpdateAssumeRolePolicy", e))?;
            }
            RoleCall::Tag { name, tags } => {
                let request = self
                    .iam
                    .tag_role()
                    .role_name(name)
                    .set_tags(Some(tags.to_iam()));
                request
                    .send()
                    .await
                    .map_err(|e| Error::of_call("iam:TagRole", e))?;
            }
            RoleCall::Attach { name, policy_arn } => {
                let request = self
                    .iam
                    .attach_role_policy()
                    .role_name(name)
                    .policy_arn(policy_arn);
                let answer = self.repeat(&BUSY_OR_NEW, || request.clone().send()).await;
                answer.map_err(|e| Error::of_call("iam:AttachRolePolicy", e))?;
            }
            RoleCall::Detach { name, policy_arn } => {
                let request = self
                    .iam
                    .detach_role_policy()
                    .role_name(name)
                    .policy_arn(policy_arn);
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                unless("iam:DetachRolePolicy", &ABSENT, answer)?;
            }
            RoleCall::Delete { name } => {
                let request = self.iam.delete_role().role_name(name);
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                unless("iam:DeleteRole", &ABSENT, answer)?;
            }
        }
        Ok(())
    }
}
