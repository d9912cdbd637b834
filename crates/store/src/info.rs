//! What a store holds.

use chrono::NaiveDate;

use crate::error::Result;
use crate::live::Snapshot;
use crate::reader::Reader;
use crate::source::{Cursors, SourceId, SourceState};

/// Commits of a source that are reported.
const COMMITS: usize = 64;

/// What a store holds, in figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// The version of the table.
    pub version: u64,
    /// Its layout.
    pub layout: u32,
    /// Data files.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Their bytes.
    pub size_bytes: u64,
    /// The first and last day that has rows.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Least and greatest `start`, in microseconds since the Unix epoch.
    pub start_range_us: Option<(i64, i64)>,
    /// Refused lines.
    pub rejects: u64,
    /// Files with them.
    pub rejects_files: usize,
    /// What is committed of each source.
    pub sources: Vec<SourceState>,
    /// The last commits of each source, newest first.
    pub commits: Vec<CommitRecord>,
}

/// One commit of one source: a row of `ingest_log`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitRecord {
    /// The source.
    pub source: SourceId,
    /// The number of the commit of this source.
    pub seq: i64,
    /// The version of the table that it made.
    pub version: u64,
    /// When, in milliseconds since the Unix epoch.
    pub committed_ms: i64,
    /// Rows.
    pub rows: u64,
    /// Refused lines.
    pub rejects: u64,
    /// Milliseconds since the Unix epoch up to which the source was complete.
    pub complete_to_ms: Option<i64>,
}

/// Tells what a store holds.
///
/// # Errors
/// When it cannot be read.
pub async fn info(reader: &mut Reader) -> Result<Info> {
    let snapshot = reader.snapshot().await?;
    let files = || reader.table.files.values();
    let dates = || files().filter_map(|file| file.date);
    let starts = || files().filter_map(|file| file.start_range_us);
    let rejects_files = || reader.states.iter().flat_map(|state| &state.rejects_files);
    Ok(Info {
        version: reader.table.version,
        layout: crate::table::LAYOUT_VERSION,
        files: reader.table.files.len(),
        rows: files().map(|file| file.rows).sum(),
        size_bytes: files().map(|file| file.size_bytes).sum(),
        days: dates().min().zip(dates().max()),
        start_range_us: starts()
            .map(|range| range.0)
            .min()
            .zip(starts().map(|range| range.1).max()),
        rejects: rejects_files().map(|file| file.rows).sum(),
        rejects_files: rejects_files().count(),
        sources: reader.states.clone(),
        commits: snapshot.commits().await?,
    })
}

impl Snapshot {
    /// The last commits of each source, newest first, as far as they are kept.
    ///
    /// # Errors
    /// When a cursor cannot be read.
    pub async fn commits(&self) -> Result<Vec<CommitRecord>> {
        let cursors = Cursors(self.location().store().as_ref());
        let mut commits = Vec::new();
        for state in self.sources().to_vec() {
            let key = state.source.key();
            let history = cursors.history(&key, state.seq, COMMITS).await?;
            commits.extend(history.into_iter().map(|document| CommitRecord {
                source: document.source,
                seq: document.seq,
                version: document.version,
                committed_ms: document.committed_ms,
                rows: document.rows,
                rejects: document.rejects,
                complete_to_ms: document.complete_to_ms,
            }));
        }
        Ok(commits)
    }
}
