//! Creating flow logs, which AWS can refuse one by one and for a while.

use std::time::Duration;

use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{ResourceType, TagSpecification};

use crate::Provisioner;
use crate::apply::{Made, OnProgress, Progress, Run};
use crate::backoff::{Backoff, Waits, is_throttled};
use crate::error::{Error, Refusal, Result};
use crate::flow_logs::{FlowLog, FlowLogRequest};

/// What CreateFlowLogs says while a role is too new:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>.
const ROLE_NOT_READY: &str = "Unable to assume given IAM role";

/// Its code for "an existing flow log with the same configuration and log
/// destination": <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>.
const ALREADY_EXISTS: &str = "FlowLogAlreadyExists";

/// What it says to a caller who may not list ECS, or has no cluster.
const NO_ECS: &str = "ECS field";

/// What a refusal means for what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    /// It may exist already: look.
    Exists,
    /// The role may become usable: wait.
    RoleNotReady,
    /// Too many calls: wait.
    Throttled,
    /// The account cannot have the `ecs-*` fields: leave them out.
    NoEcs,
    /// It will not get better.
    Final,
}

impl Meaning {
    fn of(code: &str, message: &str) -> Meaning {
        if code == ALREADY_EXISTS {
            Meaning::Exists
        } else if message.contains(ROLE_NOT_READY) {
            Meaning::RoleNotReady
        } else if is_throttled(code) {
            Meaning::Throttled
        } else if message.contains(NO_ECS) {
            Meaning::NoEcs
        } else {
            Meaning::Final
        }
    }
}

/// The answer to one call.
pub(super) struct Answer {
    pub(super) created: Vec<String>,
    pub(super) refusals: Vec<Refusal>,
}

/// The waiting that one creation has done so far.
struct Patience {
    waited: Duration,
    for_role: Waits,
    for_rate: Waits,
}

impl Provisioner {
    /// Creates the flow logs that do not exist, and asks AWS how they deliver.
    /// What it makes or deletes stands in `run`, also when it fails.
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
        run: &mut Run<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<()> {
        run.request.get_or_insert_with(|| request.clone());
        let mut request = request.clone();
        let mut pending = std::mem::take(&mut request.resource_ids);
        let mut created: Vec<String> = Vec::new();
        let mut refused = Vec::new();
        let mut patience = Patience {
            waited: Duration::ZERO,
            for_role: Backoff::NEW_ROLE.waits(),
            for_rate: Backoff::CHANGE.waits(),
        };
        while !pending.is_empty() {
            let answer = self.try_create(&request, &pending).await?;
            note_made(run, &answer.created);
            created.extend(answer.created);
            let mut sorted = sort(answer.refusals);
            if let Some(refusal) = sorted.no_ecs.first() {
                // Some with and some without would mix two formats in the group.
                let names = if created.is_empty() {
                    request.settings.leave_out_ecs()
                } else {
                    None
                };
                match names {
                    Some(names) => {
                        let reason = &refusal.message;
                        on_progress(Progress::FieldsLeftOut {
                            names: &names,
                            reason,
                        });
                        let ids = sorted.no_ecs.drain(..).map(|refusal| refusal.id);
                        sorted.try_again.extend(ids);
                    }
                    None => sorted.refused.append(&mut sorted.no_ecs),
                }
            }
            let found = self
                .sort_existing(&request, &pending, &mut sorted, run, on_progress)
                .await?;
            note_made(run, &found);
            created.extend(found);
            self.wait(&mut patience, &mut sorted, &request.role_arn, on_progress)
                .await?;
            refused.append(&mut sorted.refused);
            pending = sorted.try_again;
        }
        if !refused.is_empty() {
            return Err(Error::FlowLogs { refusals: refused });
        }
        if !created.is_empty() {
            let flow_logs = self.await_delivery(&created, on_progress).await?;
            run.applied.flow_logs.extend(flow_logs);
        }
        Ok(())
    }

