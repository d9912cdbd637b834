//! Checkpoints: where a source stands, as values that a sink keeps with the
//! rows.

use serde::{Deserialize, Serialize};

use crate::bucket::{ObjectsCheckpoint, ObjectsDelta};
use crate::directory::{FilesCheckpoint, FilesDelta};
use crate::follow::{GroupCheckpoint, GroupDelta};
use crate::lines::{LinesCheckpoint, LinesDelta};

/// Where a source stands after all deliveries up to one of them.
///
/// A sink that keeps rows keeps this beside them, in the same commit: it
/// [applies](Checkpoint::apply) each [`CheckpointDelta`] that
/// [`Sink::checkpoint`](crate::Sink::checkpoint) hands it. What follows after a
/// restart begins where the checkpoint says.
///
/// ```
/// use vpcflow_ingest::{Checkpoint, CheckpointDelta};
///
/// let delta: CheckpointDelta = serde_json::from_str(
///     r#"{"log_group":{"since_ms":0,"settled":[{"range":{"start":0,"end":60000},"digest":null}]}}"#,
/// )?;
/// let mut checkpoint = Checkpoint::of(&delta);
/// checkpoint.apply(&delta)?;
/// let Checkpoint::LogGroup(group) = &checkpoint else { unreachable!() };
/// assert_eq!(group.complete_to_ms(), Some(60_000));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Checkpoint {
    /// Of a log group.
    LogGroup(GroupCheckpoint),
    /// Of files and directories.
    Files(FilesCheckpoint),
    /// Of a bucket.
    Objects(ObjectsCheckpoint),
    /// Of text that cannot be read again, such as standard input.
    Lines(LinesCheckpoint),
}

/// What one delivery adds to a [`Checkpoint`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CheckpointDelta {
    /// Of a log group.
    LogGroup(GroupDelta),
    /// Of files and directories.
    Files(FilesDelta),
    /// Of a bucket.
    Objects(ObjectsDelta),
    /// Of text that cannot be read again, such as standard input.
    Lines(LinesDelta),
}

/// A checkpoint and a delta that are not of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint is of {checkpoint} and its next step of {delta}")]
pub struct CheckpointMismatch {
    /// The kind of source that the checkpoint is of.
    pub checkpoint: &'static str,
    /// The kind of source that the delta is of.
    pub delta: &'static str,
}

impl Checkpoint {
    /// A checkpoint before the first delivery, of the kind of source that the
    /// delta is of. The delta is not applied.
    pub fn of(delta: &CheckpointDelta) -> Checkpoint {
        match delta {
            CheckpointDelta::LogGroup(_) => Checkpoint::LogGroup(GroupCheckpoint::default()),
            CheckpointDelta::Files(_) => Checkpoint::Files(FilesCheckpoint::default()),
            CheckpointDelta::Objects(_) => Checkpoint::Objects(ObjectsCheckpoint::default()),
            CheckpointDelta::Lines(_) => Checkpoint::Lines(LinesCheckpoint::default()),
        }
    }

    /// Milliseconds since the Unix epoch up to which the source is known to be
    /// complete; `None` where it does not know.
    pub fn complete_to_ms(&self) -> Option<i64> {
        match self {
            Checkpoint::LogGroup(checkpoint) => checkpoint.complete_to_ms(),
            Checkpoint::Files(_) | Checkpoint::Objects(_) | Checkpoint::Lines(_) => None,
        }
    }

    /// Moves the checkpoint by one delivery. Deltas are applied in the order in
    /// which they came, each once.
    ///
    /// # Errors
    /// When the delta is of another kind of source.
    pub fn apply(&mut self, delta: &CheckpointDelta) -> Result<(), CheckpointMismatch> {
        match (self, delta) {
            (Checkpoint::LogGroup(checkpoint), CheckpointDelta::LogGroup(delta)) => {
                checkpoint.apply(delta);
            }
            (Checkpoint::Files(checkpoint), CheckpointDelta::Files(delta)) => {
                checkpoint.apply(delta);
            }
            (Checkpoint::Objects(checkpoint), CheckpointDelta::Objects(delta)) => {
                checkpoint.apply(delta);
            }
            (Checkpoint::Lines(checkpoint), CheckpointDelta::Lines(delta)) => {
                checkpoint.apply(delta);
            }
            (checkpoint, delta) => {
                return Err(CheckpointMismatch {
                    checkpoint: checkpoint.kind(),
                    delta: delta.kind(),
                });
            }
        }
        Ok(())
    }

    /// What it is of, in words.
    fn kind(&self) -> &'static str {
        match self {
            Checkpoint::LogGroup(_) => "a log group",
            Checkpoint::Files(_) => "files",
            Checkpoint::Objects(_) => "a bucket",
            Checkpoint::Lines(_) => "lines",
        }
    }
}

impl CheckpointDelta {
    fn kind(&self) -> &'static str {
        Checkpoint::of(self).kind()
    }

    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        match self {
            CheckpointDelta::LogGroup(delta) => delta.is_empty(),
            CheckpointDelta::Files(delta) => delta.is_empty(),
            CheckpointDelta::Objects(delta) => delta.is_empty(),
            CheckpointDelta::Lines(delta) => delta.bytes == 0,
        }
    }
}
