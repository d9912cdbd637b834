//! The events that a store has: what a source drops as repeats after a restart.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, StringViewArray};

use crate::data_file::DataFile;
use crate::error::Result;
use crate::live::Snapshot;
use crate::object_file::FileRows;
use crate::rejects::read_rejects;

/// The columns that are read.
const COLUMNS: [&str; 4] = ["start", "log_group", "log_stream", "event_id"];

/// An event's time is its record's `start`:
/// <https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-cwl.html>. Should a
/// service take the end of the aggregation interval instead, it is ten minutes later at
/// the most. Not more than needed: each event in these times is held in memory.
const MARGIN_MS: i64 = 12 * 60_000;

/// A log group takes events this far ahead of its clock, so that a row may be
/// written so long before its event time:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>.
const AHEAD_MS: i64 = 2 * 3_600_000;

/// Clocks differ by less.
const SLACK_MS: i64 = 3_600_000;

impl Snapshot {
    /// Calls `take` with log stream and event id of each event of a log group
    /// with these times (milliseconds since the Unix epoch), in rows and rejects,
    /// and of some others. Reads four columns of the files that may have such
    /// rows.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn event_ids(
        &self,
        log_group: &str,
        times: Range<i64>,
        mut take: impl FnMut(&str, &str) + Send,
    ) -> Result<()> {
        let span = Span::of(&times);
        let files: Vec<_> = self.files().cloned().collect();
        for file in files.iter().filter(|file| span.may_have(file)) {
            let objects = self.location().store();
            let mut rows = FileRows::open(objects, file, self.schema(), Some(&COLUMNS)).await?;
            while let Some(batch) = rows.next().await? {
                span.take_ids(&batch, log_group, &mut take);
            }
        }
        for batch in self.rows() {
            span.take_ids(batch, log_group, &mut take);
        }
        let files: Vec<_> = self.rejects_files().cloned().collect();
        for file in files {
            if file.committed_ms >= span.written_from_ms {
                let rejects = read_rejects(self.location().store().as_ref(), &file).await?;
                take_reject_ids(&rejects, log_group, &mut take);
            }
        }
        for rejects in self.rejects() {
            take_reject_ids(rejects, log_group, &mut take);
        }
        Ok(())
    }
}

/// Event times, and where rows of theirs may be.
struct Span {
    start_us: Range<i64>,
    written_from_ms: i64,
}

impl Span {
    fn of(times: &Range<i64>) -> Span {
        let from_ms = times.start.saturating_sub(MARGIN_MS);
        let to_ms = times.end.saturating_add(MARGIN_MS);
        Span {
            start_us: from_ms.saturating_mul(1000)..to_ms.saturating_mul(1000),
            written_from_ms: times.start.saturating_sub(AHEAD_MS + SLACK_MS),
        }
    }

    fn may_have(&self, file: &DataFile) -> bool {
        let overlaps = file.start_range_us.is_none_or(|(first_us, last_us)| {
            first_us < self.start_us.end && last_us >= self.start_us.start
        });
        file.modified_ms >= self.written_from_ms && (overlaps || file.has_nulls("start"))
    }

    fn take_ids(&self, batch: &RecordBatch, log_group: &str, take: &mut impl FnMut(&str, &str)) {
        let (Some(groups), Some(streams), Some(ids)) = (
            text(batch, "log_group"),
            text(batch, "log_stream"),
            text(batch, "event_id"),
        ) else {
            return;
        };
        let starts = batch
            .column_by_name("start")
            .and_then(|starts| starts.as_primitive_opt::<TimestampMicrosecondType>());
        for row in 0..batch.num_rows() {
            let is_ours = groups.is_valid(row) && groups.value(row) == log_group;
            let is_in_time = starts.is_none_or(|starts| {
                starts.is_null(row) || self.start_us.contains(&starts.value(row))
            });
            if is_ours && is_in_time && streams.is_valid(row) && ids.is_valid(row) {
                take(streams.value(row), ids.value(row));
            }
        }
    }
}

/// The stream of a refused event is in its source: `logs:GROUP/STREAM`.
fn take_reject_ids(rejects: &RecordBatch, log_group: &str, take: &mut impl FnMut(&str, &str)) {
    let (Some(sources), Some(ids)) = (text(rejects, "source"), text(rejects, "event_id")) else {
        return;
    };
    let prefix = format!("logs:{log_group}/");
    for row in 0..rejects.num_rows() {
        if sources.is_valid(row)
            && ids.is_valid(row)
            && let Some(stream) = sources.value(row).strip_prefix(&prefix)
        {
            take(stream, ids.value(row));
        }
    }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringViewArray> {
    batch.column_by_name(name)?.as_string_view_opt()
}
