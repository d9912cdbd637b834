//! How far the reading of a source has come.

use serde::Serialize;

use crate::directory::FilesProgress;
use crate::follow::Progress;
use crate::lines::LinesProgress;

/// How far the reading of a source has come, whatever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceProgress {
    /// A log group.
    LogGroup(Progress),
    /// Files and directories.
    Files(FilesProgress),
    /// Text that cannot be read again, such as standard input.
    Lines(LinesProgress),
}
