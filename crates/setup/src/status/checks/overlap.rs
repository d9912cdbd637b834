//! Traffic that is recorded more than once, and billed as often.

use std::collections::BTreeMap;

use super::super::{Check, Facts, Topic};
use crate::flow_logs::FlowLog;
use crate::wish::Traffic;

/// One finding for each flow log whose traffic another one records as well.
/// Flow logs that the user did not ask about count too: the bill is one.
pub(super) fn overlaps(facts: &Facts) -> Vec<Check> {
    let mut by_resource: BTreeMap<&str, Vec<&FlowLog>> = BTreeMap::new();
    for flow_log in facts.all() {
        let of_resource = by_resource.entry(&flow_log.resource_id).or_default();
        of_resource.push(flow_log);
    }
    let is_asked = |id: &str| facts.flow_logs.iter().any(|flow_log| flow_log.id == id);
    let mut checks = Vec::new();
    for flow_log in facts.all() {
        let wider = containers(facts, &flow_log.resource_id);
        let others = wider.iter().filter_map(|id| by_resource.get(id)).flatten();
        let twin = others.copied().find(|other| {
            // Of two on the same resource, the later one in the list reports.
            let is_counted = other.resource_id != flow_log.resource_id || other.id < flow_log.id;
            is_counted
                && (is_asked(&flow_log.id) || is_asked(&other.id))
                && share_traffic(flow_log, other)
        });
        checks.extend(twin.map(|other| overlap(flow_log, other)));
    }
    if checks.is_empty() && !facts.flow_logs.is_empty() && is_complete(facts) {
        let region = facts.account.region();
        checks.push(Check::ok(
            Topic::Overlap,
            region,
            "no traffic is recorded twice",
        ));
    }
    checks
}

/// Without the network's shape only flow logs of the same resource were
/// compared.
fn is_complete(facts: &Facts) -> bool {
    facts.subnets.is_some() && facts.interfaces.is_some()
}

/// The resource itself, and the subnet and VPC that it is in.
fn containers<'a>(facts: &'a Facts, resource_id: &'a str) -> Vec<&'a str> {
    let mut containers = vec![resource_id];
    let interface = facts
        .interfaces
        .as_ref()
        .and_then(|all| all.get(resource_id));
    if let Some(interface) = interface {
        containers.extend([interface.subnet_id.as_str(), interface.vpc_id.as_str()]);
    }
    let vpc_id = facts.subnets.as_ref().and_then(|all| all.get(resource_id));
    containers.extend(vpc_id.map(String::as_str));
    containers
}

fn share_traffic(one: &FlowLog, other: &FlowLog) -> bool {
    !matches!(
        (one.traffic, other.traffic),
        (Some(Traffic::Accept), Some(Traffic::Reject))
            | (Some(Traffic::Reject), Some(Traffic::Accept))
    )
}

fn overlap(flow_log: &FlowLog, other: &FlowLog) -> Check {
    let FlowLog {
        id, resource_id, ..
    } = flow_log;
    let finding = format!(
        "{resource_id} is also recorded by {} of {} into {}: what both record is billed twice",
        other.id, other.resource_id, other.log_group
    );
    let fix = format!(
        "unless both are wanted, delete one: `aws ec2 delete-flow-logs --flow-log-ids {id}`"
    );
    Check::warning(Topic::Overlap, id, finding, fix)
}
