//! What a commit writes of a source: its cursor, then its rejects.

use std::sync::Arc;

use arrow_array::RecordBatch;
use object_store::ObjectStore;
use object_store::path::Path;

use super::Noted;
use crate::error::{Error, Result};
use crate::rejects;
use crate::source::{Cursors, Document, SourceState, document_path};

/// Numbers tried for a cursor: each try that failed before may have taken one.
const NUMBERS_TRIED: i64 = 1_000;

/// A source on its way from one commit to the next.
#[derive(Debug)]
pub(super) struct Advance {
    /// As it was.
    state: SourceState,
    document: Document,
    rejects: Vec<RecordBatch>,
}

/// What one source brings to a commit.
#[derive(Debug)]
pub(super) struct Share {
    pub(super) noted: Noted,
    /// That the checkpoint covers, in files or not.
    pub(super) rows: u64,
    pub(super) rejects: Vec<RecordBatch>,
}

impl Share {
    pub(super) fn reject_count(&self) -> u64 {
        let rejects = self.rejects.iter();
        rejects.map(|rejects| rejects.num_rows() as u64).sum()
    }
}

/// The commit that sources advance by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) batch: uuid::Uuid,
    pub(super) version: u64,
    pub(super) committed_ms: i64,
    /// Rejects committed before this are not kept.
    pub(super) first_kept_ms: i64,
}

impl Advance {
    pub(super) fn new(state: SourceState, share: &Share, step: Step) -> Advance {
        let noted = &share.noted;
        let (rows, rejects) = (share.rows, share.reject_count());
        let mut totals = state.totals;
        totals.commits += 1;
        totals.rows += rows;
        totals.rejects += rejects;
        let kept = state.rejects_files.iter();
        let kept = kept.filter(|file| file.committed_ms >= step.first_kept_ms);
        let document = Document {
            source: state.source.clone(),
            seq: state.seq + 1,
            previous: (state.seq > 0).then_some(state.seq),
            batch: step.batch,
            version: step.version,
            committed_ms: step.committed_ms,
            rows,
            rejects,
            totals,
            complete_to_ms: noted.complete_to_ms.or(state.complete_to_ms),
            // The first cursor of a source has nothing to be a change of.
            is_full: noted.is_full || state.seq == 0,
            cursors: noted.cursors.clone(),
            rejects_files: kept.cloned().collect(),
        };
        Advance {
            state,
            document,
            rejects: share.rejects.clone(),
        }
    }

    /// Writes the cursor, then the rejects: it names their files, so that their names
    /// are chosen first. `made` gets the objects that were written, or may be.
    pub(super) async fn write(
        mut self,
        objects: &Arc<dyn ObjectStore>,
        made: &mut Vec<Path>,
    ) -> Result<SourceState> {
        let key = self.document.source.key();
        let merged = rejects::to_merge(&self.document.rejects_files);
        let mut lines = rejects::read_all(objects, merged.clone()).await?;
        let files = &mut self.document.rejects_files;
        files.retain(|file| !merged.contains(file));
        lines.append(&mut self.rejects);
        let mut refused = None;
        if !lines.is_empty() {
            let (seq, committed_ms) = (self.document.seq, self.document.committed_ms);
            let file = rejects::Encoded::new(&key, seq, &lines, committed_ms)?;
            self.document.rejects_files.push(file.file.clone());
            made.push(Path::from(file.file.path.as_str()));
            refused = Some(file);
        }
        self.write_cursor(&key, objects, made).await?;
        fail::fail_point!("store-cursor-written");
        if let Some(file) = refused {
            file.write(objects.as_ref()).await?;
        }
        self.state.advance(&self.document);
        Ok(self.state)
    }

    /// Writes the cursor under the next free number: a try that failed may have left
    /// its cursor there, which nothing will ever refer to.
    async fn write_cursor(
        &mut self,
        key: &str,
        objects: &Arc<dyn ObjectStore>,
        made: &mut Vec<Path>,
    ) -> Result<()> {
        let cursors = Cursors(objects.as_ref());
        let document = &mut self.document;
        for _ in 0..NUMBERS_TRIED {
            if cursors.write(key, document).await? {
                made.push(document_path(key, document.seq));
                return Ok(());
            }
            document.seq += 1;
        }
        Err(Error::Damaged {
            path: document_path(key, document.seq).to_string(),
            reason: "too many cursors of commits that failed".to_owned(),
        })
    }
}