    pub(super) async fn try_create(
        &self,
        request: &FlowLogRequest,
        ids: &[String],
    ) -> Result<Answer> {
        let settings = &request.settings;
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
            .set_log_format(settings.log_format())
            .set_tag_field_specifications(settings.tag_field_specifications())
            .log_destination_type(settings.destination.to_ec2())
            .log_group_name(settings.log_group())
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

    /// What "exists" means for each: that it is as wanted, that it stands in
    /// the way, or that another one of the call does. Returns the ids of those
    /// that this run has made without knowing.
    async fn sort_existing(
        &self,
        request: &FlowLogRequest,
        pending: &[String],
        sorted: &mut Sorted,
        run: &mut Run<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<String>> {
        if sorted.existing.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = FlowLogRequest {
            resource_ids: pending.to_vec(),
            ..request.clone()
        };
        let asked = sorted.existing.len();
        let mut unseen = Vec::new();
        let mut found = Vec::new();
        let flow_logs = self
            .flow_logs_of_group(request.settings.log_group())
            .await?;
        for refusal in std::mem::take(&mut sorted.existing) {
            match Existing::of(&flow_logs, &wanted, &refusal.id) {
                Existing::Unseen => unseen.push(refusal.id),
                // New since the plan: an answer to an earlier attempt was lost.
                Existing::Wanted(id) if !request.known_ids.contains(&id) => found.push(id),
                Existing::Wanted(_) => {}
                Existing::MayGo(old) => {
                    on_progress(Progress::GivesWay { flow_log: old });
                    self.delete_flow_log(&old.id).await?;
                    run.gave_way.push(old.clone());
                    sorted.try_again.push(refusal.id);
                }
                Existing::InTheWay => sorted.refused.push(refusal),
            }
        }
        // AWS says "exists" of something that it does not show: no use asking on.
        if unseen.len() == asked {
            let refusal = |id| Refusal {
                id,
                code: ALREADY_EXISTS.to_owned(),
                message: "AWS does not show the flow log that it says exists".to_owned(),
            };
            sorted.refused.extend(unseen.into_iter().map(refusal));
        } else {
            sorted.try_again.extend(unseen);
        }
        Ok(found)
    }

    /// Waits once for what may get better, or gives up.
    async fn wait(
        &self,
        patience: &mut Patience,
        sorted: &mut Sorted,
        role_arn: &str,
        on_progress: OnProgress<'_>,
    ) -> Result<()> {
        if !sorted.wait_for_role.is_empty() {
            let waited = patience.waited;
            let Some(next) = patience.for_role.next() else {
                return Err(Error::RoleNotAssumable {
                    role: role_arn.to_owned(),
                    waited_s: waited.as_secs(),
                });
            };
            on_progress(Progress::WaitingForRole { waited, next });
            self.pause_unless_stopped(next).await?;
            patience.waited += next;
            sorted.try_again.append(&mut sorted.wait_for_role);
        }
        if !sorted.throttled.is_empty() {
            match patience.for_rate.next() {
                Some(next) => {
                    on_progress(Progress::Throttled { next });
                    self.pause_unless_stopped(next).await?;
                    let ids = sorted.throttled.drain(..).map(|refusal| refusal.id);
                    sorted.try_again.extend(ids);
                }
                None => sorted.refused.append(&mut sorted.throttled),
            }
        }
        Ok(())
    }
}

fn note_made(run: &mut Run<'_>, ids: &[String]) {
    let made = ids.iter().map(|id| Made::FlowLog { id: id.clone() });
    run.made.extend(made);
}

/// What there is of a flow log that AWS says exists.
enum Existing<'a> {
    /// AWS does not show any.
    Unseen,
    /// The flow log of this id is what is wanted.
    Wanted(String),
    /// One that may give way.
    MayGo(&'a FlowLog),
    /// One that may not.
    InTheWay,
}

impl<'a> Existing<'a> {
    fn of(flow_logs: &'a [FlowLog], wanted: &FlowLogRequest, resource_id: &str) -> Existing<'a> {
        let of_resource = || {
            flow_logs
                .iter()
                .filter(|log| log.resource_id == resource_id)
        };
        let may_go = |log: &&FlowLog| wanted.gives_way.iter().any(|old| old.id == log.id);
        if let Some(flow_log) = of_resource().find(|log| wanted.is_met_by(log)) {
            return Existing::Wanted(flow_log.id.clone());
        }
        match (of_resource().next(), of_resource().find(may_go)) {
            (None, _) => Existing::Unseen,
            (_, Some(old)) => Existing::MayGo(old),
            _ => Existing::InTheWay,
        }
    }
}

/// The resources without a flow log, by what to do about them.
#[derive(Default)]
struct Sorted {
    refused: Vec<Refusal>,
    existing: Vec<Refusal>,
    throttled: Vec<Refusal>,
    no_ecs: Vec<Refusal>,
    wait_for_role: Vec<String>,
    try_again: Vec<String>,
}

fn sort(refusals: Vec<Refusal>) -> Sorted {
    let mut sorted = Sorted::default();
    for refusal in refusals {
        match Meaning::of(&refusal.code, &refusal.message) {
            Meaning::Exists => sorted.existing.push(refusal),
            Meaning::RoleNotReady => sorted.wait_for_role.push(refusal.id),
            Meaning::Throttled => sorted.throttled.push(refusal),
            Meaning::NoEcs => sorted.no_ecs.push(refusal),
            Meaning::Final => sorted.refused.push(refusal),
        }
    }
    sorted
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
