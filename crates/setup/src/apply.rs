//! Carrying out a plan, step by step.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use serde_json::{Value, json};

use crate::Provisioner;
use crate::error::{Error, Result};
use crate::flow_logs::FlowLog;
use crate::step::{Call, FlowLogCall, Part, Plan, Step, Verb};
use crate::tags::Tags;

mod create;
mod delivery;
mod flow_log;
mod log_group;
mod made;
mod policy;
mod role;
mod take_back;

pub use made::{Aftermath, Standing};
pub(crate) use made::{Made, Run};

/// What happens while a plan is carried out.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// A step begins.
    Started {
        /// The step.
        step: &'a Step,
        /// Its number among the changes, from 1.
        number: usize,
        /// How many changes the plan has.
        total: usize,
    },
    /// AWS cannot assume the new role yet; this is common and passes.
    WaitingForRole {
        /// How long the waiting has taken so far.
        waited: Duration,
        /// How long until the next attempt.
        next: Duration,
    },
    /// AWS asks for fewer calls.
    Throttled {
        /// How long until the next attempt.
        next: Duration,
    },
    /// AWS does not say yet that it can deliver; this can pass.
    WaitingForDelivery {
        /// What it says of the first one that it cannot deliver or says nothing
        /// of.
        flow_log: &'a FlowLog,
        /// How long until it is asked again.
        next: Duration,
    },
    /// The account refuses the `ecs-*` fields; the flow logs are made without.
    FieldsLeftOut {
        /// The names of the fields.
        names: &'a [String],
        /// AWS's words.
        reason: &'a str,
    },
    /// AWS does not take the new flow log beside this one, which goes first.
    GivesWay {
        /// The flow log that goes.
        flow_log: &'a FlowLog,
    },
    /// After a failure: something that this run made is taken back.
    TakingBack {
        /// What kind of thing.
        part: Part,
        /// Its name or id.
        name: &'a str,
    },
    /// The step is done.
    Finished {
        /// The step.
        step: &'a Step,
        /// Its number among the changes, from 1.
        number: usize,
        /// How many changes the plan has.
        total: usize,
    },
}

/// Who is told about [`Progress`].
pub type OnProgress<'a> = &'a mut (dyn FnMut(Progress<'_>) + Send);

/// What becomes of what a run made before it failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFailure {
    /// It is taken back, so that the account is as it was.
    #[default]
    TakeBack,
    /// It stays, for the next run to go on from.
    Keep,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many steps changed something.
    pub changes: usize,
    /// The flow logs that were created, as AWS describes them afterwards.
    pub flow_logs: Vec<FlowLog>,
}

impl Applied {
    /// What was done, for programs.
    pub fn to_json(&self) -> Value {
        let flow_log = |log: &FlowLog| {
            json!({
                "id": log.id,
                "resource_id": log.resource_id,
                "log_group": log.log_group,
                "log_format": log.log_format,
                "delivery": log.delivery.to_string(),
            })
        };
        let flow_logs: Vec<Value> = self.flow_logs.iter().map(flow_log).collect();
        json!({"changes": self.changes, "flow_logs": flow_logs})
    }
}

impl Provisioner {
    /// Carries out a plan in order and stops at the first failure. A plan that
    /// changes nothing makes no call.
    ///
    /// It succeeds only after AWS was asked how new flow logs deliver. After a
    /// failure, what this run made is taken back or kept, as `on_failure` says;
    /// what it changed in place stays changed, and a step that deletes takes
    /// nothing back: everything that is wanted is there by then.
    ///
    /// Safe to repeat, with a new plan, whatever happened before: what a
    /// failure leaves behind is marked as ours, and the next plan goes on from
    /// there.
    ///
    /// # Errors
    /// [`Error::Step`] names the step that failed; its [`Aftermath`] what stands.
    ///
    /// When [`stop`](Provisioner::stop) is cancelled, with what was left undone.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the current step done or not done, and
    /// takes nothing back.
    pub async fn apply(
        &self,
        plan: &Plan,
        on_failure: OnFailure,
        on_progress: OnProgress<'_>,
    ) -> Result<Applied> {
        let total = plan.changes().count();
        let mut run = Run::new(&plan.account);
        for (done, step) in plan.changes().enumerate() {
            let number = done + 1;
            on_progress(Progress::Started {
                step,
                number,
                total,
            });
            if let Err(source) = self.take_step(step, &mut run, on_progress).await {
                let aftermath = if step.verb == Verb::Delete || on_failure == OnFailure::Keep {
                    self.left_standing(run).await
                } else {
                    self.take_back(run, on_progress).await
                };
                return Err(Error::Step {
                    verb: step.verb,
                    part: step.part,
                    name: step.short_name(),
                    done,
                    total,
                    aftermath: Box::new(aftermath),
                    source: Box::new(source),
                });
            }
            run.applied.changes = number;
            on_progress(Progress::Finished {
                step,
                number,
                total,
            });
        }
        Ok(run.applied)
    }

    async fn take_step(
        &self,
        step: &Step,
        run: &mut Run<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<()> {
        for call in &step.calls {
            if self.stop.is_cancelled() {
                return Err(Error::Interrupted);
            }
            let made = Made::by(run.account, call);
            match self.carry_out(call, run, on_progress).await {
                // Flow logs have been counted one by one.
                Ok(()) => run.made.extend(made.filter(Made::is_shared)),
                Err(error) => {
                    // A lost answer can be that of a call that was carried out.
                    if error.leaves_doubt() {
                        run.doubtful.extend(made);
                    }
                    return Err(error);
                }
            }
        }
        let name = || format!("{} `{}`", step.part, step.short_name());
        if step.verb == Verb::Delete {
            run.deleted.push(name());
        }
        if step.verb == Verb::Change {
            run.changed.push(name());
        }
        Ok(())
    }

    async fn carry_out(
        &self,
        call: &Call,
        run: &mut Run<'_>,
        on_progress: OnProgress<'_>,
    ) -> Result<()> {
        let account = run.account;
        match call {
            Call::Policy(call) => self.change_policy(account, call).await,
            Call::Role(call) => self.change_role(call).await,
            Call::LogGroup(call) => self.change_log_group(account, call).await,
            Call::FlowLog(FlowLogCall::Create(request)) => {
                self.create_flow_logs(request, run, on_progress).await
            }
            Call::FlowLog(FlowLogCall::Tag { id, tags }) => self.tag_flow_log(id, tags).await,
            Call::FlowLog(FlowLogCall::Delete { id }) => self.delete_flow_log(id).await,
        }
    }
}

/// `false` when AWS refused the call with one of `codes`, which say that there
/// was nothing to do.
fn unless<T, E>(
    action: &'static str,
    codes: &[&str],
    answer: std::result::Result<T, SdkError<E>>,
) -> Result<bool>
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(true),
        Err(error) if error.code().is_some_and(|code| codes.contains(&code)) => Ok(false),
        Err(error) => Err(Error::of_call(action, error)),
    }
}

/// Checks that something that existed after all is ours: then a lost answer or
/// another run made it, and it is as good as made by this call.
fn existing_is_ours(part: Part, name: &str, tags: Option<Tags>) -> Result<()> {
    if tags.is_some_and(|tags| tags.is_managed()) {
        return Ok(());
    }
    Err(Error::Appeared {
        part,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests;
