//! Which file is which.

use std::fs::Metadata;
use std::hash::Hasher;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use crate::input::{InputError, InputFile};

/// Decoded bytes that a head has at most: enough for a header with every field
/// and some records.
pub(super) const HEAD_BYTES: usize = 4096;

/// A file of this machine, as long as it exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Inode {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Inode {
    #[cfg(unix)]
    pub(super) fn of(metadata: &Metadata) -> Inode {
        use std::os::unix::fs::MetadataExt;
        Inode {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }

    /// Whether this file is still the one at its path. What was read by the path
    /// before is of this file then: rotation gives a path to another one.
    pub(super) fn is_at(self, file: &InputFile) -> bool {
        let metadata = file.path.metadata();
        metadata.is_ok_and(|metadata| Inode::of(&metadata) == self)
    }
}

/// What came of reading a file by its path; `None` if another one is there by now,
/// or none: the next poll finds it where it is then.
pub(super) fn if_there<T, E>(
    inode: Inode,
    file: &InputFile,
    outcome: Result<T, E>,
) -> Result<Option<T>, E> {
    match inode.is_at(file) {
        true => outcome.map(Some),
        false => Ok(None),
    }
}

/// The first decoded bytes of a file, as far as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// How many: [`HEAD_BYTES`], or all that were read.
    pub(super) bytes: usize,
    /// Their 128-bit hash, the same in every version.
    hash: String,
}

impl Head {
    /// The head of text that begins so.
    pub(super) fn new(text: &[u8]) -> Head {
        let text = &text[..text.len().min(HEAD_BYTES)];
        let mut hasher = SipHasher13::new();
        hasher.write(text);
        Head {
            bytes: text.len(),
            hash: format!("{:032x}", hasher.finish128().as_u128()),
        }
    }

    /// Whether a file that begins with this text may be the file of this head,
    /// or a copy of it.
    pub(super) fn fits(&self, text: &[u8]) -> bool {
        self.bytes > 0 && text.len() >= self.bytes && Head::new(&text[..self.bytes]) == *self
    }
}

/// The first decoded bytes of a file: [`HEAD_BYTES`], or as many as there are. A
/// compressed file that is still being written may have fewer than it will.
pub(super) fn first_bytes(file: &InputFile) -> Result<Vec<u8>, InputError> {
    let mut text = Vec::new();
    let mut reader = file.open()?.into_reader().take(HEAD_BYTES as u64);
    match reader.read_to_end(&mut text) {
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(file.error(error)),
        _ => Ok(text),
    }
}
