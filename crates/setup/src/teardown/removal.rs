//! Waiting until AWS shows nothing any more of what was removed.

use std::time::Duration;

use super::plan_teardown;
use crate::Provisioner;
use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::step::{Part, Plan, Step, Verb};

/// A flow log that was deleted is still described for a while, and IAM answers
/// from copies that lag behind.
const REMOVAL: Backoff = Backoff {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    total: Duration::from_secs(60),
};

/// What AWS shows once a teardown is through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// What the user should know.
    pub notes: Vec<String>,
}

impl Provisioner {
    /// Waits until AWS shows nothing any more of what [`apply`](Self::apply)
    /// removed by this plan, which [`plan_teardown`](Self::plan_teardown) made
    /// with the same arguments. `on_lingering` is told what AWS still shows, and
    /// how long until the next look.
    ///
    /// A delivery that was under way can make the log group again after it was
    /// deleted: [`Removal::notes`] say so. It is not deleted then, since it is
    /// not told from one that somebody else has just made.
    ///
    /// # Errors
    /// [`Error::Lingers`] after a minute; or when AWS cannot be asked.
    pub async fn await_removal(
        &self,
        plan: &Plan,
        log_group: &str,
        keep_logs: bool,
        on_lingering: &mut (dyn FnMut(&Plan, Duration) + Send),
    ) -> Result<Removal> {
        let mut waits = REMOVAL.waits();
        loop {
            let remains = self.remains(&plan.account, log_group).await?;
            let left = plan_teardown(log_group, &plan.account, &remains, keep_logs);
            if left.is_done() {
                return Ok(Removal {
                    notes: revived(plan, &left).into_iter().collect(),
                });
            }
            let Some(next) = waits.next() else {
                return Err(Error::Lingers {
                    names: left.changes().map(Step::short_name).collect(),
                });
            };
            on_lingering(&left, next);
            self.pause(next).await;
        }
    }
}

/// That a log group of nobody stands where ours was deleted.
fn revived(plan: &Plan, left: &Plan) -> Option<String> {
    let group = |step: &&Step, verb| step.part == Part::LogGroup && step.verb == verb;
    let deleted = plan.steps.iter().find(|step| group(step, Verb::Delete))?;
    left.steps.iter().find(|step| group(step, Verb::Keep))?;
    let name = deleted.short_name();
    Some(format!(
        "log group `{name}` is there again: a delivery that was under way has made it; `aws logs \
         delete-log-group --log-group-name {name}` removes it"
    ))
}

#[cfg(test)]
mod tests;
