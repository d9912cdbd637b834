//! Looking for files and what they have, again and again.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;
use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use vpcflow_record::{DecodeOptions, Format, Policy, flows_schema};

use super::checkpoint::{FileId, FileState, FilesCheckpoint};
use super::identity::{Inode, if_there};
use super::known::{Known, Look};
use super::listing::{is_wrapped, list, refresh};
use super::reading::Reading;
use crate::checkpoint::CheckpointDelta;
use crate::clock::Clock;
use crate::input::{FileFormat, InputError, InputFile, Location};
use crate::progress::SourceProgress;
use crate::sink::{Decoded, Sink, SinkError};

/// Batches of a file that are decoded ahead of the sink.
const AHEAD: usize = 2;

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
/// * A new file that begins as another that is there is a copy of it, which may be
///   truncated at any time later: it goes on where the other was read, once it is as
///   long as that. [`read_once`](Self::read_once) waits for nothing, and reads both
///   unless one is compressed.
#[derive(Debug)]
pub struct DirectoryFollower {
    locations: Vec<Location>,
    declared: Option<Format>,
    policy: Policy,
    table: SchemaRef,
    known: Known,
    /// Sizes at the last poll of files that must stand still to be read.
    growing: HashMap<Inode, u64>,
    /// New files that begin as one that is still there: seen at one poll.
    copies: HashSet<Inode>,
    /// Files with damage, with the size that they had: told once.
    damaged: HashMap<Inode, u64>,
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
        for (inode, file) in list(&locations)? {
            let format = FileFormat::resolve(&file, declared.as_ref());
            formats.extend(if_there(inode, &file, format)?.map(|format| format.format));
        }
        formats.extend(declared.clone());
        Ok(DirectoryFollower {
            table: flows_schema(&formats),
            locations,
            declared,
            policy,
            known: Known::new(checkpoint),
            growing: HashMap::new(),
            copies: HashSet::new(),
            damaged: HashMap::new(),
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
        self.known.len()
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
        let mut files = list(&self.locations)?;
        self.known.note_gone(&files);
        let there: HashSet<_> = files.iter().map(|(inode, _)| *inode).collect();
        self.growing.retain(|inode, _| there.contains(inode));
        self.copies.retain(|inode| there.contains(inode));
        self.damaged.retain(|inode, _| there.contains(inode));
        // Those that are known first, and each new one is read before the next is met:
        // what became of a file, and how far it was read, tells whether another one is
        // a copy of it, and where to go on in that.
        let mut to_read = Vec::new();
        let mut replaced = HashSet::new();
        for (inode, file) in &files {
            if let Some(id) = self.known.id(*inode) {
                match self.known.check(id, *inode, file, sink)? {
                    Look::Same => to_read.push((file.path.clone(), id)),
                    Look::Replaced => {
                        replaced.insert(*inode);
                    }
                    Look::Elsewhere => {}
                }
            }
        }
        self.read_files(to_read, &files, sink, stop, to_end).await?;
        let mut wrapped = Vec::new();
        for (inode, file) in &mut files {
            if self.known.id(*inode).is_some() || !refresh(*inode, file) || file.size_bytes == 0 {
                continue;
            }
            if to_end {
                match if_there(*inode, file, is_wrapped(file))? {
                    Some(false) => {}
                    Some(true) => {
                        wrapped.push((*inode, file.clone()));
                        continue;
                    }
                    None => continue,
                }
            } else if !replaced.contains(inode) {
                let waits = self.waits(*inode, file);
                match if_there(*inode, file, waits)? {
                    Some(false) => {}
                    Some(true) | None => continue,
                }
            }
            match self.known.meet(*inode, file, !to_end) {
                Ok(Some(id)) => self.read_new(id, file, sink, stop, to_end).await?,
                Ok(None) => {}
                Err(error) if to_end => return Err(error.into()),
                Err(error) => self.tell_damage(*inode, file, &error, sink),
            }
        }
        for (inode, file) in wrapped {
            if let Some(id) = self.known.meet(inode, &file, !to_end)? {
                self.read_new(id, &file, sink, stop, to_end).await?;
            }
        }
        self.progress.files = files.len();
        if !self.known.delta.is_empty() {
            self.deliver(sink).await?;
        }
        Ok(())
    }

    /// Reads a file that was not known, and forgets it again if nothing could be read:
    /// whatever its inode is next, a copy of another file perhaps, is new then.
    async fn read_new(
        &mut self,
        id: FileId,
        file: &InputFile,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        to_end: bool,
    ) -> Result<(), SinkError> {
        if !stop.is_cancelled() && self.known.has_more(id, file) {
            self.read(id, file, sink, stop, to_end).await?;
        }
        self.known.forget_unread(id);
        Ok(())
    }

    /// Reads what known files have that was not read before, in order of their paths.
    async fn read_files(
        &mut self,
        mut to_read: Vec<(PathBuf, FileId)>,
        files: &[(Inode, InputFile)],
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        to_end: bool,
    ) -> Result<(), SinkError> {
        to_read.sort();
        let by_path: HashMap<_, _> = files.iter().map(|(_, file)| (&file.path, file)).collect();
        for (path, id) in to_read {
            if stop.is_cancelled() {
                break;
            }
            let Some(file) = by_path.get(&path) else {
                continue;
            };
            if self.known.has_more(id, file) && (to_end || !self.is_growing_wrapped(id, file)) {
                self.read(id, file, sink, stop, to_end).await?;
            }
        }
        Ok(())
    }

    /// Whether a new file is not to be read before the next poll.
    fn waits(&mut self, inode: Inode, file: &InputFile) -> Result<bool, InputError> {
        Ok(self.waits_for_original(inode, file)? || self.is_growing(inode, file)?)
    }

    /// Whether a new file begins as one that is there: rotation copies first and
    /// truncates then, so what it is shows at the next poll, or when it has come to
    /// where the other was read.
    fn waits_for_original(&mut self, inode: Inode, file: &InputFile) -> Result<bool, InputError> {
        if is_wrapped(file)? {
            return Ok(false);
        }
        let Some(offset) = self.known.read_of_original(file)? else {
            return Ok(false);
        };
        Ok(self.copies.insert(inode) || file.size_bytes < offset)
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
        match self.known.get(id) {
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
        let Some(state) = self.known.get(id).cloned() else {
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
            self.known.keep(id, state);
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
            Ok(()) => self.known.keep(id, state),
            // It was rotated, and is found again by the next poll.
            Err(_) if !inode.is_at(file) => {}
            Err(error) if to_end => return Err(error),
            Err(error) => self.tell_damage(inode, file, &*error, sink),
        }
        let offset = self.known.get(id).map_or(before, |state| state.offset);
        self.progress.bytes += offset - before;
        Ok(())
    }

    /// Hands the pending delta on.
    async fn deliver(&mut self, sink: &mut dyn Sink) -> Result<(), SinkError> {
        self.sequence += 1;
        self.progress.delivered = self.sequence;
        let delta = std::mem::take(&mut self.known.delta);
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
        let id = self.known.id(inode);
        if let Some((id, known)) = id.and_then(|id| Some((id, self.known.get(id)?.clone()))) {
            let wrapped_bytes = known.wrapped_bytes.map(|_| file.size_bytes);
            self.known.keep(
                id,
                FileState {
                    wrapped_bytes,
                    ..known
                },
            );
        }
    }

    /// What is left of the file at the end, in words.
    fn unread(&self, file: &InputFile) -> Option<String> {
        let inode = Inode::of(&file.path.metadata().ok()?);
        let known = self.known.id(inode).and_then(|id| self.known.get(id));
        let waits = || self.copies.contains(&inode) || is_wrapped(file).unwrap_or(true);
        let read = match known {
            Some(known) if known.wrapped_bytes.is_some() => return None,
            Some(known) => known.offset,
            None if file.size_bytes > 0 && waits() => {
                return Some(format!(
                    "`{}` was not read: it may still be growing",
                    file.name
                ));
            }
            // Nothing but the beginning of a line.
            None => 0,
        };
        let left = file.size_bytes.checked_sub(read).filter(|left| *left > 0)?;
        Some(format!(
            "`{}` ends in a line without its line feed: its {left} bytes were not decoded",
            file.name
        ))
    }
}
