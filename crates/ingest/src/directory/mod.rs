//! Following files that grow and rotate, each a log stream.
//!
//! * [`FilesCheckpoint`] is how far each file was read, for a sink to keep with
//!   the rows.
//! * `identity` tells a renamed, copied or compressed file from a new one.
//! * `reading` reads one file from its offset on.
//! * [`DirectoryFollower`] looks for files and what they have, again and again.

mod checkpoint;
mod follower;
mod identity;
mod reading;
#[cfg(test)]
mod tests;

pub use checkpoint::{FilesCheckpoint, FilesDelta};
pub use follower::{DirectoryFollower, FilesProgress};
