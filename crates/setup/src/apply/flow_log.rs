//! Tagging and deleting flow logs; making them is in `create`.

use super::unless;
use crate::Provisioner;
use crate::error::{Error, Refusal, Result};
use crate::tags::Tags;

impl Provisioner {
    pub(super) async fn tag_flow_log(&self, id: &str, tags: &Tags) -> Result<()> {
        let request = self
            .ec2
            .create_tags()
            .resources(id)
            .set_tags(Some(tags.to_ec2()));
        request
            .send()
            .await
            .map_err(|e| Error::of_call("ec2:CreateTags", e))?;
        Ok(())
    }

    pub(super) async fn delete_flow_log(&self, id: &str) -> Result<()> {
        const ABSENT: &str = "InvalidFlowLogId.NotFound";
        let request = self.ec2.delete_flow_logs().flow_log_ids(id);
        let answer = self.repeat(&[], || request.clone().send()).await;
        // AWS can also refuse within an answer of success.
        let refusals: Vec<Refusal> = match &answer {
            Ok(answer) => answer.unsuccessful().iter().map(Refusal::of_item).collect(),
            Err(_) => Vec::new(),
        };
        unless("ec2:DeleteFlowLogs", &[ABSENT], answer)?;
        if refusals.iter().all(|refusal| refusal.code == ABSENT) {
            return Ok(());
        }
        Err(Error::FlowLogs { refusals })
    }
}
