//! How the flow logs and their log groups do.

use std::fmt;

use aws_sdk_cloudwatchlogs::primitives::{DateTime, DateTimeFormat};
use aws_sdk_cloudwatchlogs::types::OrderBy;

use crate::Provisioner;
use crate::account::{Account, name_of_arn};
use crate::error::{Error, Result};
use crate::flow_logs::{Delivery, FlowLog};
use crate::observe::LogGroup;
use crate::text::{aligned, count};

/// How many pages of 50 log streams are read to count them. Beyond that the
/// number says less than the time it takes.
const STREAM_PAGES_MAX: usize = 20;

/// The flow logs of one log group, or all of vpcflow's, and the log groups.
///
/// Its [`Display`](fmt::Display) is text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The account and region asked about.
    pub account: Account,
    /// The flow logs, in the order of their log group and resource.
    pub flow_logs: Vec<FlowLog>,
    /// The log groups that they deliver to, and the one asked about.
    pub log_groups: Vec<LogGroupStatus>,
}

/// A log group and what arrived in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupStatus {
    /// Its name.
    pub name: String,
    /// `None` when it does not exist.
    pub existing: Option<LogGroupContents>,
}

/// What is in a log group that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupContents {
    /// The log group.
    pub log_group: LogGroup,
    /// How many log streams it has: one for each network interface.
    pub streams: usize,
    /// Whether there are more streams than were counted.
    pub has_more_streams: bool,
    /// The time of the newest event, in milliseconds since 1970: for a flow
    /// log, the start of its newest record. `None` before the first event.
    pub newest_event_ms: Option<i64>,
    /// When the newest event arrived, in milliseconds since 1970.
    pub newest_ingestion_ms: Option<i64>,
}

impl Status {
    /// Whether something delivers and nothing fails: there is a flow log, AWS
    /// reports no delivery as failed, and every log group exists.
    pub fn is_healthy(&self) -> bool {
        let fails = |flow_log: &FlowLog| matches!(flow_log.delivery, Delivery::Fails { .. });
        !self.flow_logs.is_empty()
            && !self.flow_logs.iter().any(fails)
            && self.log_groups.iter().all(|group| group.existing.is_some())
    }
}

impl Provisioner {
    /// Reads how the flow logs of a log group do, also those that vpcflow did
    /// not make; without a log group, how all do that vpcflow made.
    ///
    /// AWS updates what it says about newest events only now and then, usually
    /// within an hour, so these times can lag behind what has arrived.
    ///
    /// # Errors
    /// When AWS cannot be asked. That nothing exists is no error.
    pub async fn status(&self, log_group: Option<&str>) -> Result<Status> {
        let account = self.account().await?;
        let mut flow_logs = match log_group {
            Some(name) => self.flow_logs_of_group(name).await?,
            None => self.managed_flow_logs().await?,
        };
        flow_logs.sort_by(|one, other| {
            (&one.log_group, &one.resource_id, &one.id).cmp(&(
                &other.log_group,
                &other.resource_id,
                &other.id,
            ))
        });
        let mut names: Vec<&str> = flow_logs.iter().map(|log| log.log_group.as_str()).collect();
        names.extend(log_group);
        names.sort_unstable();
        names.dedup();
        let mut log_groups = Vec::with_capacity(names.len());
        for name in names {
            let existing = match self.log_group(&account, name).await? {
                Some(log_group) => Some(self.contents(log_group).await?),
                None => None,
            };
            log_groups.push(LogGroupStatus {
                name: name.to_owned(),
                existing,
            });
        }
        Ok(Status {
            account,
            flow_logs,
            log_groups,
        })
    }

