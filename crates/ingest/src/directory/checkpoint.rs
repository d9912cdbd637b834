//! How far files were read, as a value that can be kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vpcflow_record::{Format, Separator};

use super::identity::{Head, Inode};

/// Names a file in a checkpoint.
pub(super) type FileId = u64;

/// How far each file was read.
///
/// Files are known by device and inode and by a hash of their first decoded
/// bytes, so that a renamed, copied or compressed file goes on where it was
/// left. Offsets count decoded bytes. A file that has gone is remembered, for
/// a copy of it may come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilesCheckpoint {
    files: BTreeMap<FileId, FileState>,
}

/// What one delivery adds to a [`FilesCheckpoint`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilesDelta {
    pub(super) files: BTreeMap<FileId, FileState>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) forgotten: Vec<FileId>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FileState {
    pub(super) path: String,
    #[serde(flatten)]
    pub(super) inode: Inode,
    pub(super) head: Head,
    /// Decoded bytes that were read: always to the end of a line, or of the file.
    pub(super) offset: u64,
    /// Size on disk when it was last read to its end; of a file in a wrapping,
    /// whose offset says nothing about its size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) wrapped_bytes: Option<u64>,
    /// The fields of the next record, by their names.
    pub(super) format: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) commas: bool,
    /// It is not where it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) gone: bool,
}

impl FileState {
    /// The format of the next record; `None` before the first.
    pub(super) fn format(&self) -> Option<Format> {
        if self.offset == 0 {
            return None;
        }
        let format = Format::parse(&self.format).ok()?;
        let separator = if self.commas {
            Separator::Comma
        } else {
            Separator::Space
        };
        Some(format.with_separator(separator))
    }

    pub(super) fn set_format(&mut self, format: &Format) {
        // Formats seldom change, and this is asked for each batch.
        self.format = format.to_string();
        self.commas = format.separator() == Separator::Comma;
    }
}

impl FilesDelta {
    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.forgotten.is_empty()
    }
}

impl FilesCheckpoint {
    /// Moves the checkpoint by one delivery.
    pub fn apply(&mut self, delta: &FilesDelta) {
        // Its name may have been given to another file since.
        for id in &delta.forgotten {
            self.files.remove(id);
        }
        for (id, file) in &delta.files {
            self.files.insert(*id, file.clone());
        }
    }

    /// The files, each with its path and the decoded bytes that were read.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files
            .values()
            .map(|file| (file.path.as_str(), file.offset))
    }

    pub(super) fn files(&self) -> &BTreeMap<FileId, FileState> {
        &self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_was_forgotten_may_be_given_again() {
        let file = |path: &str| {
            let json = serde_json::json!({
                "path": path, "device": 1, "inode": 2, "head": Head::new(path.as_bytes()),
                "offset": 5, "format": "",
            });
            serde_json::from_value::<FileState>(json).unwrap()
        };
        let mut checkpoint = FilesCheckpoint::default();
        checkpoint.apply(&FilesDelta {
            files: [(7, file("before"))].into(),
            forgotten: Vec::new(),
        });
        checkpoint.apply(&FilesDelta {
            files: [(7, file("after"))].into(),
            forgotten: vec![7],
        });
        assert_eq!(Vec::from_iter(checkpoint.iter()), [("after", 5)]);
    }
}
