//! From what was seen to findings. Nothing here asks AWS.

use super::{Check, Facts, LogGroupStatus};
use crate::flow_logs::FlowLog;
use crate::resource::{Resource, ResourceKind};
use crate::wish::{Interval, Traffic};

mod arrival;
mod delivery;
mod log_group;
mod overlap;
mod role;

pub(super) use arrival::LATE_MS;

/// All findings, the worst first; of the same verdict in the order of topics.
pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = delivery::missing_flow_logs(facts);
    checks.extend(facts.flow_logs.iter().map(delivery::delivery));
    checks.extend(role::roles(facts));
    for group in &facts.log_groups {
        checks.extend(log_group::log_group(group, &facts.of_group(group)));
        checks.extend(arrival::interfaces(facts, group));
        checks.extend(arrival::freshness(facts, group));
    }
    checks.extend(overlap::overlaps(facts));
    checks.extend(delivery::leftovers(facts));
    checks.sort_by_key(|check| (check.verdict, check.topic));
    checks
}

impl Facts {
    fn all(&self) -> &[FlowLog] {
        self.all_flow_logs.as_deref().unwrap_or_default()
    }

    fn of_group(&self, group: &LogGroupStatus) -> Vec<&FlowLog> {
        let delivers_here = |flow_log: &&FlowLog| flow_log.log_group == group.name;
        self.flow_logs.iter().filter(delivers_here).collect()
    }

    /// The `vpcflow setup` that puts right what a flow log of ours needs; it
    /// asks for what the flow log is, so that nothing else changes.
    fn setup_command(&self, flow_log: &FlowLog) -> String {
        let resource: Option<Resource> = flow_log.resource_id.parse().ok();
        let option = match resource.map(|resource| resource.kind()) {
            Some(ResourceKind::Subnet) => "--subnet",
            Some(ResourceKind::NetworkInterface) => "--eni",
            Some(ResourceKind::Vpc) | None => "--vpc",
        };
        let (resource_id, group) = (&flow_log.resource_id, &flow_log.log_group);
        let mut command = format!("vpcflow setup {option} {resource_id} --log-group {group}");
        if let Some(traffic @ (Traffic::Accept | Traffic::Reject)) = flow_log.traffic {
            command.push_str(&format!(" --traffic {traffic}"));
        }
        if flow_log.interval_seconds != Interval::default().seconds() {
            command.push_str(&format!(" --interval {}", flow_log.interval_seconds));
        }
        if let Ok(format) = flow_log.format()
            && !format.is_default()
        {
            command.push_str(&format!(" --fields '{}'", flow_log.log_format));
        }
        let role = flow_log
            .role_arn
            .as_deref()
            .map(crate::account::name_of_arn);
        if let Some(role) = role.filter(|role| *role != self.account.delivery_name(group)) {
            command.push_str(&format!(" --role-name {role}"));
        }
        command
    }
}

/// Up to three names, and how many more.
fn some_of(names: &[&str]) -> String {
    const SHOWN_MAX: usize = 3;
    let shown = names[..names.len().min(SHOWN_MAX)].join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

#[cfg(test)]
mod tests;
