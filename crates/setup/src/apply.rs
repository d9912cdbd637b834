//! Carrying out a plan, step by step.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use crate::Provisioner;
use crate::account::Account;
use crate::error::{Error, Result};
use crate::step::{Call, FlowLogCall, Part, Plan, Step};
use crate::tags::Tags;

mod create;
mod flow_log;
mod log_group;
mod policy;
mod role;

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

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// How many steps changed something.
    pub changes: usize,
    /// The ids of the flow logs that were created.
    pub flow_log_ids: Vec<String>,
}

impl Provisioner {
    /// Carries out a plan in order and stops at the first failure. A plan that
    /// changes nothing makes no call.
    ///
    /// Safe to repeat, with a new plan, whatever happened before: what a
    /// failure leaves behind is marked as ours, and the next plan goes on from
    /// there.
    ///
    /// # Errors
    /// [`Error::Step`] names the step that failed.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the current step done or not done, as a
    /// failure does.
    pub async fn apply(&self, plan: &Plan, on_progress: OnProgress<'_>) -> Result<Applied> {
        let total = plan.changes().count();
        let mut applied = Applied::default();
        for (done, step) in plan.changes().enumerate() {
            let number = done + 1;
            on_progress(Progress::Started {
                step,
                number,
                total,
            });
            for call in &step.calls {
                let flow_log_ids = self.carry_out(&plan.account, call, on_progress).await;
                applied
                    .flow_log_ids
                    .extend(flow_log_ids.map_err(|source| Error::Step {
                        verb: step.verb,
                        part: step.part,
                        name: step.short_name(),
                        done,
                        total,
                        source: Box::new(source),
                    })?);
            }
            applied.changes = number;
            on_progress(Progress::Finished {
                step,
                number,
                total,
            });
        }
        Ok(applied)
    }

    /// Makes one call; returns the ids of flow logs that it created.
    async fn carry_out(
        &self,
        account: &Account,
        call: &Call,
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<String>> {
        match call {
            Call::Policy(call) => self.change_policy(account, call).await?,
            Call::Role(call) => self.change_role(call).await?,
            Call::LogGroup(call) => self.change_log_group(account, call).await?,
            Call::FlowLog(FlowLogCall::Create(request)) => {
                return self.create_flow_logs(request, on_progress).await;
            }
            Call::FlowLog(FlowLogCall::Tag { id, tags }) => self.tag_flow_log(id, tags).await?,
            Call::FlowLog(FlowLogCall::Delete { id }) => self.delete_flow_log(id).await?,
        }
        Ok(Vec::new())
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
