//! Sources: who they are, and how far each was read.

use std::collections::VecDeque;
use std::fmt;

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::error::{self, Error, Result};

/// Where cursors are.
pub(crate) const CURSORS: &str = "_cursors";

/// Readable bytes of a key at most.
const SLUG_BYTES: usize = 80;

/// The identity of a source, such as `logs:123456789012:eu-central-1:/vpc/flow`
/// or `file:/var/log/flow.log`: what makes it the same source after a restart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SourceId(String);

impl SourceId {
    /// A source of this identity.
    pub fn new(identity: impl Into<String>) -> SourceId {
        SourceId(identity.into())
    }

    /// The identity.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name for objects: what can be read of the identity, and a hash of it.
    pub(crate) fn key(&self) -> String {
        let slug: String = self
            .0
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .take(SLUG_BYTES)
            .collect();
        format!("{slug}-{:016x}", fnv1a(self.0.as_bytes()))
    }

    /// The application whose transaction in the log is this source's sequence
    /// number.
    pub(crate) fn application(&self) -> String {
        application(&self.key())
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Begins the application of every source.
const APPLICATION: &str = "vpcflow:source:";

pub(crate) fn application(key: &str) -> String {
    format!("{APPLICATION}{key}")
}

/// The key of the source whose application this is.
pub(crate) fn key_of(application: &str) -> Option<&str> {
    application.strip_prefix(APPLICATION)
}

/// <https://datatracker.ietf.org/doc/draft-eastlake-fnv/>, 64 bits: the same for
/// ever, which `std`'s hashes do not promise.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// How far a source was read, in the source's own terms: what it needs to go on
/// after everything that was appended before this.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// All of the state, or a change since the checkpoint before.
    pub cursor: Value,
    /// Whether `cursor` is all of the state.
    pub is_full: bool,
    /// Milliseconds since the Unix epoch up to which the source is known to be
    /// complete, where it knows that.
    pub complete_to_ms: Option<i64>,
}

impl Checkpoint {
    /// All of the state.
    pub fn full(cursor: Value) -> Checkpoint {
        Checkpoint {
            cursor,
            is_full: true,
            complete_to_ms: None,
        }
    }

    /// What changed since the checkpoint before.
    pub fn delta(cursor: Value) -> Checkpoint {
        Checkpoint {
            is_full: false,
            ..Checkpoint::full(cursor)
        }
    }
}

/// All that a source ever put into the store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Commits with something of this source.
    pub commits: u64,
    /// Rows committed, including those that retention removed since.
    pub rows: u64,
    /// Refused lines committed, likewise.
    pub rejects: u64,
}

/// A file with refused lines of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectsFile {
    /// Relative to the store.
    pub path: String,
    /// Lines in it.
    pub rows: u64,
    /// Its size.
    pub size_bytes: u64,
    /// Milliseconds since the Unix epoch when its newest line was committed.
    pub committed_ms: i64,
}

/// The object that one commit writes for one source. It counts once the log's
/// transaction of the source has its number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Document {
    pub(crate) source: SourceId,
    pub(crate) seq: i64,
    /// The document before this: numbers of failed commits are left out.
    pub(crate) previous: Option<i64>,
    pub(crate) batch: Uuid,
    pub(crate) version: u64,
    pub(crate) committed_ms: i64,
    /// Of this commit.
    pub(crate) rows: u64,
    pub(crate) rejects: u64,
    /// Since the first commit.
    pub(crate) totals: Totals,
    pub(crate) complete_to_ms: Option<i64>,
    /// Whether the first of `cursors` is all of the state.
    pub(crate) is_full: bool,
    pub(crate) cursors: Vec<Value>,
    /// All files with rejects that the source has.
    pub(crate) rejects_files: Vec<RejectsFile>,
}

/// What is committed of a source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceState {
    /// Who it is.
    pub source: SourceId,
    /// The number of its last commit.
    pub seq: i64,
    /// When that was, in milliseconds since the Unix epoch.
    pub committed_ms: i64,
    /// Rows and rejects up to then.
    pub totals: Totals,
    /// Milliseconds since the Unix epoch up to which it is complete.
    pub complete_to_ms: Option<i64>,
    /// All of the cursor's state, then the changes since: what the source goes on
    /// from.
    pub cursors: Vec<Value>,
    /// Its refused lines.
    pub rejects_files: Vec<RejectsFile>,
    /// Commits since the one whose cursor has all of the state.
    pub(crate) deltas: usize,
    /// Numbers of the documents that are in the store, oldest first.
    pub(crate) documents: VecDeque<i64>,
}

