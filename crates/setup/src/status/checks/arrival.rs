//! Whether records arrive: for each network interface, and lately.

use super::super::{Check, Facts, Interface, LogGroupStatus, Sight, Streams, Topic};
use super::some_of;
use crate::flow_logs::FlowLog;
use crate::text::{age, count};
use crate::wish::Traffic;

/// The longest interval of ten minutes, the delivery that takes about as long,
/// and as much again for a bad day. AWS says "several minutes":
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-basics.html>.
pub(in crate::status) const LATE_MS: i64 = 30 * 60 * 1000;

pub(super) fn interfaces(facts: &Facts, group: &LogGroupStatus) -> Option<Check> {
    let (streams, interfaces) = (group.streams.as_ref()?, group.interfaces.as_ref()?);
    if streams.has_more {
        // The one that is missing may be among those that were not read.
        return None;
    }
    let since_ms = oldest_flow_log(&facts.of_group(group))?;
    let is_due = |interface: &&Interface| {
        let begun_ms = interface.attached_ms.unwrap_or(since_ms).max(since_ms);
        interface.is_in_use && facts.now_ms - begun_ms > LATE_MS
    };
    let due: Vec<&Interface> = interfaces.iter().filter(is_due).collect();
    let without: Vec<&str> = due
        .iter()
        .map(|interface| interface.id.as_str())
        .filter(|id| !streams.interfaces.contains(*id))
        .collect();
    Some(if without.is_empty() {
        let finding = match due.len() {
            0 => "none has been in use for long".to_owned(),
            number => format!("{} in use, each with a stream", count(number, "interface")),
        };
        Check::ok(Topic::Interfaces, &group.name, finding)
    } else {
        let finding = format!(
            "{} of {} in use have no stream: {}",
            without.len(),
            count(due.len(), "interface"),
            some_of(&without)
        );
        let fix = "a stream is made with the first record: if `delivery` is well, look whether \
                   the interface had any traffic";
        Check::warning(Topic::Interfaces, &group.name, finding, fix)
    })
}

pub(super) fn freshness(facts: &Facts, group: &LogGroupStatus) -> Option<Check> {
    let Sight::Seen(_) = &group.existing else {
        return None;
    };
    let streams = group.streams.as_ref()?;
    let flow_logs = facts.of_group(group);
    let since_ms = oldest_flow_log(&flow_logs)?;
    let name = &group.name;
    if let Some(age_ms) = age_ms(facts, streams)
        && age_ms <= LATE_MS
    {
        let finding = format!("the newest record is {} old", age(age_ms));
        return Some(Check::ok(Topic::Freshness, name, finding));
    }
    if facts.now_ms - since_ms <= LATE_MS {
        let finding = format!(
            "no record yet, {} after the flow log was made; the first take about ten minutes",
            age((facts.now_ms - since_ms).max(0))
        );
        return Some(Check::ok(Topic::Freshness, name, finding));
    }
    let finding = match age_ms(facts, streams) {
        Some(age_ms) => format!("the newest record is {} old", age(age_ms)),
        None => "nothing has ever arrived".to_owned(),
    };
    let quiet = |interfaces: &Vec<Interface>| !interfaces.iter().any(|it| it.is_in_use);
    if group.interfaces.as_ref().is_some_and(quiet) {
        let finding = format!("{finding}, and no interface is in use");
        return Some(Check::ok(Topic::Freshness, name, finding));
    }
    let is_sure = group.interfaces.is_some()
        && flow_logs
            .iter()
            .any(|log| log.traffic == Some(Traffic::All));
    Some(if is_sure {
        let fix = "each interface in use gives a record an interval, even without traffic: see \
                   `delivery`, `role` and `permissions`";
        Check::problem(Topic::Freshness, name, finding, fix)
    } else {
        let fix = "look whether there was any traffic of this kind";
        Check::warning(Topic::Freshness, name, finding, fix)
    })
}

fn age_ms(facts: &Facts, streams: &Streams) -> Option<i64> {
    let newest = streams.newest_event_ms.max(streams.newest_ingestion_ms)?;
    Some(facts.now_ms.saturating_sub(newest).max(0))
}

/// Since when records are to be expected; since ever where AWS does not say.
fn oldest_flow_log(flow_logs: &[&FlowLog]) -> Option<i64> {
    flow_logs
        .iter()
        .map(|log| log.created_ms.unwrap_or(0))
        .min()
}
