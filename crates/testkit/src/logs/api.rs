//! The operations, without HTTP around them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::faults::{Carriage, FaultPlan};
use super::pages::{EVENT_OVERHEAD_BYTES, MAX_EVENTS, Pager, Query, StreamFilter};
use super::store::{Batch, BatchId, Group, Store, Stream};
use super::traffic::{Traffic, TrafficPage};
use super::wire::{self, ApiError, StreamOrder};

const MAX_STREAM_NAMES: usize = 100;
const DESCRIBE_LIMIT: usize = 50;
const MAX_BATCH_EVENTS: usize = 10_000;
const MAX_BATCH_BYTES: usize = 1_048_576;
const MAX_BATCH_SPAN_MS: u64 = 24 * 60 * 60 * 1_000;
const ARN_PREFIX: &str = "arn:aws:logs:us-east-1:123456789012:log-group:";

/// What a call gives.
#[derive(Debug)]
pub(super) enum Answer {
    Body(String),
    /// To be written when others may call again.
    Page(TrafficPage),
}

impl Answer {
    /// The body.
    pub(super) fn write(self) -> Vec<u8> {
        match self {
            Answer::Body(body) => body.into_bytes(),
            Answer::Page(page) => page.write(),
        }
    }
}

/// Everything the server knows.
#[derive(Debug, Default)]
pub(super) struct Service {
    pub(super) store: Store,
    pub(super) pager: Pager,
    pub(super) faults: FaultPlan,
    pub(super) traffic: Option<Arc<Traffic>>,
    /// By which the records of the traffic are visible.
    pub(super) now_ms: i64,
    /// Whether `DescribeLogStreams` shows old times.
    pub(super) stale_stream_times: bool,
    calls: BTreeMap<String, u64>,
    /// Batches to release before the `FilterLogEvents` call of that number.
    due: Vec<(u64, BatchId)>,
}

impl Service {
    /// How the answer to the last call is carried.
    pub(super) fn carriage(&self, operation: &str) -> Carriage {
        self.faults.carriage(self.calls(operation))
    }

    /// Answers one call, which was signed with this access key.
    pub(super) fn call(
        &mut self,
        operation: &str,
        access_key: &str,
        body: &[u8],
    ) -> Result<Answer, ApiError> {
        let number = self.calls.entry(operation.to_owned()).or_default();
        *number += 1;
        let number = *number;
        if operation == "FilterLogEvents" {
            self.release_due(number);
        }
        if let Some(fault) = self.faults.decide(operation, access_key, number) {
            return Err(fault.error(operation));
        }
        let answer = match operation {
            "FilterLogEvents" => return self.filter_log_events(parse(body)?),
            "DescribeLogStreams" => self.describe_log_streams(parse(body)?),
            "DescribeLogGroups" => self.describe_log_groups(parse(body)?),
            "CreateLogGroup" => self.create_log_group(parse(body)?),
            "CreateLogStream" => self.create_log_stream(parse(body)?),
            "PutLogEvents" => self.put_log_events(parse(body)?),
            _ => Err(ApiError::new(400, "UnknownOperationException", operation)),
        };
        answer.map(Answer::Body)
    }

    /// How often `operation` was called, refused calls included.
    pub(super) fn calls(&self, operation: &str) -> u64 {
        self.calls.get(operation).copied().unwrap_or(0)
    }

    /// Releases a batch after `calls` more `FilterLogEvents` calls.
    pub(super) fn release_after(&mut self, batch: BatchId, calls: u64) {
        self.due
            .push((self.calls("FilterLogEvents") + calls + 1, batch));
    }

    fn release_due(&mut self, number: u64) {
        let store = &mut self.store;
        self.due.retain(|(due, batch)| {
            let pending = *due > number;
            if !pending {
                store.release(*batch);
            }
            pending
        });
    }

    fn filter_log_events(&mut self, request: wire::FilterLogEvents) -> Result<Answer, ApiError> {
        let name = wire::group_name(request.log_group_name, request.log_group_identifier)?;
        let limit = limit(request.limit, MAX_EVENTS)?;
        let start_ms = time("startTime", request.start_time.unwrap_or(0))?;
        let end_ms = time("endTime", request.end_time.unwrap_or(i64::MAX))?;
        if start_ms > end_ms {
            return Err(ApiError::invalid_parameter("startTime is after endTime"));
        }
        let streams = stream_filter(request.log_stream_names, request.log_stream_name_prefix)?;
        if let Some(traffic) = self
            .traffic
            .as_ref()
            .filter(|traffic| traffic.group == name)
        {
            let token = request.next_token.as_deref();
            let limit = limit.min(self.pager.max_events);
            let page = TrafficPage::new(traffic, start_ms, end_ms, token, limit, self.now_ms);
            return page.map(Answer::Page);
        }
        let group = find(&self.store.groups, &name)?;
        if let StreamFilter::Names(names) = &streams
            && !names.iter().all(|name| group.has_stream(name))
        {
            return Err(ApiError::stream_not_found());
        }
        let query = Query {
            group: name,
            streams,
            start_ms,
            end_ms,
        };
        let token = request.next_token.as_deref();
        let page = self.pager.page(group, &query, limit, token)?;
        let events = page.events.into_iter().map(|(key, event)| {
            let stream = &group.streams[event.stream];
            wire::FilteredEvent {
                log_stream_name: &stream.name,
                timestamp: key.timestamp_ms,
                message: &event.message,
                ingestion_time: key.ingestion_time_ms,
                event_id: key.event_id(),
            }
        });
        let page = render(&wire::FilteredEvents {
            events: events.collect(),
            searched_log_streams: [],
            next_token: page.next_token,
        });
        page.map(Answer::Body)
    }

