//! Whether AWS delivers what was just created: that it took a flow log does not
//! mean that it can.

use std::time::Duration;

use crate::Provisioner;
use crate::apply::{OnProgress, Progress};
use crate::backoff::Backoff;
use crate::error::{Error, Result};
use crate::flow_logs::{Delivery, FlowLog};

/// How AWS names a role that cannot be assumed or may not write:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>.
const ACCESS_ERROR: &str = "Access error";

/// For how long a flow log of which AWS says nothing is waited for. Where it
/// needs traffic first, no waiting helps.
const SILENCE_MAX: Duration = Duration::from_secs(15);

impl Provisioner {
    /// Asks AWS how these flow logs deliver, until it says that all do, or for
    /// a minute: a role that is new everywhere only by then is no failure.
    ///
    /// # Errors
    /// [`Error::Delivery`] when AWS still has no access after that time.
    /// Anything else that it says may pass and is the caller's to tell.
    pub(crate) async fn await_delivery(
        &self,
        ids: &[String],
        on_progress: OnProgress<'_>,
    ) -> Result<Vec<FlowLog>> {
        let mut waited = Duration::ZERO;
        let mut waits = Backoff::DELIVERY.waits();
        loop {
            let flow_logs = self.flow_logs_of_ids(ids).await?;
            let troubled = trouble(&flow_logs, waited);
            let all_are_shown = flow_logs.len() >= ids.len() || waited >= SILENCE_MAX;
            if troubled.is_none() && all_are_shown {
                return Ok(flow_logs);
            }
            let Some(next) = waits.next() else {
                return match flow_logs.iter().find_map(access_error) {
                    Some(error) => Err(error),
                    None => Ok(flow_logs),
                };
            };
            if let Some(flow_log) = troubled {
                on_progress(Progress::WaitingForDelivery { flow_log, next });
            }
            self.pause_unless_stopped(next).await?;
            waited += next;
        }
    }
}

/// A flow log that AWS cannot deliver, or says nothing of although it may still.
fn trouble(flow_logs: &[FlowLog], waited: Duration) -> Option<&FlowLog> {
    let is_failing = |log: &&FlowLog| matches!(log.delivery, Delivery::Fails { .. });
    let is_silent = |log: &&FlowLog| log.delivery == Delivery::Unknown;
    let silent = flow_logs.iter().find(is_silent);
    flow_logs
        .iter()
        .find(is_failing)
        .or(silent.filter(|_| waited < SILENCE_MAX))
}

fn access_error(flow_log: &FlowLog) -> Option<Error> {
    match &flow_log.delivery {
        Delivery::Fails { reason } if reason == ACCESS_ERROR => Some(Error::Delivery {
            flow_log_id: flow_log.id.clone(),
            resource_id: flow_log.resource_id.clone(),
            log_group: flow_log.log_group.clone(),
            reason: reason.clone(),
        }),
        _ => None,
    }
}
