//! Log groups, and what arrived in them.

use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::OrderBy;

use super::super::checks::LATE_MS;
use super::{Error, LogGroupStatus, Reader, Result, Sight};
use crate::log_class::LogClass;
use crate::status::{Streams, interface_of_stream};

/// How many pages of 50 log streams are read. Beyond that their number says
/// less than the time it takes.
const STREAM_PAGES_MAX: usize = 100;

/// How many pages are read in search of one late event: a page may be empty
/// although others are not.
const SEARCH_PAGES_MAX: usize = 10;

const NOT_FOUND: &str = "ResourceNotFoundException";

impl Reader<'_> {
    pub(super) async fn log_group(&self, name: &str) -> Result<LogGroupStatus> {
        let mut status = LogGroupStatus {
            name: name.to_owned(),
            existing: Sight::Unseen,
            is_managed: None,
            streams: None,
            interfaces: None,
        };
        let existing = self.aws.log_group_without_tags(name).await;
        let about = "whether the log groups exist, and for how long they keep events";
        match self.if_allowed(about, existing)? {
            Some(None) => status.existing = Sight::Absent,
            Some(Some(mut group)) => {
                let tags = self.aws.tags_of_log_group(self.account, name).await;
                if let Some(tags) = self.if_allowed("who made the log groups", tags)? {
                    status.is_managed = Some(tags.is_managed());
                    group.tags = tags;
                }
                status.existing = Sight::Seen(group);
            }
            None => {}
        }
        if status.existing != Sight::Absent {
            let streams = Box::pin(self.streams(name)).await;
            status.streams = self.if_allowed("which interfaces have a log stream", streams)?;
        }
        // AWS reads events one by one from no other class.
        let class = status
            .existing
            .seen()
            .map_or(LogClass::Standard, |group| group.class);
        if let Some(streams) = &mut status.streams
            && class == LogClass::Standard
        {
            self.look_for_late_events(name, streams).await?;
        }
        Ok(status)
    }

    async fn streams(&self, group: &str) -> Result<Streams> {
        let mut streams = Streams::default();
        // Newest first, so that a group with too many streams to count still
        // shows its newest event.
        let request = self
            .aws
            .logs
            .describe_log_streams()
            .log_group_name(group)
            .order_by(OrderBy::LastEventTime)
            .descending(true);
        let mut pages = request.into_paginator().send();
        for _ in 0..STREAM_PAGES_MAX {
            let page = match pages.next().await {
                None => break,
                Some(Err(error)) if error.code() == Some(NOT_FOUND) => break,
                Some(page) => page.map_err(|e| Error::of_call("logs:DescribeLogStreams", e))?,
            };
            streams.count += page.log_streams().len();
            streams.has_more = page.next_token().is_some();
            for stream in page.log_streams() {
                let newest = &mut streams.newest_event_ms;
                *newest = (*newest).max(stream.last_event_timestamp());
                let newest = &mut streams.newest_ingestion_ms;
                *newest = (*newest).max(stream.last_ingestion_time());
                let interface = stream.log_stream_name().and_then(interface_of_stream);
                streams.interfaces.extend(interface.map(str::to_owned));
            }
        }
        Ok(streams)
    }

    /// What a stream says about its newest event can be an hour old or more:
    /// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_LogStream.html>.
    /// So where that looks late, the events themselves are asked for.
    async fn look_for_late_events(&self, group: &str, streams: &mut Streams) -> Result<()> {
        let late_ms = self.now_ms - LATE_MS;
        let newest_ms = streams.newest_event_ms.max(streams.newest_ingestion_ms);
        if streams.count == 0 || newest_ms.is_some_and(|newest_ms| newest_ms >= late_ms) {
            return Ok(());
        }
        let request = self
            .aws
            .logs
            .filter_log_events()
            .log_group_name(group)
            .start_time(late_ms)
            .limit(1);
        let mut pages = request.into_paginator().send();
        for _ in 0..SEARCH_PAGES_MAX {
            let Some(page) = pages.next().await else {
                break;
            };
            let page = page.map_err(|e| Error::of_call("logs:FilterLogEvents", e));
            let about = "whether records arrived within the last half hour";
            let Some(page) = self.if_allowed(about, page)? else {
                break;
            };
            if let Some(event) = page.events().first() {
                streams.newest_event_ms = streams.newest_event_ms.max(event.timestamp());
                streams.newest_ingestion_ms =
                    streams.newest_ingestion_ms.max(event.ingestion_time());
                break;
            }
        }
        Ok(())
    }
}
