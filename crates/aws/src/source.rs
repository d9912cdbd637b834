//! A CloudWatch log group as a source of events.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_config::retry::RetryConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::builders::FilterLogEventsFluentBuilder;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use tokio_util::task::AbortOnDropHandle;
use vpcflow_ingest::{EventPage, LogEvent, LogGroup, PageRequest, ReadError, ReadErrorKind};

use crate::Result;
use crate::address::GroupAddress;
use crate::client::Clients;
use crate::failure::read_error;

/// The most that a page can have.
const MAX_PAGE_EVENTS: i32 = 10_000;
/// How many other groups are named when a group is not found.
const MAX_SUGGESTIONS: usize = 3;

/// Reads a log group with [`FilterLogEvents`]: the only call that covers every
/// stream of a group, in the order of event time, and gives each event an id.
///
/// A page is one call: whoever reads counts the calls and tries again, so the
/// client does not. Calls are made, and answers parsed, on tasks of their own,
/// so that several pages use several cores. Credentials that are refused are looked
/// for anew at the next call.
///
/// [`FilterLogEvents`]: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
#[derive(Debug)]
pub struct CloudWatchLogGroup {
    clients: Clients,
    address: GroupAddress,
    region: String,
    /// One allocation a stream, not one an event.
    streams: Mutex<HashSet<Arc<str>>>,
}

impl CloudWatchLogGroup {
    /// A log group named by its name, in the region of `config`, or by its ARN,
    /// in the region that the ARN names. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidGroupName`](crate::Error::InvalidGroupName).
    pub fn new(config: &SdkConfig, group: &str) -> Result<Self> {
        let address = GroupAddress::parse(group)?;
        let region = match (&address.arn, config.region()) {
            (Some(arn), _) => arn.region.clone(),
            (None, Some(region)) => region.to_string(),
            (None, None) => String::new(),
        };
        let named = (!region.is_empty()).then(|| Region::new(region.clone()));
        Ok(Self {
            clients: Clients::new(config, named),
            address,
            region,
            streams: Mutex::default(),
        })
    }

    /// The region that the group is in; empty if nothing names one.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The ARN of the group, without `:*` at its end: what tells it from groups of
    /// the same name elsewhere.
    ///
    /// # Errors
    ///
    /// Those of [`page`](LogGroup::page), of `DescribeLogGroups`, unless the
    /// group was named by its ARN.
    pub async fn arn(&self) -> Result<String, ReadError> {
        if let Some(arn) = &self.address.arn {
            return Ok(arn.text.clone());
        }
        let name = self.name();
        let mut pages = self
            .clients
            .newest()
            .describe_log_groups()
            .log_group_name_prefix(name)
            .into_paginator()
            .items()
            .send();
        while let Some(found) = pages.next().await {
            let found = found.map_err(|error| {
                let mut error = read_error(&error, name, &self.region, false);
                error.hint = error.hint.or(Some(
                    "name the group by its ARN, or allow logs:DescribeLogGroups".to_owned(),
                ));
                error
            })?;
            if found.log_group_name() == Some(name)
                && let Some(arn) = found.arn()
            {
                return Ok(arn.strip_suffix(":*").unwrap_or(arn).to_owned());
            }
        }
        Err(ReadError {
            kind: ReadErrorKind::NotFound,
            message: format!("log group `{name}` is not among those of {}", self.region),
            hint: None,
        })
    }