impl SourceState {
    pub(crate) fn new(source: SourceId) -> SourceState {
        SourceState {
            source,
            seq: 0,
            committed_ms: 0,
            totals: Totals::default(),
            complete_to_ms: None,
            cursors: Vec::new(),
            rejects_files: Vec::new(),
            deltas: 0,
            documents: VecDeque::new(),
        }
    }

    /// The state after a commit.
    pub(crate) fn advance(&mut self, document: &Document) {
        if document.is_full {
            self.cursors.clear();
            self.deltas = 0;
        } else {
            self.deltas += 1;
        }
        self.cursors.extend(document.cursors.iter().cloned());
        self.seq = document.seq;
        self.committed_ms = document.committed_ms;
        self.totals = document.totals;
        self.complete_to_ms = document.complete_to_ms;
        self.rejects_files.clone_from(&document.rejects_files);
        self.documents.push_back(document.seq);
    }
}

/// The cursor documents of a store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursors<'a>(pub(crate) &'a dyn ObjectStore);

impl Cursors<'_> {
    /// The numbers of the documents of a source, in order.
    pub(crate) async fn numbers(self, key: &str) -> Result<Vec<i64>> {
        let root = Path::from_iter([CURSORS, key]);
        let found = self.0.list(Some(&root)).try_collect::<Vec<_>>().await;
        let number = |meta: ObjectMeta| {
            let name = meta.location.filename()?.strip_suffix(".json")?;
            name.parse::<i64>().ok()
        };
        let found = found.map_err(error::object("list", &root))?;
        let mut numbers: Vec<_> = found.into_iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Reads a document.
    pub(crate) async fn read(self, key: &str, seq: i64) -> Result<Document> {
        let path = document_path(key, seq);
        let found = self.0.get(&path).await;
        let bytes = match found {
            Ok(found) => found.bytes().await.map_err(error::object("read", &path))?,
            Err(object_store::Error::NotFound { .. }) => {
                return Err(damaged(&path, "it is missing"));
            }
            Err(source) => return Err(error::object("read", &path)(source)),
        };
        serde_json::from_slice(&bytes).map_err(|error| damaged(&path, &error.to_string()))
    }

    /// Writes a document, unless its number is taken: returns whether it was
    /// written, now or by a try that seemed to fail.
    pub(crate) async fn write(self, key: &str, document: &Document) -> Result<bool> {
        let path = document_path(key, document.seq);
        let bytes =
            serde_json::to_vec(document).map_err(|error| damaged(&path, &error.to_string()))?;
        let options = PutOptions::from(PutMode::Create);
        match self.0.put_opts(&path, bytes.into(), options).await {
            Ok(_) => Ok(true),
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => match self.read(key, document.seq).await {
                Ok(existing) => Ok(existing.batch == document.batch),
                Err(Error::Damaged { .. }) => Ok(false),
                Err(error) => Err(error),
            },
            Err(source) => Err(error::object("write", &path)(source)),
        }
    }

    /// What is committed of a source whose last commit has this number.
    pub(crate) async fn state(self, key: &str, seq: i64) -> Result<SourceState> {
        let mut chain = vec![self.read(key, seq).await?];
        while let Some(document) = chain.last()
            && !document.is_full
            && let Some(previous) = document.previous
        {
            chain.push(self.read(key, previous).await?);
        }
        let mut state = SourceState::new(chain[0].source.clone());
        for document in chain.iter().rev() {
            state.advance(document);
        }
        let numbers = self.numbers(key).await?;
        state.documents = numbers
            .into_iter()
            .filter(|number| *number <= seq)
            .collect();
        Ok(state)
    }

    /// The last commits of a source, newest first, as far as their documents are
    /// kept.
    pub(crate) async fn history(self, key: &str, seq: i64, limit: usize) -> Result<Vec<Document>> {
        let mut history = Vec::new();
        let mut next = Some(seq);
        while let Some(number) = next
            && history.len() < limit
        {
            match self.read(key, number).await {
                Ok(document) => {
                    next = document.previous;
                    history.push(document);
                }
                // Pruned.
                Err(Error::Damaged { .. }) if !history.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(history)
    }
}

pub(crate) fn document_path(key: &str, seq: i64) -> Path {
    Path::from_iter([CURSORS, key, format!("{seq:020}.json").as_str()])
}

fn damaged(path: &Path, reason: &str) -> Error {
    Error::Damaged {
        path: path.to_string(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_readable_and_stable() {
        let source = SourceId::new("logs:123456789012:eu-central-1:/vpc/flow");
        assert_eq!(
            source.key(),
            "logs-123456789012-eu-central-1--vpc-flow-02dbadee663c6833"
        );
        assert_ne!(
            SourceId::new("file:/a/b").key(),
            SourceId::new("file:/a-b").key()
        );
        assert!(SourceId::new("x".repeat(5000)).key().len() < 128);
    }
}