    fn describe_log_streams(&self, request: wire::DescribeLogStreams) -> Result<String, ApiError> {
        let name = wire::group_name(request.log_group_name, request.log_group_identifier)?;
        let by_time = request.order_by == Some(StreamOrder::LastEventTime);
        if by_time && request.log_stream_name_prefix.is_some() {
            return Err(ApiError::invalid_parameter(
                "Cannot order by LastEventTime with a logStreamNamePrefix.",
            ));
        }
        let prefix = request.log_stream_name_prefix.unwrap_or_default();
        if let Some(traffic) = self
            .traffic
            .as_ref()
            .filter(|traffic| traffic.group == name)
        {
            let limit = limit(request.limit, DESCRIBE_LIMIT)?;
            return describe_traffic(traffic, limit, request.next_token.as_deref());
        }
        let group = find(&self.store.groups, &name)?;
        let mut streams: Vec<&Stream> = group
            .streams_by_name()
            .filter(|stream| stream.name.starts_with(&prefix))
            .collect();
        if by_time {
            streams.sort_by_key(|stream| self.shown_times(stream).map(|times| times.last_event_ms));
        }
        if request.descending == Some(true) {
            streams.reverse();
        }
        let limit = limit(request.limit, DESCRIBE_LIMIT)?;
        let (page, next_token) = slice(&streams, limit, request.next_token.as_deref())?;
        let page = page.iter().map(|stream| self.describe(&name, stream));
        let streams: Vec<_> = page.collect();
        render(&json!({"logStreams": streams, "nextToken": next_token}))
    }

    fn describe(&self, group: &str, stream: &Stream) -> serde_json::Value {
        let mut description = json!({
            "logStreamName": stream.name,
            "arn": format!("{ARN_PREFIX}{group}:log-stream:{}", stream.name),
            "creationTime": 0,
            "storedBytes": 0,
        });
        if let Some(times) = self.shown_times(stream) {
            description["firstEventTimestamp"] = times.first_event_ms.into();
            description["lastEventTimestamp"] = times.last_event_ms.into();
            description["lastIngestionTime"] = times.last_ingestion_ms.into();
        }
        description
    }

    fn shown_times(&self, stream: &Stream) -> Option<super::store::StreamTimes> {
        if self.stale_stream_times {
            stream.first_times
        } else {
            stream.times
        }
    }

    fn describe_log_groups(&self, request: wire::DescribeLogGroups) -> Result<String, ApiError> {
        if request.log_group_name_prefix.is_some() && request.log_group_name_pattern.is_some() {
            return Err(ApiError::invalid_parameter(
                "logGroupNamePrefix and logGroupNamePattern are mutually exclusive",
            ));
        }
        let prefix = request.log_group_name_prefix.unwrap_or_default();
        let pattern = request.log_group_name_pattern.unwrap_or_default();
        let names: Vec<&String> = self
            .store
            .groups
            .keys()
            .filter(|name| name.starts_with(&prefix) && name.contains(&pattern))
            .collect();
        let limit = limit(request.limit, DESCRIBE_LIMIT)?;
        let (page, next_token) = slice(&names, limit, request.next_token.as_deref())?;
        let groups: Vec<_> = page
            .iter()
            .map(|name| {
                json!({
                    "logGroupName": name,
                    "logGroupArn": format!("{ARN_PREFIX}{name}"),
                    "arn": format!("{ARN_PREFIX}{name}:*"),
                    "creationTime": 0,
                    "storedBytes": 0,
                    "logGroupClass": "STANDARD",
                })
            })
            .collect();
        render(&json!({"logGroups": groups, "nextToken": next_token}))
    }

    fn create_log_group(&mut self, request: wire::CreateLogGroup) -> Result<String, ApiError> {
        if self.store.create_group(&request.log_group_name) {
            Ok(String::new())
        } else {
            Err(ApiError::already_exists("log group"))
        }
    }

    fn create_log_stream(&mut self, request: wire::CreateLogStream) -> Result<String, ApiError> {
        let group = find_mut(&mut self.store.groups, &request.log_group_name)?;
        if group.create_stream(&request.log_stream_name) {
            Ok(String::new())
        } else {
            Err(ApiError::already_exists("log stream"))
        }
    }

