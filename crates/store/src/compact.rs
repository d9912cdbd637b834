//! What to compact, and doing it beside the writer.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use chrono::NaiveDate;
use object_store::ObjectStore;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::data_file::DataFile;
use crate::error::Result;
use crate::merge::{Cancel, FULL_FILE_ROWS, merge};
use crate::table::Files;

/// Files merged at a time. Of each that overlaps with others a row group is in memory,
/// and a page of each column as it was before it was compressed: some 10 MB.
const MAX_INPUTS: usize = 12;

/// Bytes of their row groups, one of each.
const MAX_GROUP_BYTES: u64 = 64 * 1024 * 1024;

/// Files of similar size in a day that are worth being one.
const TIER_FILES: usize = 10;

/// A file of a tier has up to so many times the rows of one of the tier below.
const TIER_FACTOR: u32 = 8;

/// Rows of files in the lowest tier.
const LOWEST_TIER_ROWS: u64 = 1024;

/// How long nothing must have come to a day before its files are made one, in
/// milliseconds: records come late.
const QUIET_MS: i64 = 3_600_000;

/// Files of one day that are to be merged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) files: Vec<Arc<DataFile>>,
}

/// What needs compaction most. Each row is then merged once for each tier, and a
/// day has no more than some tens of files.
pub(crate) fn plan(files: &Files, now_ms: i64) -> Option<Plan> {
    days(files).into_iter().find_map(|(date, files)| {
        let mut tiers: BTreeMap<u32, Vec<_>> = BTreeMap::new();
        for file in &files {
            tiers
                .entry(tier(file.rows))
                .or_default()
                .push(Arc::clone(file));
        }
        let crowded = tiers.into_values().find(|tier| tier.len() >= TIER_FILES);
        crowded
            .or_else(|| is_over(date, &files, now_ms).then_some(files))
            .and_then(of_files)
    })
}

/// What is left to do until no day has two files that are not full.
pub(crate) fn full_plan(files: &Files) -> Option<Plan> {
    days(files).into_values().find_map(of_files)
}

/// The files of each day that are not full.
fn days(files: &Files) -> BTreeMap<Option<NaiveDate>, Vec<Arc<DataFile>>> {
    let mut days: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for file in files.values().filter(|file| file.rows < FULL_FILE_ROWS) {
        days.entry(file.date).or_default().push(Arc::clone(file));
    }
    days
}

fn tier(rows: u64) -> u32 {
    (rows / LOWEST_TIER_ROWS).max(1).ilog(TIER_FACTOR.into())
}

/// Whether a day is past, and nothing comes to it any more.
fn is_over(date: Option<NaiveDate>, files: &[Arc<DataFile>], now_ms: i64) -> bool {
    let is_past = date.is_none_or(|date| {
        let start = date.and_time(chrono::NaiveTime::MIN).and_utc();
        now_ms - start.timestamp_millis() > 2 * 86_400_000
    });
    is_past
        && files
            .iter()
            .all(|file| now_ms - file.modified_ms > QUIET_MS)
}

/// The smallest of the files, which are next to each other in time if they can be.
fn of_files(mut files: Vec<Arc<DataFile>>) -> Option<Plan> {
    if files.len() < 2 {
        return None;
    }
    files.sort_by_key(|file| (tier(file.rows), file.start_range_us));
    let mut group_bytes = 0;
    let fits = |file: &&Arc<DataFile>| {
        group_bytes += file.group_bytes();
        group_bytes <= MAX_GROUP_BYTES
    };
    // Two at the least, or it would never end.
    let most = files.iter().take_while(fits).count().clamp(2, MAX_INPUTS);
    files.truncate(most);
    Some(Plan { files })
}

/// A compaction that runs beside the writer.
#[derive(Debug)]
pub(crate) struct RunningCompaction {
    pub(crate) plan: Plan,
    cancel: Cancel,
    task: JoinHandle<Result<Option<Vec<DataFile>>>>,
}

impl RunningCompaction {
    /// Starts to merge, on a thread that may be busy for long.
    pub(crate) fn start(objects: Arc<dyn ObjectStore>, plan: Plan, table: SchemaRef) -> Self {
        let cancel = Cancel::default();
        let (files, flag, runtime) = (plan.files.clone(), cancel.clone(), Handle::current());
        let task = tokio::task::spawn_blocking(move || {
            runtime.block_on(merge(&objects, &files, &table, &flag))
        });
        RunningCompaction { plan, cancel, task }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for the new files. `None` when it was cancelled.
    pub(crate) async fn finish(&mut self) -> Result<Option<Vec<DataFile>>> {
        (&mut self.task).await?
    }

    /// Makes it end soon.
    pub(crate) fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Drop for RunningCompaction {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data_file::ROW_GROUP_ROWS;

    const DAY_MS: i64 = 86_400_000;

    fn files(rows: &[u64], date: i64) -> Files {
        let file = |(index, rows): (usize, &u64)| {
            let date = chrono::DateTime::from_timestamp_millis(date * DAY_MS).unwrap();
            let stats = format!(r#"{{"numRecords":{rows}}}"#);
            let path = format!("{date}/{index}").into();
            let file = DataFile::new(path, 1, Some(date.date_naive()), 0, Some(stats));
            (file.path.clone(), Arc::new(file))
        };
        rows.iter().enumerate().map(file).collect()
    }

    fn planned(plan: Option<Plan>) -> Vec<u64> {
        let rows = plan.map(|plan| plan.files.iter().map(|file| file.rows).collect());
        rows.unwrap_or_default()
    }

    #[test]
    fn similar_files_are_merged() {
        let today = 20_000 * DAY_MS;
        let mut rows = vec![100; 9];
        rows.push(100_000);
        assert!(planned(plan(&files(&rows, 20_000), today)).is_empty());
        rows.push(100);
        assert_eq!(planned(plan(&files(&rows, 20_000), today)), [100; 10]);
    }

    #[test]
    fn past_days_become_few_files() {
        let few = files(&[100, 100_000, FULL_FILE_ROWS], 20_000);
        assert!(planned(plan(&few, 20_001 * DAY_MS)).is_empty());
        assert_eq!(planned(plan(&few, 20_003 * DAY_MS)), [100, 100_000]);
        assert!(planned(plan(&files(&[5], 20_000), 20_003 * DAY_MS)).is_empty());
    }

    #[test]
    fn large_row_groups_are_merged_a_few_at_a_time() {
        let rows = 4 * ROW_GROUP_ROWS as u64;
        let file = |index: i64| {
            let stats = format!(r#"{{"numRecords":{rows}}}"#);
            let path: object_store::path::Path = index.to_string().into();
            let file = DataFile::new(path, 4 * 20 * 1024 * 1024, None, 0, Some(stats));
            (file.path.clone(), Arc::new(file))
        };
        let files: Files = (0..12).map(file).collect();
        assert_eq!(planned(full_plan(&files)).len(), 3);
    }

    #[test]
    fn a_full_compaction_takes_the_smallest_first() {
        let mut rows = vec![1_000_000; 30];
        rows.extend([10; MAX_INPUTS - 4]);
        let planned = planned(full_plan(&files(&rows, 20_000)));
        assert_eq!(planned.len(), MAX_INPUTS);
        let smallest = planned.iter().filter(|rows| **rows == 10);
        assert_eq!(smallest.count(), MAX_INPUTS - 4);
    }
}
