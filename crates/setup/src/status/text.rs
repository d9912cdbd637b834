//! The status for people: what there is, then what is wrong with it.

use std::fmt;

use aws_sdk_cloudwatchlogs::primitives::{DateTime, DateTimeFormat};

use super::{Check, LogGroupStatus, Sight, Status, Streams, Verdict};
use crate::account::name_of_arn;
use crate::flow_logs::{Delivery, FlowLog};
use crate::text::{age, aligned, count};

const FLOW_LOG_COLUMNS: [&str; 8] = [
    "FLOW LOG", "RESOURCE", "TRAFFIC", "INTERVAL", "FORMAT", "ROLE", "DELIVERY", "MADE BY",
];

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, region) = (self.account.id(), self.account.region());
        writeln!(f, "account {id}, region {region}")?;
        for group in &self.log_groups {
            writeln!(f, "\nlog group {}", group.name)?;
            f.write_str(&aligned(&group.rows(self.now_ms)))?;
            let of_group = |log: &&FlowLog| log.log_group == group.name;
            let rows: Vec<[String; 8]> = self
                .flow_logs
                .iter()
                .filter(of_group)
                .map(flow_log_row)
                .collect();
            if !rows.is_empty() {
                let header = [FLOW_LOG_COLUMNS.map(str::to_owned)];
                write!(f, "\n{}", aligned(&[&header[..], &rows].concat()))?;
            }
        }
        self.write_checks(f)?;
        self.write_unseen(f)?;
        writeln!(f, "\n{}", self.summary())
    }
}

impl Status {
    fn write_checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nchecks")?;
        for check in self.checks.iter().filter(|it| it.verdict != Verdict::Ok) {
            let Check {
                verdict,
                topic,
                subject,
                finding,
                fix,
            } = check;
            writeln!(f, "  {verdict}: {topic} of {subject}: {finding}")?;
            if let Some(fix) = fix {
                writeln!(f, "    fix: {fix}")?;
            }
        }
        let mut fine: Vec<String> = Vec::new();
        for check in self.checks.iter().filter(|it| it.verdict == Verdict::Ok) {
            let topic = check.topic.to_string();
            if !fine.contains(&topic) {
                fine.push(topic);
            }
        }
        if fine.is_empty() {
            return Ok(());
        }
        writeln!(f, "  ok: {}", fine.join(", "))
    }

    fn write_unseen(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unseen.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nnot looked at, as the caller may not")?;
        let rows: Vec<[String; 2]> = self
            .unseen
            .iter()
            .map(|unseen| [unseen.action.to_owned(), unseen.about.to_owned()])
            .collect();
        f.write_str(&aligned(&rows))
    }

    fn summary(&self) -> String {
        let flow_logs = count(self.flow_logs.len(), "flow log");
        let number = |verdict, noun| count(self.number_of(verdict), noun);
        match (
            self.number_of(Verdict::Problem),
            self.number_of(Verdict::Warning),
        ) {
            (0, 0) => format!("{flow_logs}, all is well"),
            (0, _) => format!("{flow_logs}, {}", number(Verdict::Warning, "warning")),
            (_, 0) => format!("{flow_logs}, {}", number(Verdict::Problem, "problem")),
            _ => format!(
                "{flow_logs}, {}, {}",
                number(Verdict::Problem, "problem"),
                number(Verdict::Warning, "warning")
            ),
        }
    }
}

impl LogGroupStatus {
    fn rows(&self, now_ms: i64) -> Vec<[String; 2]> {
        let made_by = match self.is_managed {
            Some(true) => "vpcflow",
            Some(false) => "somebody else",
            None => "unknown",
        };
        let mut rows = match &self.existing {
            Sight::Absent => return vec![["missing".to_owned(), "it does not exist".to_owned()]],
            Sight::Unseen => Vec::new(),
            Sight::Seen(group) => {
                let retention = match group.retention_days {
                    Some(days) => count(days, "day"),
                    None => "for ever".to_owned(),
                };
                let encryption = match &group.kms_key {
                    Some(key) => format!("KMS key {key}"),
                    None => "CloudWatch Logs' own".to_owned(),
                };
                vec![
                    ("made by", made_by.to_owned()),
                    ("retention", retention),
                    ("class", group.class.to_string()),
                    ("encryption", encryption),
                    (
                        "stored",
                        format!("{} bytes (hours old)", group.stored_bytes),
                    ),
                ]
            }
        };
        if let Some(streams) = &self.streams {
            rows.extend(streams.rows(now_ms));
        }
        if let Some(interfaces) = self.interface_counts() {
            rows.push(("interfaces", interfaces));
        }
        rows.into_iter()
            .map(|(name, value)| [name.to_owned(), value])
            .collect()
    }

    fn interface_counts(&self) -> Option<String> {
        let interfaces = self.interfaces.as_ref()?;
        let in_use = interfaces.iter().filter(|it| it.is_in_use).count();
        let mut text = format!("{} watched, {in_use} in use", interfaces.len());
        if let Some(streams) = &self.streams
            && !streams.has_more
        {
            let has_stream = |id: &String| streams.interfaces.contains(id);
            let with_stream = interfaces.iter().filter(|it| has_stream(&it.id)).count();
            text.push_str(&format!(", {with_stream} with a stream"));
        }
        Some(text)
    }
}

impl Streams {
    fn rows(&self, now_ms: i64) -> [(&'static str, String); 3] {
        let more = if self.has_more { "more than " } else { "" };
        [
            ("streams", format!("{more}{}", self.count)),
            ("newest record", time_text(self.newest_event_ms, now_ms)),
            (
                "newest arrival",
                time_text(self.newest_ingestion_ms, now_ms),
            ),
        ]
    }
}

fn flow_log_row(flow_log: &FlowLog) -> [String; 8] {
    let format = match flow_log.format() {
        Ok(format) if format.is_default() => "default".to_owned(),
        Ok(format) => count(format.fields().len(), "field"),
        Err(_) => "unreadable".to_owned(),
    };
    let traffic = flow_log
        .traffic
        .map_or("all".to_owned(), |traffic| traffic.to_string());
    let delivery = match &flow_log.delivery {
        Delivery::Succeeds => "success".to_owned(),
        Delivery::Fails { reason } => reason.clone(),
        Delivery::Unknown => "unknown".to_owned(),
    };
    let made_by = if flow_log.tags.is_managed() {
        "vpcflow"
    } else {
        "somebody else"
    };
    let role = flow_log.role_arn.as_deref().map_or("none", name_of_arn);
    [
        flow_log.id.clone(),
        flow_log.resource_id.clone(),
        traffic,
        format!("{} s", flow_log.interval_seconds),
        format,
        role.to_owned(),
        delivery,
        made_by.to_owned(),
    ]
}

/// A time in UTC and how long ago it was.
fn time_text(ms: Option<i64>, now_ms: i64) -> String {
    let Some(ms) = ms else {
        return "none yet".to_owned();
    };
    let ago = age(now_ms.saturating_sub(ms).max(0));
    match time(ms) {
        Some(time) => format!("{time}, {ago} ago"),
        None => format!("{ago} ago"),
    }
}

/// `None` outside of the years that the format can write.
pub(super) fn time(ms: i64) -> Option<String> {
    let whole_seconds = DateTime::from_secs(ms.div_euclid(1000));
    whole_seconds.fmt(DateTimeFormat::DateTime).ok()
}