    fn put_log_events(&mut self, request: wire::PutLogEvents) -> Result<String, ApiError> {
        let group = find(&self.store.groups, &request.log_group_name)?;
        if !group.has_stream(&request.log_stream_name) {
            return Err(ApiError::stream_not_found());
        }
        check_batch(&request.log_events)?;
        let events = request.log_events.into_iter();
        self.store.put(Batch {
            group: request.log_group_name,
            stream: request.log_stream_name,
            ingestion_time_ms: None,
            events: events
                .map(|event| (event.timestamp, event.message))
                .collect(),
        });
        Ok(json!({"nextSequenceToken": "0"}).to_string())
    }
}

/// A page of the streams of made-up traffic, in the order of their names.
fn describe_traffic(
    traffic: &Traffic,
    limit: usize,
    token: Option<&str>,
) -> Result<String, ApiError> {
    let from: u64 = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|start| start.parse().ok())
            .ok_or_else(ApiError::invalid_token)?,
    };
    let to = traffic.interfaces.min(from.saturating_add(limit as u64));
    let streams: Vec<_> = (from..to)
        .map(|interface| json!({"logStreamName": traffic.stream(interface), "creationTime": 0}))
        .collect();
    let next_token = (to < traffic.interfaces).then(|| format!("from-{to}"));
    render(&json!({"logStreams": streams, "nextToken": next_token}))
}

/// The limits of
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
/// that need no clock: nothing is too old or too new here.
fn check_batch(events: &[wire::InputEvent]) -> Result<(), ApiError> {
    let problem = match events {
        [] => Some("a batch needs at least one log event"),
        [.., _] if events.len() > MAX_BATCH_EVENTS => Some("a batch has at most 10,000 log events"),
        [first, .., last] if last.timestamp.saturating_sub(first.timestamp) > MAX_BATCH_SPAN_MS => {
            Some("a batch spans at most 24 hours")
        }
        _ if !events.is_sorted_by_key(|event| event.timestamp) => {
            Some("Log events in a single PutLogEvents request must be in chronological order.")
        }
        _ if batch_bytes(events) > MAX_BATCH_BYTES => Some("a batch has at most 1,048,576 bytes"),
        _ => None,
    };
    problem.map_or(Ok(()), |problem| Err(ApiError::invalid_parameter(problem)))
}

fn batch_bytes(events: &[wire::InputEvent]) -> usize {
    let sizes = events
        .iter()
        .map(|event| event.message.len() + EVENT_OVERHEAD_BYTES);
    sizes.sum()
}

fn stream_filter(
    names: Option<Vec<String>>,
    prefix: Option<String>,
) -> Result<StreamFilter, ApiError> {
    match (names, prefix) {
        (None, None) => Ok(StreamFilter::All),
        (None, Some(prefix)) => Ok(StreamFilter::Prefix(prefix)),
        (Some(names), None) if (1..=MAX_STREAM_NAMES).contains(&names.len()) => {
            Ok(StreamFilter::Names(names.into_iter().collect()))
        }
        (Some(_), None) => Err(ApiError::invalid_parameter(
            "logStreamNames has 1 to 100 names",
        )),
        (Some(_), Some(_)) => Err(ApiError::invalid_parameter(
            "logStreamNames and logStreamNamePrefix are mutually exclusive",
        )),
    }
}

fn find<'a>(groups: &'a BTreeMap<String, Group>, name: &str) -> Result<&'a Group, ApiError> {
    groups.get(name).ok_or_else(ApiError::group_not_found)
}

fn find_mut<'a>(
    groups: &'a mut BTreeMap<String, Group>,
    name: &str,
) -> Result<&'a mut Group, ApiError> {
    groups.get_mut(name).ok_or_else(ApiError::group_not_found)
}

fn limit(limit: Option<i64>, most: usize) -> Result<usize, ApiError> {
    match limit.map(usize::try_from) {
        None => Ok(most),
        Some(Ok(limit)) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::invalid_parameter(format!("limit is 1 to {most}"))),
    }
}

fn time(member: &str, time_ms: i64) -> Result<u64, ApiError> {
    u64::try_from(time_ms)
        .map_err(|_| ApiError::invalid_parameter(format!("{member} must not be negative")))
}

/// The page of a described list that `token` names, and the token of the next.
fn slice<'a, T>(
    items: &'a [T],
    limit: usize,
    token: Option<&str>,
) -> Result<(&'a [T], Option<String>), ApiError> {
    let start = match token {
        None => 0,
        Some(token) => token
            .strip_prefix("from-")
            .and_then(|start| start.parse().ok())
            .filter(|start| *start <= items.len())
            .ok_or_else(ApiError::invalid_token)?,
    };
    let end = items.len().min(start + limit);
    let next_token = (end < items.len()).then(|| format!("from-{end}"));
    Ok((&items[start..end], next_token))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "SerializationException", error.to_string()))
}

fn render(answer: &impl Serialize) -> Result<String, ApiError> {
    serde_json::to_string(answer)
        .map_err(|error| ApiError::new(500, "InternalFailure", error.to_string()))
}