    async fn contents(&self, log_group: LogGroup) -> Result<LogGroupContents> {
        let mut contents = LogGroupContents {
            log_group,
            streams: 0,
            has_more_streams: false,
            newest_event_ms: None,
            newest_ingestion_ms: None,
        };
        // Newest first, so that a group with too many streams to count still
        // shows its newest event.
        let request = self
            .logs
            .describe_log_streams()
            .log_group_name(&contents.log_group.name)
            .order_by(OrderBy::LastEventTime)
            .descending(true);
        let mut pages = request.into_paginator().send();
        for _ in 0..STREAM_PAGES_MAX {
            let Some(page) = pages.next().await else {
                return Ok(contents);
            };
            let page = page.map_err(|e| Error::of_call("logs:DescribeLogStreams", e))?;
            contents.streams += page.log_streams().len();
            contents.has_more_streams = page.next_token().is_some();
            for stream in page.log_streams() {
                let newest = &mut contents.newest_event_ms;
                *newest = (*newest).max(stream.last_event_timestamp());
                let newest = &mut contents.newest_ingestion_ms;
                *newest = (*newest).max(stream.last_ingestion_time());
            }
        }
        Ok(contents)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "account {}, region {}",
            self.account.id(),
            self.account.region()
        )?;
        for group in &self.log_groups {
            writeln!(f, "\nlog group {}", group.name)?;
            f.write_str(&aligned(&group.rows()))?;
            let flow_logs = self
                .flow_logs
                .iter()
                .filter(|log| log.log_group == group.name);
            let rows: Vec<[String; 7]> = flow_logs.map(flow_log_row).collect();
            f.write_str(&aligned(&rows))?;
        }
        writeln!(f, "\n{}", self.verdict())
    }
}

impl Status {
    fn verdict(&self) -> String {
        if self.flow_logs.is_empty() {
            return "no flow log delivers here".to_owned();
        }
        let failing = |log: &&FlowLog| matches!(log.delivery, Delivery::Fails { .. });
        let failing = self.flow_logs.iter().filter(failing).count();
        let missing = self
            .log_groups
            .iter()
            .filter(|group| group.existing.is_none())
            .count();
        let total = count(self.flow_logs.len(), "flow log");
        match (failing, missing) {
            (0, 0) => format!("{total}, none failing"),
            (0, _) => format!("{total}, but {} missing", count(missing, "log group")),
            _ => format!("{total}, {failing} failing"),
        }
    }
}

impl LogGroupStatus {
    fn rows(&self) -> Vec<[String; 2]> {
        let Some(contents) = &self.existing else {
            return vec![[
                "missing".to_owned(),
                "the log group does not exist".to_owned(),
            ]];
        };
        let group = &contents.log_group;
        let retention = group
            .retention_days
            .map_or("for ever".to_owned(), |days| count(days, "day"));
        let more = if contents.has_more_streams {
            "more than "
        } else {
            ""
        };
        let rows = [
            (
                "managed",
                if group.tags.is_managed() {
                    "by vpcflow"
                } else {
                    "not by vpcflow"
                },
            ),
            ("retention", &retention),
            (
                "stored",
                &format!("{} bytes (hours old)", group.stored_bytes),
            ),
            ("streams", &format!("{more}{}", contents.streams)),
            ("newest event", &time_text(contents.newest_event_ms)),
            ("newest arrival", &time_text(contents.newest_ingestion_ms)),
        ];
        rows.map(|(name, value)| [name.to_owned(), value.to_owned()])
            .to_vec()
    }
}

fn flow_log_row(flow_log: &FlowLog) -> [String; 7] {
    let format = match flow_log.format() {
        Ok(format) if format.is_default() => "default fields".to_owned(),
        Ok(format) => count(format.fields().len(), "field"),
        Err(_) => "unreadable format".to_owned(),
    };
    let role = flow_log.role_arn.as_deref().map_or("none", name_of_arn);
    let owner = if flow_log.tags.is_managed() {
        ""
    } else {
        "not by vpcflow"
    };
    [
        flow_log.id.clone(),
        flow_log.resource_id.clone(),
        flow_log
            .traffic
            .map_or_else(String::new, |traffic| traffic.to_string()),
        format!("{} s, {format}", flow_log.interval_seconds),
        format!("role {role}"),
        flow_log.delivery.to_string(),
        owner.to_owned(),
    ]
}

/// UTC, as AWS last knew it: see [`Provisioner::status`].
fn time_text(ms: Option<i64>) -> String {
    let Some(ms) = ms else {
        return "none yet".to_owned();
    };
    match DateTime::from_millis(ms).fmt(DateTimeFormat::DateTime) {
        Ok(time) => format!("{time} (may lag by an hour)"),
        // Outside of the years that the format can write.
        Err(_) => format!("{ms} ms"),
    }
}

#[cfg(test)]
mod tests;
