//! The log group: whether it exists, what it keeps, what is mixed in it.

use super::super::{Check, LogGroupStatus, Sight, Topic};
use crate::flow_logs::FlowLog;
use crate::log_class::LogClass;
use crate::observe::LogGroup;
use crate::text::count;

pub(super) fn log_group(group: &LogGroupStatus, flow_logs: &[&FlowLog]) -> Vec<Check> {
    let mut checks: Vec<Check> = formats(&group.name, flow_logs).into_iter().collect();
    match &group.existing {
        Sight::Unseen => {}
        Sight::Absent => checks.push(missing(&group.name)),
        Sight::Seen(existing) => {
            checks.push(Check::ok(Topic::LogGroup, &group.name, "exists"));
            checks.push(retention(existing, group.is_managed));
            checks.extend(class(existing));
        }
    }
    checks
}

fn missing(name: &str) -> Check {
    Check::problem(
        Topic::LogGroup,
        name,
        "does not exist, so nothing can be delivered to it",
        "`vpcflow setup` with the same resources makes it again; `vpcflow teardown` removes what \
         is left",
    )
}

fn formats(name: &str, flow_logs: &[&FlowLog]) -> Option<Check> {
    // The default one may be written out or not.
    let written = |log: &&FlowLog| match log.format() {
        Ok(format) => format.to_log_format(),
        Err(_) => log.log_format.clone(),
    };
    let mut formats: Vec<String> = flow_logs.iter().map(written).collect();
    formats.sort_unstable();
    formats.dedup();
    match formats.len() {
        0 => None,
        1 => Some(Check::ok(Topic::Formats, name, "one format")),
        number => Some(Check::problem(
            Topic::Formats,
            name,
            format!("its flow logs write {number} formats, which nothing in a record tells apart"),
            "one log group a format: tear down the flow logs of one format and set them up again \
             with another --log-group",
        )),
    }
}

fn retention(group: &LogGroup, is_managed: Option<bool>) -> Check {
    match group.retention_days {
        Some(days) => {
            let finding = format!("keeps events for {}", count(days, "day"));
            Check::ok(Topic::Retention, &group.name, finding)
        }
        None => {
            let name = &group.name;
            let fix = if is_managed == Some(true) {
                "`vpcflow setup` with the same resources and `--retention-days N` sets one"
                    .to_owned()
            } else {
                format!(
                    "`aws logs put-retention-policy --log-group-name {name} --retention-in-days 30`"
                )
            };
            let finding = "keeps events for ever, and AWS bills them for as long";
            Check::warning(Topic::Retention, name, finding, fix)
        }
    }
}

fn class(group: &LogGroup) -> Option<Check> {
    let limit = match group.class {
        LogClass::Standard | LogClass::Unknown => return None,
        LogClass::InfrequentAccess => "AWS offers only a part of its reading calls for it",
        LogClass::Delivery => "AWS keeps its events for a day and offers no query of them",
    };
    Some(Check::warning(
        Topic::Class,
        &group.name,
        format!("is of class {}: {limit}", group.class),
        "the class of a log group cannot be changed: deliver to another one",
    ))
}
