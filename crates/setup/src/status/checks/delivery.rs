//! What AWS says about the deliveries, and set-ups that have none.

use super::super::{Check, Facts, Topic};
use crate::flow_logs::{Delivery, FlowLog};

/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-troubleshooting.html>
pub(super) fn delivery(flow_log: &FlowLog) -> Check {
    let (id, reason) = match &flow_log.delivery {
        Delivery::Succeeds => {
            return Check::ok(Topic::Delivery, &flow_log.id, "AWS sees no trouble");
        }
        Delivery::Unknown => {
            return Check::warning(
                Topic::Delivery,
                &flow_log.id,
                "AWS does not say yet whether it delivers",
                "ask again in some minutes",
            );
        }
        Delivery::Fails { reason } => (&flow_log.id, reason),
    };
    let (meaning, fix) = match reason.as_str() {
        "Access error" => (
            "AWS cannot assume the role, or the role may not write to the log group",
            "see `role`, `trust` and `permissions`; a flow log that does not recover some minutes \
             after they are put right has to be made anew: tear down and set up again",
        ),
        "Rate limited" => (
            "CloudWatch Logs takes no more, or the account has no room for another log group",
            "ask AWS for a higher quota, or watch less: fewer resources, `--traffic reject`, \
             `--interval 600`",
        ),
        _ => (
            "AWS says no more than that",
            "make the flow log anew: tear down and set up again; if it stays, ask AWS Support",
        ),
    };
    let finding = format!("{reason}: {meaning}");
    Check::problem(Topic::Delivery, id, finding, fix)
}

/// Log groups that nothing is delivered to.
pub(super) fn missing_flow_logs(facts: &Facts) -> Vec<Check> {
    if facts.all_flow_logs.is_none() {
        return vec![Check::problem(
            Topic::FlowLog,
            facts.account.region(),
            "which flow logs there are cannot be looked at",
            "allow the caller `ec2:DescribeFlowLogs`",
        )];
    }
    if facts.asked.is_empty() {
        return no_flow_log(facts).into_iter().collect();
    }
    let check = |name: &String| {
        let mut of_group = facts.flow_logs.iter().filter(|log| log.log_group == *name);
        match of_group.next() {
            Some(_) => Check::ok(Topic::FlowLog, name, "a flow log delivers to it"),
            None => Check::problem(
                Topic::FlowLog,
                name,
                "no flow log delivers to it",
                format!("`vpcflow setup --vpc ID --log-group {name}` makes one"),
            ),
        }
    };
    facts.asked.iter().map(check).collect()
}

fn no_flow_log(facts: &Facts) -> Option<Check> {
    if !facts.flow_logs.is_empty() {
        return None;
    }
    let region = facts.account.region();
    let finding = match facts.all().len() {
        0 => format!("no flow log delivers to CloudWatch Logs in {region}"),
        _ => format!("vpcflow made no flow log in {region}"),
    };
    let fix = match facts.all().first() {
        None => "`vpcflow setup --vpc ID` makes one".to_owned(),
        Some(other) => format!(
            "somebody else's are shown by their log group: `vpcflow status --log-group {}`",
            other.log_group
        ),
    };
    Some(Check::problem(Topic::FlowLog, region, finding, fix))
}

/// Roles of ours for log groups that no flow log delivers to.
pub(super) fn leftovers(facts: &Facts) -> Vec<Check> {
    let is_used = |log_group: &str| {
        let mut all = facts.all().iter();
        all.any(|flow_log| flow_log.log_group == log_group)
    };
    let left = facts
        .own_roles
        .iter()
        .filter(|(_, log_group)| !is_used(log_group));
    let check = |(role, log_group): &(String, String)| {
        Check::warning(
            Topic::Leftover,
            role,
            format!("made for log group {log_group}, which no flow log delivers to"),
            format!(
                "`vpcflow setup` finishes it, `vpcflow teardown --log-group {log_group}` removes it"
            ),
        )
    };
    left.map(check).collect()
}
