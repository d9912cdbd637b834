//! Looking for files and what they have, again and again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vpcflow_record::{DecodeOptions, Format, Policy, flows_schema};

use super::checkpoint::{FileId, FileState, FilesCheckpoint, FilesDelta};
use super::identity::{Head, Inode, first_bytes};
use super::reading::Reading;
use crate::checkpoint::CheckpointDelta;
use crate::clock::Clock;
use crate::input::{FileFormat, InputError, InputFile, Location, expand};
use crate::progress::SourceProgress;
use crate::sink::{Decoded, Sink, SinkError};

/// Batches of a file that are decoded ahead of the sink.
const AHEAD: usize = 2;
/// Files that have gone and are remembered, at most.
const MAX_GONE: usize = 10_000;

/// Follows the files of directories, patterns and paths: what is there, what is
/// appended, and new files.
///
/// Each file is read once, as long as it keeps what was read of it:
///
/// * A renamed file goes on where it was left; so does a file that was read
///   before, compressed since or moved by copying and truncating, since it
///   begins with the same bytes.
/// * A file that got shorter, or begins otherwise than before, is another file:
///   it is read from its start, and said to be.
/// * A compressed file, and one of JSON, is read when its size has stood still
///   from one poll to the next.
/// * A last line without a line feed waits for its end.
///
/// Two files that lie side by side are two log streams, whatever is in them.
#[derive(Debug)]
pub struct DirectoryFollower {
    locations: Vec<Location>,
    declared: Option<Format>,
    policy: Policy,
    table: SchemaRef,
    files: BTreeMap<FileId, FileState>,
    by_inode: HashMap<Inode, FileId>,
    /// Sizes at the last poll of files that must stand still to be read.
    growing: HashMap<Inode, u64>,
    /// Files with damage, with the size that they had: told once.
    damaged: HashMap<Inode, u64>,
    delta: FilesDelta,
    sequence: u64,
    progress: FilesProgress,
}

/// How far the following of files has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FilesProgress {
    /// Files that are there.
    pub files: usize,
    /// Decoded bytes read.
    pub bytes: u64,
    /// Batches handed to the sink.
    pub delivered: u64,
    /// Batches that the sink has made durable.
    pub acknowledged: u64,
}

impl DirectoryFollower {
    /// Follows these locations. The table's columns are those of the formats
    /// that the present files have, or of the declared one; the policy says what
    /// is refused.
    ///
    /// # Errors
    /// When a location cannot be listed or a file cannot be read. A directory
    /// without log files is no error: they may come.
    pub fn new(
        locations: Vec<Location>,
        declared: Option<Format>,
        policy: Policy,
    ) -> Result<DirectoryFollower, InputError> {
        let checkpoint = FilesCheckpoint::default();
        DirectoryFollower::resume(locations, declared, policy, &checkpoint)
    }

