//! Writing calls about log groups.

use super::{existing_is_ours, unless};
use crate::Provisioner;
use crate::account::Account;
use crate::backoff::Backoff;
use crate::error::{Error, Result};
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
            LogGroupCall::Create { name, tags } => {
                let request = self
                    .logs
                    .create_log_group()
                    .log_group_name(name)
                    .set_tags(Some(tags.to_map()));
                let answer = Backoff::CHANGE
                    .repeat(&BUSY, || request.clone().send())
                    .await;
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
                let answer = Backoff::CHANGE
                    .repeat(&BUSY, || request.clone().send())
                    .await;
                answer.map_err(|e| Error::of_call("logs:PutRetentionPolicy", e))?;
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
                let answer = Backoff::CHANGE
                    .repeat(&BUSY, || request.clone().send())
                    .await;
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
