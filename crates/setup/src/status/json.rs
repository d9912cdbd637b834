//! The status for programs.

use serde_json::{Value, json};

use super::text::time;
use super::{Check, Interface, LogGroupStatus, Sight, Status, Verdict};
use crate::flow_logs::{Delivery, FlowLog};

impl Status {
    /// Everything that the text says and more, as one JSON object.
    ///
    /// Times are RFC 3339 in UTC. Null is what does not apply or could not be
    /// looked at; `not_seen` names the permissions that are missing.
    pub fn to_json(&self) -> Value {
        let number = |verdict| self.number_of(verdict);
        let log_groups = self.log_groups.iter().map(LogGroupStatus::to_json);
        let unseen = self
            .unseen
            .iter()
            .map(|unseen| json!({"action": unseen.action, "about": unseen.about}));
        json!({
            "account": self.account.id(),
            "region": self.account.region(),
            "time": time(self.now_ms),
            "healthy": self.is_healthy(),
            "problems": number(Verdict::Problem),
            "warnings": number(Verdict::Warning),
            "flow_logs": self.flow_logs.iter().map(flow_log).collect::<Vec<_>>(),
            "log_groups": log_groups.collect::<Vec<_>>(),
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
            "not_seen": unseen.collect::<Vec<_>>(),
        })
    }
}

fn flow_log(flow_log: &FlowLog) -> Value {
    let (status, error) = match &flow_log.delivery {
        Delivery::Succeeds => (Some("SUCCESS"), None),
        Delivery::Fails { reason } => (Some("FAILED"), Some(reason)),
        Delivery::Unknown => (None, None),
    };
    json!({
        "flow_log_id": flow_log.id,
        "resource_id": flow_log.resource_id,
        "log_group": flow_log.log_group,
        "traffic": flow_log.traffic.map(|traffic| traffic.to_string()),
        "interval_seconds": flow_log.interval_seconds,
        "log_format": flow_log.log_format,
        "role_arn": flow_log.role_arn,
        "created": flow_log.created_ms.and_then(time),
        "delivery_status": status,
        "delivery_error": error,
        "managed": flow_log.tags.is_managed(),
        "tags": flow_log.tags.to_json(),
    })
}

impl LogGroupStatus {
    fn to_json(&self) -> Value {
        let exists = match self.existing {
            Sight::Seen(_) => Some(true),
            Sight::Absent => Some(false),
            Sight::Unseen => None,
        };
        let group = self.existing.seen();
        let streams = self.streams.as_ref();
        json!({
            "name": self.name,
            "exists": exists,
            "managed": self.is_managed,
            "retention_days": group.and_then(|group| group.retention_days),
            "class": group.map(|group| group.class.to_string()),
            "kms_key": group.and_then(|group| group.kms_key.as_ref()),
            "stored_bytes": group.map(|group| group.stored_bytes),
            "streams": streams.map(|streams| streams.count),
            "has_more_streams": streams.map(|streams| streams.has_more),
            "newest_record": streams.and_then(|streams| streams.newest_event_ms).and_then(time),
            "newest_arrival":
                streams.and_then(|streams| streams.newest_ingestion_ms).and_then(time),
            "interfaces": self.interfaces_to_json(),
        })
    }

    fn interfaces_to_json(&self) -> Option<Vec<Value>> {
        let complete = self.streams.as_ref().filter(|streams| !streams.has_more);
        let to_json = |interface: &Interface| {
            json!({
                "interface_id": interface.id,
                "vpc_id": interface.vpc_id,
                "subnet_id": interface.subnet_id,
                "description": interface.description,
                "in_use": interface.is_in_use,
                "has_stream": complete.map(|streams| streams.interfaces.contains(&interface.id)),
            })
        };
        let interfaces = self.interfaces.as_ref()?;
        Some(interfaces.iter().map(to_json).collect())
    }
}

impl Check {
    fn to_json(&self) -> Value {
        json!({
            "verdict": self.verdict.to_string(),
            "topic": self.topic.to_string(),
            "subject": self.subject,
            "finding": self.finding,
            "fix": self.fix,
        })
    }
}