    /// As [`new`](Self::new), from where the checkpoint stands.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn resume(
        locations: Vec<Location>,
        declared: Option<Format>,
        policy: Policy,
        checkpoint: &FilesCheckpoint,
    ) -> Result<DirectoryFollower, InputError> {
        let mut formats = Vec::new();
        for (_, file) in list(&locations)? {
            formats.push(FileFormat::resolve(&file, declared.as_ref())?.format);
        }
        formats.extend(declared.clone());
        let files = checkpoint.files().clone();
        let there = files.iter().filter(|(_, file)| !file.gone);
        Ok(DirectoryFollower {
            by_inode: there.map(|(id, file)| (file.inode, *id)).collect(),
            table: flows_schema(&formats),
            locations,
            declared,
            policy,
            files,
            growing: HashMap::new(),
            damaged: HashMap::new(),
            delta: FilesDelta::default(),
            sequence: 0,
            progress: FilesProgress::default(),
        })
    }

    /// The schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.table
    }

    /// Files being followed.
    pub fn files(&self) -> usize {
        self.by_inode.len()
    }

    /// Follows until `stop` is cancelled or the clock shows `until_ms`. Tells
    /// `progress` after each poll.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When a file cannot be read or the sink fails.
    pub async fn follow(
        &mut self,
        clock: &dyn Clock,
        poll: Duration,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        until_ms: Option<i64>,
        progress: Option<watch::Sender<SourceProgress>>,
    ) -> Result<(), SinkError> {
        let poll_ms = i64::try_from(poll.as_millis()).unwrap_or(i64::MAX).max(1);
        loop {
            self.poll(sink, stop, false).await?;
            sink.settle().await?;
            self.acknowledge(sink);
            if let Some(progress) = &progress {
                progress.send_replace(SourceProgress::Files(self.progress));
            }
            let now_ms = clock.now_ms();
            if stop.is_cancelled() || until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
                break;
            }
            let next_ms = until_ms
                .unwrap_or(i64::MAX)
                .min(now_ms.saturating_add(poll_ms));
            tokio::select! {
                () = clock.sleep_until_ms(next_ms) => {}
                () = stop.cancelled() => break,
            }
        }
        for (_, file) in list(&self.locations)? {
            if let Some(message) = self.unread(&file) {
                sink.notice(&message);
            }
        }
        Ok(())
    }

    /// Reads what the files have that was not read before, to their ends, and
    /// ends: a last line needs no line feed, and no file is waited for.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When a file cannot be read or the sink fails.
    pub async fn read_once(
        &mut self,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
    ) -> Result<(), SinkError> {
        self.poll(sink, stop, true).await?;
        sink.settle().await?;
        self.acknowledge(sink);
        Ok(())
    }

    /// Reads all that is new, once.
    async fn poll(
        &mut self,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        to_end: bool,
    ) -> Result<(), SinkError> {
        let files = list(&self.locations)?;
        self.note_gone(&files);
        // Those that are known first: what became of them tells whether a new
        // one is a copy.
        let mut to_read = Vec::new();
        for (inode, file) in &files {
            if let Some(id) = self.by_inode.get(inode).copied() {
                to_read.push((file.path.clone(), self.check(id, *inode, file, sink)?));
            }
        }
        for (inode, file) in &files {
            let known = self.by_inode.contains_key(inode);
            if !known && file.size_bytes > 0 && (to_end || !self.is_growing(*inode, file)?) {
                match self.meet(*inode, file) {
                    Ok(id) => to_read.push((file.path.clone(), Some(id))),
                    Err(error) if to_end => return Err(error.into()),
                    Err(error) => self.tell_damage(*inode, file, &error, sink),
                }
            }
        }
        to_read.sort();
        let by_path: HashMap<_, _> = files.iter().map(|(_, file)| (&file.path, file)).collect();
        for (path, id) in to_read {
            if stop.is_cancelled() {
                break;
            }
            let (Some(id), Some(file)) = (id, by_path.get(&path)) else {
                continue;
            };
            if self.has_more(id, file) && (to_end || !self.is_growing_wrapped(id, file)) {
                self.read(id, file, sink, stop, to_end).await?;
            }
        }
        self.progress.files = files.len();
        if !self.delta.is_empty() {
            self.deliver(sink).await?;
        }
        Ok(())
    }

    /// Notes which files are no longer there.
    fn note_gone(&mut self, files: &[(Inode, InputFile)]) {
        let there: HashSet<_> = files.iter().map(|(inode, _)| *inode).collect();
        let gone = self
            .by_inode
            .iter()
            .filter(|(inode, _)| !there.contains(inode));
        let gone: Vec<_> = gone.map(|(_, id)| *id).collect();
        for id in gone {
            self.lose(id);
        }
        self.growing.retain(|inode, _| there.contains(inode));
        self.damaged.retain(|inode, _| there.contains(inode));
    }

    /// Notes that a file is not where it was: gone, or another one is there.
    fn lose(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id) {
            file.gone = true;
            self.by_inode.remove(&file.inode);
            self.delta.files.insert(id, file.clone());
        }
        let gone = self.files.iter().filter(|(_, file)| file.gone);
        if gone.clone().count() > MAX_GONE
            && let Some((oldest, _)) = gone.min_by_key(|(id, _)| **id)
        {
            let oldest = *oldest;
            self.files.remove(&oldest);
            self.delta.files.remove(&oldest);
            self.delta.forgotten.push(oldest);
        }
    }

    /// Looks whether a known file is still the same. Returns the id under which
    /// to read it.
    fn check(
        &mut self,
        id: FileId,
        inode: Inode,
        file: &InputFile,
        sink: &mut dyn Sink,
    ) -> Result<Option<FileId>, InputError> {
        let Some(known) = self.files.get_mut(&id) else {
            return Ok(None);
        };
        if known.path != file.name {
            known.path.clone_from(&file.name);
            self.delta.files.insert(id, known.clone());
        }
        let plain = known.wrapped_bytes.is_none();
        let what = if plain && file.size_bytes < known.offset {
            "got shorter"
        } else if self.has_more(id, file) && !self.is_the_same(id, file)? {
            "was replaced"
        } else {
            return Ok(Some(id));
        };
        sink.notice(&format!(
            "`{}` {what}: it is read again from its start",
            file.name
        ));
        self.lose(id);
        if file.size_bytes == 0 {
            return Ok(None);
        }
        Ok(Some(self.add(inode, file, None)?))
    }

    fn is_the_same(&self, id: FileId, file: &InputFile) -> Result<bool, InputError> {
        match self.files.get(&id) {
            Some(known) if known.head.bytes > 0 => Ok(known.head.fits(&first_bytes(file)?)),
            _ => Ok(true),
        }
    }

    /// Takes in a file that was not known: perhaps one that was, elsewhere.
    fn meet(&mut self, inode: Inode, file: &InputFile) -> Result<FileId, InputError> {
        let text = first_bytes(file)?;
        let wrapped = is_wrapped(file)?;
        let is_copy = |known: &FileState| {
            (known.gone || wrapped)
                && (wrapped || known.offset <= file.size_bytes)
                && known.head.fits(&text)
        };
        let copied = self.files.iter().filter(|(_, known)| is_copy(known));
        let copied = copied.max_by_key(|(_, known)| known.offset);
        let copied = copied.map(|(id, known)| (*id, known.clone()));
        match copied {
            Some((id, known)) if known.gone => {
                let moved = FileState {
                    path: file.name.clone(),
                    inode,
                    gone: false,
                    wrapped_bytes: wrapped.then_some(0),
                    ..known
                };
                self.delta.files.insert(id, moved.clone());
                self.files.insert(id, moved);
                self.by_inode.insert(inode, id);
                Ok(id)
            }
            copied => self.add(inode, file, copied.map(|(_, known)| known)),
        }
    }

    /// Adds a file, which may be a copy of one that is known and still there.
    fn add(
        &mut self,
        inode: Inode,
        file: &InputFile,
        copied: Option<FileState>,
    ) -> Result<FileId, InputError> {
        let id = self.files.last_key_value().map_or(0, |(id, _)| id + 1);
        let wrapped_bytes = is_wrapped(file)?.then_some(0);
        let state = FileState {
            path: file.name.clone(),
            inode,
            head: Head::default(),
            offset: 0,
            wrapped_bytes,
            format: String::new(),
            commas: false,
            gone: false,
        };
        let state = match copied {
            Some(copied) => FileState {
                head: copied.head,
                offset: copied.offset,
                format: copied.format,
                commas: copied.commas,
                ..state
            },
            None => state,
        };
        self.files.insert(id, state);
        self.by_inode.insert(inode, id);
        Ok(id)
    }

    fn has_more(&self, id: FileId, file: &InputFile) -> bool {
        let size_bytes = file.size_bytes;
        self.files
            .get(&id)
            .is_some_and(|known| match known.wrapped_bytes {
                Some(read_bytes) => size_bytes != read_bytes,
                None => size_bytes > known.offset,
            })
    }

    /// Whether a file that must stand still to be read has another size than at
    /// the last poll.
    fn is_growing(&mut self, inode: Inode, file: &InputFile) -> Result<bool, InputError> {
        if !is_wrapped(file)? {
            return Ok(false);
        }
        Ok(self.growing.insert(inode, file.size_bytes) != Some(file.size_bytes))
    }

    fn is_growing_wrapped(&mut self, id: FileId, file: &InputFile) -> bool {
        match self.files.get(&id) {
            Some(known) if known.wrapped_bytes.is_some_and(|read| read > 0) => {
                let before = self.growing.insert(known.inode, file.size_bytes);
                before != Some(file.size_bytes)
            }
            _ => false,
        }
    }

    /// Reads one file to its present end, a batch at a time: the blocking part
    /// on a thread for it, the write to the sink here.
    async fn read(
        &mut self,
        id: FileId,
        file: &InputFile,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        to_end: bool,
    ) -> Result<(), SinkError> {
        let Some(state) = self.files.get(&id).cloned() else {
            return Ok(());
        };
        let inode = state.inode;
        let before = state.offset;
        let mut reading = Reading {
            file: file.clone(),
            state,
            to_end,
        };
        let declared = self.declared.clone();
        let options = DecodeOptions {
            table: Some(Arc::clone(&self.table)),
            policy: self.policy,
            ..DecodeOptions::default()
        };
        let (sender, mut batches) = mpsc::channel::<(Decoded, FileState)>(AHEAD);
        let task = tokio::task::spawn_blocking(move || {
            let result = reading.run(declared.as_ref(), options, |batch, state| {
                sender.blocking_send((batch, state.clone())).is_ok()
            });
            (reading.state, result)
        });
        while let Some((batch, state)) = batches.recv().await {
            self.keep(id, state);
            sink.write(batch).await?;
            self.deliver(sink).await?;
            if stop.is_cancelled() {
                break;
            }
        }
        let stopped = stop.is_cancelled();
        drop(batches);
        let (state, result) = task.await?;
        if stopped {
            // What was decoded and not handed on is read again.
            return Ok(());
        }
        match result {
            Ok(()) => self.keep(id, state),
            Err(error) if to_end => return Err(error),
            Err(error) => self.tell_damage(inode, file, &*error, sink),
        }
        let offset = self.files.get(&id).map_or(before, |state| state.offset);
        self.progress.bytes += offset - before;
        Ok(())
    }

    fn keep(&mut self, id: FileId, state: FileState) {
        if self.files.get(&id) != Some(&state) {
            self.delta.files.insert(id, state.clone());
            self.files.insert(id, state);
        }
    }

    /// Hands the pending delta on.
    async fn deliver(&mut self, sink: &mut dyn Sink) -> Result<(), SinkError> {
        self.sequence += 1;
        self.progress.delivered = self.sequence;
        let delta = std::mem::take(&mut self.delta);
        sink.checkpoint(self.sequence, CheckpointDelta::Files(delta))
            .await?;
        self.acknowledge(sink);
        Ok(())
    }

    fn acknowledge(&mut self, sink: &dyn Sink) {
        self.progress.acknowledged = sink.acknowledged().min(self.sequence);
    }

    /// Says that a file cannot be read as it is; it is tried again when it has
    /// another size.
    fn tell_damage(
        &mut self,
        inode: Inode,
        file: &InputFile,
        error: &dyn std::fmt::Display,
        sink: &mut dyn Sink,
    ) {
        if self.damaged.insert(inode, file.size_bytes) != Some(file.size_bytes) {
            sink.notice(&format!("{error}: it is tried again when it changes"));
        }
        if let Some(id) = self.by_inode.get(&inode)
            && let Some(known) = self.files.get_mut(id)
        {
            known.wrapped_bytes = known.wrapped_bytes.map(|_| file.size_bytes);
        }
    }

    /// What is left of the file at the end, in words.
    fn unread(&self, file: &InputFile) -> Option<String> {
        let inode = Inode::of(&file.path.metadata().ok()?);
        let known = self.by_inode.get(&inode).and_then(|id| self.files.get(id));
        match known {
            Some(known) if known.wrapped_bytes.is_none() && file.size_bytes > known.offset => {
                Some(format!(
                    "`{}` ends in a line without its line feed: its {} bytes were not decoded",
                    file.name,
                    file.size_bytes - known.offset
                ))
            }
            None if file.size_bytes > 0 => Some(format!(
                "`{}` was not read: it may still be growing",
                file.name
            )),
            _ => None,
        }
    }
}

