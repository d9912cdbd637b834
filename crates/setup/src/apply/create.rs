//! Creating flow logs, which AWS can refuse one by one and for a while.

use std::time::Duration;

use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{LogDestinationType, ResourceType, TagSpecification};

use crate::Provisioner;
use crate::apply::{OnProgress, Progress};
use crate::error::{Error, Refusal, Result};
use crate::flow_logs::{FlowLog, FlowLogRequest};

/// What CreateFlowLogs says while a role is too new:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>.
const ROLE_NOT_READY: &str = "Unable to assume given IAM role";

/// Its code for "an existing flow log with the same configuration and log
/// destination": <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
const ALREADY_EXISTS: &str = "FlowLogAlreadyExists";

/// What a refusal means for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It may exist already: look.
    Exists,
    /// The role may become usable: wait.
    RoleNotReady,
    /// It will not get better.
    Final,
}

impl Meaning {
    fn of(code: &str, message: &str) -> Meaning {
        if code == ALREADY_EXISTS {
            Meaning::Exists
        } else if message.contains(ROLE_NOT_READY) {
            Meaning::RoleNotReady
        } else {
            Meaning::Final
        }
    }
}

/// The answer to one call.
struct Answer {
    created: Vec<String>,
    refusals: Vec<Refusal>,
}

impl Provisioner {
    /// Creates the flow logs and returns the ids of those that did not exist.
    ///
    /// Repeating it is safe without a client token: AWS refuses a second flow
    /// log of the same settings. A token would even do harm, as one that is
    /// derived from the request makes AWS replay its earlier answer although
    /// the flow log was deleted in between.
    ///
    /// # Errors
    /// [`Error::FlowLogs`] names every resource that AWS refused; the others
    /// have their flow log.
    pub(crate) async fn create_flow_logs(
        &self,
        request: &FlowLogRequest,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<String>> {
        let mut pending = request.resource_ids.clone();
        let mut created = Vec::new();
        let mut refused = Vec::new();
        let mut waited = Duration::ZERO;
        let mut waits = self.new_role_backoff.waits();
        while !pending.is_empty() {
            let answer = self.try_create(request, &pending).await?;
            created.extend(answer.created);
            let sorted = self.sort_refusals(request, answer.refusals).await?;
            refused.extend(sorted.refused);
            if !sorted.wait_for_role.is_empty() {
                let Some(next) = waits.next() else {
                    let role = request.role_arn.clone();
                    return Err(Error::RoleNotAssumable {
                        role,
                        waited_s: waited.as_secs(),
                    });
                };
                on_progress(Progress::WaitingForRole { waited, next });
                tokio::time::sleep(next).await;
                waited += next;
            }
            pending = sorted.try_again;
            pending.extend(sorted.wait_for_role);
        }
        if refused.is_empty() {
            Ok(created)
        } else {
            Err(Error::FlowLogs { refusals: refused })
        }
    }

    async fn try_create(&self, request: &FlowLogRequest, ids: &[String]) -> Result<Answer> {
        let settings = &request.settings;
        let log_format = (!settings.format.is_default()).then(|| settings.format.to_log_format());
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::VpcFlowLog)
            .set_tags(Some(request.tags.to_ec2()))
            .build();
        let answer = self
            .ec2
            .create_flow_logs()
            .resource_type(request.kind.to_ec2())
            .set_resource_ids(Some(ids.to_vec()))
            .traffic_type(settings.traffic.to_ec2())
            .max_aggregation_interval(settings.interval.seconds().cast_signed())
            .set_log_format(log_format)
            .log_destination_type(LogDestinationType::CloudWatchLogs)
            .log_group_name(&settings.log_group)
            .deliver_logs_permission_arn(&request.role_arn)
            .tag_specifications(tags)
            .send()
            .await;
        match answer {
            Ok(answer) => Ok(Answer {
                refusals: answer.unsuccessful().iter().map(Refusal::of_item).collect(),
                created: answer.flow_log_ids.unwrap_or_default(),
            }),
            Err(error) => {
                let code = error.code().unwrap_or_default().to_owned();
                let message = error.message().unwrap_or_default().to_owned();
                if Meaning::of(&code, &message) == Meaning::Final {
                    return Err(Error::of_call("ec2:CreateFlowLogs", error));
                }
                // Refused as a whole, so for any of them.
                let refusal = |id: &String| Refusal {
                    id: id.clone(),
                    code: code.clone(),
                    message: message.clone(),
                };
                Ok(Answer {
                    created: Vec::new(),
                    refusals: ids.iter().map(refusal).collect(),
                })
            }
        }
    }

    async fn sort_refusals(
        &self,
        request: &FlowLogRequest,
        refusals: Vec<Refusal>,
    ) -> Result<Sorted> {
        let mut sorted = Sorted::default();
        let mut existing = Vec::new();
        for refusal in refusals {
            match Meaning::of(&refusal.code, &refusal.message) {
                Meaning::Exists => existing.push(refusal),
                Meaning::RoleNotReady => sorted.wait_for_role.push(refusal.id),
                Meaning::Final => sorted.refused.push(refusal),
            }
        }
        if existing.is_empty() {
            return Ok(sorted);
        }
        let asked = existing.len();
        let flow_logs = self.flow_logs_of_group(&request.settings.log_group).await?;
        for refusal in existing {
            let of_resource = flow_logs.iter().filter(|log| log.resource_id == refusal.id);
            let of_resource: Vec<&FlowLog> = of_resource.collect();
            if of_resource.is_empty() {
                sorted.try_again.push(refusal.id);
            } else if !of_resource
                .iter()
                .any(|flow_log| request.is_met_by(flow_log))
            {
                sorted.refused.push(refusal);
            }
        }
        // AWS says "exists" of something that it does not show: no use asking on.
        if sorted.try_again.len() == asked {
            let refusal = |id| Refusal {
                id,
                code: ALREADY_EXISTS.to_owned(),
                message: "AWS does not show the flow log that it says exists".to_owned(),
            };
            sorted
                .refused
                .extend(sorted.try_again.drain(..).map(refusal));
        }
        Ok(sorted)
    }
}

/// The resources without a flow log, by what to do about them.
#[derive(Default)]
struct Sorted {
    refused: Vec<Refusal>,
    wait_for_role: Vec<String>,
    /// Refused only because another one in the same call was.
    try_again: Vec<String>,
}

impl Refusal {
    pub(crate) fn of_item(item: &aws_sdk_ec2::types::UnsuccessfulItem) -> Refusal {
        let error = item.error();
        let text = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        Refusal {
            id: text(item.resource_id()),
            code: text(error.and_then(|error| error.code())),
            message: text(error.and_then(|error| error.message())),
        }
    }
}

#[cfg(test)]
mod tests;