    /// Makes one cheap call, so that a wrong name or a missing permission is
    /// reported before anything else happens.
    ///
    /// # Errors
    ///
    /// Those of [`page`](LogGroup::page). A group that does not exist comes
    /// with similar names as its hint, if the caller may list groups.
    pub async fn check(&self) -> Result<(), ReadError> {
        let request = PageRequest {
            start_ms: 1,
            end_ms: 1,
            token: None,
        };
        match self.call(&request, 1).send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                let error = read_error(&error, self.name(), &self.region, false);
                Err(self.with_suggestions(error).await)
            }
        }
    }

    #[expect(
        deprecated,
        reason = "AWS always interleaves; emulators return stream after stream unless asked"
    )]
    fn call(&self, request: &PageRequest, limit: i32) -> FilterLogEventsFluentBuilder {
        let call = self
            .clients
            .newest()
            .filter_log_events()
            .start_time(request.start_ms)
            .end_time(request.end_ms)
            .set_next_token(request.token.clone())
            .limit(limit)
            .interleaved(true);
        match &self.address.arn {
            Some(arn) => call.log_group_identifier(&arn.text),
            None => call.log_group_name(&self.address.name),
        }
    }

    async fn with_suggestions(&self, mut error: ReadError) -> ReadError {
        if error.kind == ReadErrorKind::NotFound && self.address.arn.is_none() {
            let names = self.similar_groups().await;
            if !names.is_empty() {
                error.hint = Some(format!(
                    "log groups with a similar name: {}",
                    names.join(", ")
                ));
            }
        }
        error
    }

    /// Groups whose names begin alike; none when they cannot be listed.
    async fn similar_groups(&self) -> Vec<String> {
        let listing = self
            .clients
            .newest()
            .describe_log_groups()
            .log_group_name_prefix(listed_prefix(self.name()))
            .send()
            .await;
        let groups = listing.map(|listing| listing.log_groups.unwrap_or_default());
        let names = groups.unwrap_or_default().into_iter();
        let mut names: Vec<String> = names.filter_map(|group| group.log_group_name).collect();
        names.sort_by_key(|name| {
            let shared = shared_prefix_length(name, self.name());
            (Reverse(shared), name.len().abs_diff(self.name().len()))
        });
        names.truncate(MAX_SUGGESTIONS);
        names.iter().map(|name| format!("`{name}`")).collect()
    }

    fn events(&self, events: Vec<FilteredLogEvent>) -> Result<Vec<LogEvent>, ReadError> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let converted = events
            .into_iter()
            .map(|event| convert(event, &mut streams).ok_or_else(|| self.incomplete_event()));
        converted.collect()
    }

    /// A call that did not come to its end.
    fn lost(&self, error: &tokio::task::JoinError) -> ReadError {
        ReadError {
            kind: ReadErrorKind::Transient,
            message: format!(
                "reading log group `{}` was broken off: {error}",
                self.name()
            ),
            hint: None,
        }
    }

    fn incomplete_event(&self) -> ReadError {
        let name = self.name();
        ReadError {
            kind: ReadErrorKind::Fatal,
            message: format!(
                "log group `{name}` returned an event without stream, id, timestamp or message"
            ),
            hint: None,
        }
    }
}

#[async_trait]
impl LogGroup for CloudWatchLogGroup {
    fn name(&self) -> &str {
        &self.address.name
    }

    async fn page(&self, request: &PageRequest) -> Result<EventPage, ReadError> {
        let once = Builder::new().retry_config(RetryConfig::disabled());
        let call = self.call(request, MAX_PAGE_EVENTS);
        let call = call.customize().config_override(once).send();
        // Dropped with this future, and the call with it.
        let answer = AbortOnDropHandle::new(tokio::spawn(call)).await;
        let output = answer
            .map_err(|error| self.lost(&error))?
            .map_err(|error| {
                let token_sent = request.token.is_some();
                let error = read_error(&error, self.name(), &self.region, token_sent);
                if error.kind == ReadErrorKind::Denied {
                    self.clients.forget_credentials();
                }
                error
            })?;
        Ok(EventPage {
            events: self.events(output.events.unwrap_or_default())?,
            next_token: output.next_token,
        })
    }
}

/// `None` when the service left out what it documents to be there.
fn convert(event: FilteredLogEvent, streams: &mut HashSet<Arc<str>>) -> Option<LogEvent> {
    Some(LogEvent {
        stream: intern(&event.log_stream_name?, streams),
        event_id: event.event_id?,
        timestamp_ms: event.timestamp?,
        ingestion_time_ms: event.ingestion_time,
        message: event.message?,
    })
}

fn intern(name: &str, streams: &mut HashSet<Arc<str>>) -> Arc<str> {
    if let Some(known) = streams.get(name) {
        return Arc::clone(known);
    }
    let stream: Arc<str> = name.into();
    streams.insert(Arc::clone(&stream));
    stream
}

/// How many `FilterLogEvents` calls an account may make in a region each second
/// (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>).
/// The quota cannot be raised, and all readers of the account share it.
pub fn filter_log_events_quota(region: &str) -> f64 {
    match region {
        "us-east-1" => 25.0,
        "ap-northeast-3" | "ap-southeast-3" | "ca-west-1" | "eu-central-1" | "il-central-1" => 5.0,
        _ => 10.0,
    }
}

/// What a mistyped name likely shares with the right one: its path, else its
/// first letters.
fn listed_prefix(name: &str) -> &str {
    match name.rfind('/') {
        Some(slash) if slash > 0 => &name[..=slash],
        // Names are ASCII: any index is a boundary.
        _ => &name[..name.len().min(3)],
    }
}

fn shared_prefix_length(left: &str, right: &str) -> usize {
    let pairs = left.bytes().zip(right.bytes());
    pairs.take_while(|(left, right)| left == right).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_of_the_same_path_are_listed() {
        assert_eq!(listed_prefix("/vpc/flow-logz"), "/vpc/");
        assert_eq!(listed_prefix("/flows"), "/fl");
        assert_eq!(listed_prefix("vp"), "vp");
    }

    #[test]
    fn the_quota_is_that_of_the_region() {
        let quotas = ["us-east-1", "eu-west-1", "eu-central-1"].map(filter_log_events_quota);
        assert_eq!(quotas, [25.0, 10.0, 5.0]);
    }
}
