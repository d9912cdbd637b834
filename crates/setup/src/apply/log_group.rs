//! Writing calls about log groups.

use super::{existing_is_ours, unless};
use crate::Provisioner;
use crate::account::Account;
use crate::error::{Error, Result};
use crate::log_class::LogClass;
use crate::step::{LogGroupCall, Part};

/// Another change of the same log group is under way.
const BUSY: [&str; 1] = ["OperationAbortedException"];

impl Provisioner {
    pub(super) async fn change_log_group(
        &self,
        account: &Account,
        call: &LogGroupCall,
    ) -> Result<()> {
        match call {
            LogGroupCall::Create {
                name,
                class,
                kms_key,
                tags,
            } => {
                let request = self
                    .logs
                    .create_log_group()
                    .log_group_name(name)
                    .set_log_group_class(class.and_then(LogClass::to_logs))
                    .set_kms_key_id(kms_key.clone())
                    .set_tags(Some(tags.to_map()));
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                let is_new = unless(
                    "logs:CreateLogGroup",
                    &["ResourceAlreadyExistsException"],
                    answer,
                )?;
                if !is_new {
                    let existing = self.log_group(account, name).await?;
                    existing_is_ours(Part::LogGroup, name, existing.map(|group| group.tags))?;
                }
            }
            LogGroupCall::Retain { name, days } => {
                let request = self
                    .logs
                    .put_retention_policy()
                    .log_group_name(name)
                    .retention_in_days(days.cast_signed());
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                answer.map_err(|e| Error::of_call("logs:PutRetentionPolicy", e))?;
            }
            LogGroupCall::Encrypt { name, kms_key } => {
                let request = self
                    .logs
                    .associate_kms_key()
                    .log_group_name(name)
                    .kms_key_id(kms_key);
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                answer.map_err(|e| Error::of_call("logs:AssociateKmsKey", e))?;
            }
            LogGroupCall::Tag { name, tags } => {
                let request = self
                    .logs
                    .tag_resource()
                    .resource_arn(account.log_group_arn(name))
                    .set_tags(Some(tags.to_map()));
                request
                    .send()
                    .await
                    .map_err(|e| Error::of_call("logs:TagResource", e))?;
            }
            LogGroupCall::Delete { name } => {
                let request = self.logs.delete_log_group().log_group_name(name);
                let answer = self.repeat(&BUSY, || request.clone().send()).await;
                unless(
                    "logs:DeleteLogGroup",
                    &["ResourceNotFoundException"],
                    answer,
                )?;
            }
        }
        Ok(())
    }
}