/// Whether the text of a file is inside of something: compressed, or JSON.
fn is_wrapped(file: &InputFile) -> Result<bool, InputError> {
    use std::io::Read;
    if file.is_compressed()? {
        return Ok(true);
    }
    let mut start = Vec::new();
    let mut input = file.open_raw()?.take(64);
    input
        .read_to_end(&mut start)
        .map_err(|error| file.error(error))?;
    // No record begins with a bracket.
    Ok(start.trim_ascii_start().starts_with(b"{") || start.trim_ascii_start().starts_with(b"["))
}

/// The files of all locations, in order of their paths; each once, whatever
/// names it has.
pub(super) fn list(locations: &[Location]) -> Result<Vec<(Inode, InputFile)>, InputError> {
    let mut found: BTreeMap<PathBuf, InputFile> = BTreeMap::new();
    for location in locations {
        let files = match expand(location) {
            Err(InputError::NoLogs(_) | InputError::NoMatch(_)) => continue,
            files => files?,
        };
        found.extend(files.into_iter().map(|file| (file.path.clone(), file)));
    }
    let mut known = HashSet::new();
    let mut files = Vec::new();
    for (path, file) in found {
        // Gone since it was listed: nothing to follow.
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        let inode = Inode::of(&metadata);
        if known.insert(inode) {
            files.push((inode, file));
        }
    }
    Ok(files)
}
