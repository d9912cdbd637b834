//! Where a source goes on whose records a store keeps.

use vpcflow_aws::CloudWatchLogGroup;
use vpcflow_ingest::{
    Checkpoint, CommittedEvents, Follow, FollowOptions, GroupCheckpoint, LogGroup,
};
use vpcflow_store::{CommitTotals, SharedStore, SourceId};

use crate::commands::{FILES, STDIN};
use crate::failure::Failure;
use crate::open::patiently;
use crate::print::{bytes, counted};

/// What a store knows of a source; without a store, nothing.
#[derive(Debug)]
pub(in crate::commands) struct Stand {
    pub(super) source: SourceId,
    pub(super) checkpoint: Option<Checkpoint>,
    /// Events that may come again.
    known: CommittedEvents,
}

impl Default for Stand {
    fn default() -> Stand {
        Stand {
            source: SourceId::new(""),
            checkpoint: None,
            known: CommittedEvents::default(),
        }
    }
}

impl Stand {
    /// Of a log group that is to be read from `since_ms` on.
    pub(super) async fn of_group(
        store: &SharedStore,
        group: &CloudWatchLogGroup,
        since_ms: i64,
    ) -> Result<Stand, Failure> {
        let source = SourceId::new(format!("logs:{}", patiently(|| group.arn()).await?));
        let checkpoint = store.checkpoint(&source).await?;
        // What `ingest` has read is no part of the checkpoint, so that events
        // before its start may be there, too.
        let mut open = match &checkpoint {
            Some(Checkpoint::LogGroup(checkpoint)) => checkpoint.unsettled(),
            _ => Vec::new(),
        };
        match group_checkpoint(checkpoint.as_ref()).since_ms() {
            Some(began_ms) if began_ms > since_ms => open.push(since_ms..began_ms),
            Some(_) => {}
            None => open.push(since_ms..i64::MAX),
        }
        let mut known = CommittedEvents::default();
        for times in open {
            store.events(group.name(), times, &mut known).await?;
        }
        Ok(Stand {
            source,
            checkpoint,
            known,
        })
    }

    /// Of all files of a store.
    pub(super) async fn of_files(store: &SharedStore) -> Result<Stand, Failure> {
        let source = SourceId::new(FILES);
        let checkpoint = store.checkpoint(&source).await?;
        Ok(Stand {
            source,
            checkpoint,
            known: CommittedEvents::default(),
        })
    }

    /// Of standard input, which cannot be gone on with.
    pub(super) fn of_lines() -> Stand {
        Stand {
            source: SourceId::new(STDIN),
            ..Stand::default()
        }
    }

    /// The follower of a log group, from here on.
    pub(super) fn resume(self, options: FollowOptions) -> Follow {
        let checkpoint = group_checkpoint(self.checkpoint.as_ref());
        Follow::resume(options, &checkpoint, self.known)
    }
}

fn group_checkpoint(checkpoint: Option<&Checkpoint>) -> GroupCheckpoint {
    match checkpoint {
        Some(Checkpoint::LogGroup(group)) => group.clone(),
        _ => GroupCheckpoint::default(),
    }
}

/// The last line of what a store was written by.
pub(super) fn summary(totals: CommitTotals, store: Option<&str>) -> String {
    format!(
        "{}, {} and {}, {} stored in `{}`",
        counted(totals.commits, "commit"),
        counted(totals.rows, "record"),
        counted(totals.rejects, "reject"),
        bytes(totals.size_bytes),
        store.unwrap_or_default()
    )
}
