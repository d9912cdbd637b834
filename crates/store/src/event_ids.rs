//! The ids of stored events: what a source drops as repeats after a restart.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, RecordBatch, StringViewArray};

use crate::error::Result;
use crate::live::Snapshot;
use crate::object_file::FileRows;
use crate::rejects::read_rejects;

/// The columns that are read.
const COLUMNS: [&str; 3] = ["start", "log_group", "event_id"];

/// How long before its event a reject may seem to be committed, in milliseconds:
/// clocks differ.
const REJECTS_SLACK_MS: i64 = 86_400_000;

impl Snapshot {
    /// Calls `take` with the event id of each row of a log group whose `start` is
    /// `since_ms` or later (milliseconds since the Unix epoch), or that has none;
    /// and with those of its rejects, some older ones among them. Reads three
    /// columns of the files that may have such rows.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub async fn event_ids(
        &self,
        log_group: &str,
        since_ms: i64,
        mut take: impl FnMut(&str) + Send,
    ) -> Result<()> {
        let since_us = since_ms.saturating_mul(1000);
        let files: Vec<_> = self.files().cloned().collect();
        for file in files {
            let may_have_rows = match (file.start_range_us, file.stats()) {
                (Some((_, last_us)), Some(stats)) => {
                    last_us >= since_us || stats.null_count.get("start") != Some(&0)
                }
                _ => true,
            };
            if !may_have_rows {
                continue;
            }
            let objects = self.location().store();
            let mut rows = FileRows::open(objects, &file, self.schema(), Some(&COLUMNS)).await?;
            while let Some(batch) = rows.next().await? {
                take_ids(&batch, log_group, since_us, &mut take);
            }
        }
        for batch in self.rows() {
            take_ids(batch, log_group, since_us, &mut take);
        }
        self.reject_ids(log_group, since_ms, &mut take).await
    }

    async fn reject_ids(
        &self,
        log_group: &str,
        since_ms: i64,
        take: &mut (impl FnMut(&str) + Send),
    ) -> Result<()> {
        // Rejects of a log group have its name and the stream's as their source.
        let source = format!("logs:{log_group}/");
        let mut take_batch = |batch: &RecordBatch| {
            let (Some(sources), Some(ids)) = (text(batch, "source"), text(batch, "event_id"))
            else {
                return;
            };
            let pairs = sources.iter().zip(ids.iter());
            for (from, id) in pairs {
                if let (Some(from), Some(id)) = (from, id)
                    && from.starts_with(&source)
                {
                    take(id);
                }
            }
        };
        let files: Vec<_> = self.rejects_files().cloned().collect();
        for file in files {
            if file.committed_ms >= since_ms.saturating_sub(REJECTS_SLACK_MS) {
                let objects = self.location().store();
                take_batch(&read_rejects(objects.as_ref(), &file).await?);
            }
        }
        self.rejects().iter().for_each(take_batch);
        Ok(())
    }
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a StringViewArray> {
    batch.column_by_name(name)?.as_string_view_opt()
}

fn take_ids(batch: &RecordBatch, log_group: &str, since_us: i64, take: &mut impl FnMut(&str)) {
    let (Some(groups), Some(ids)) = (text(batch, "log_group"), text(batch, "event_id")) else {
        return;
    };
    let starts = batch
        .column_by_name("start")
        .and_then(|starts| starts.as_primitive_opt::<TimestampMicrosecondType>());
    for row in 0..batch.num_rows() {
        let is_old =
            starts.is_some_and(|starts| starts.is_valid(row) && starts.value(row) < since_us);
        if !is_old && groups.is_valid(row) && groups.value(row) == log_group && ids.is_valid(row) {
            take(ids.value(row));
        }
    }
}
