//! The files that are known, and which file is which of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::SystemTime;

use super::checkpoint::{FileId, FileState, FilesCheckpoint, FilesDelta};
use super::identity::{Head, Inode, first_bytes, if_there};
use super::listing::is_wrapped;
use crate::input::{InputError, InputFile};
use crate::sink::Sink;

/// Files that have gone and are remembered, at most.
const MAX_GONE: usize = 10_000;

/// The files that are known: those that are there, and those that have gone, for
/// a copy of them may come.
#[derive(Debug)]
pub(super) struct Known {
    files: BTreeMap<FileId, FileState>,
    by_inode: HashMap<Inode, FileId>,
    /// When the files were changed last before they were seen to begin as ever.
    unchanged_since: HashMap<FileId, SystemTime>,
    /// What changed since it was last taken.
    pub(super) delta: FilesDelta,
}

/// What became of a known file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// It may be read on.
    Same,
    /// Another file is in its place, which is not known.
    Replaced,
    /// It is not where it was listed: gone, or renamed.
    Elsewhere,
}

impl Known {
    pub(super) fn new(checkpoint: &FilesCheckpoint) -> Known {
        let mut files = checkpoint.files().clone();
        let unread = files.extract_if(.., |_, file| file.head.bytes == 0);
        let forgotten = unread.map(|(id, _)| id).collect();
        let there = files.iter().filter(|(_, file)| !file.gone);
        Known {
            by_inode: there.map(|(id, file)| (file.inode, *id)).collect(),
            files,
            unchanged_since: HashMap::new(),
            delta: FilesDelta {
                forgotten,
                ..FilesDelta::default()
            },
        }
    }

    /// Forgets a file that was met in this poll and of which nothing was read. There is
    /// nothing to know it by but its inode, which the system gives to another file when
    /// this one has gone. One in a wrapping stays, so that damage is not met again and
    /// again.
    pub(super) fn forget_unread(&mut self, id: FileId) {
        let state = self.files.get(&id);
        if state.is_some_and(|file| file.head.bytes == 0 && file.wrapped_bytes.is_none()) {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: FileId) {
        if let Some(file) = self.files.remove(&id) {
            self.by_inode.remove(&file.inode);
            self.unchanged_since.remove(&id);
            self.delta.files.remove(&id);
        }
    }

    /// How many are there.
    pub(super) fn len(&self) -> usize {
        self.by_inode.len()
    }

    pub(super) fn id(&self, inode: Inode) -> Option<FileId> {
        self.by_inode.get(&inode).copied()
    }

    pub(super) fn get(&self, id: FileId) -> Option<&FileState> {
        self.files.get(&id)
    }

    /// Notes which files are no longer there.
    pub(super) fn note_gone(&mut self, files: &[(Inode, InputFile)]) {
        let there: HashSet<_> = files.iter().map(|(inode, _)| *inode).collect();
        let gone = self
            .by_inode
            .iter()
            .filter(|(inode, _)| !there.contains(inode));
        let gone: Vec<_> = gone.map(|(_, id)| *id).collect();
        for id in gone {
            self.lose(id);
        }
    }

    /// Notes that a file is not where it was: gone, or another one is there.
    fn lose(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id) {
            file.gone = true;
            self.by_inode.remove(&file.inode);
            self.unchanged_since.remove(&id);
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

    /// Looks whether a known file is still the same. If it was replaced, it is no
    /// longer known.
    pub(super) fn check(
        &mut self,
        id: FileId,
        inode: Inode,
        file: &InputFile,
        sink: &mut dyn Sink,
    ) -> Result<Look, InputError> {
        // A file that was truncated may have grown to the very size that it had.
        let changed = file.path.metadata().and_then(|file| file.modified()).ok();
        let is_unchanged = changed.is_some() && self.unchanged_since.get(&id) == changed.as_ref();
        let is_other = (self.has_more(id, file) || !is_unchanged) && {
            let is_the_same = self.is_the_same(id, file);
            match if_there(inode, file, is_the_same)? {
                Some(is_the_same) => !is_the_same,
                None => return Ok(Look::Elsewhere),
            }
        };
        if let (false, Some(changed)) = (is_other, changed) {
            self.unchanged_since.insert(id, changed);
        }
        let Some(known) = self.files.get_mut(&id) else {
            return Ok(Look::Elsewhere);
        };
        if is_other && known.head.bytes == 0 {
            // It may be any file: nothing was read of the one that had its inode.
            self.forget(id);
            self.delta.forgotten.push(id);
            return Ok(Look::Elsewhere);
        }
        let plain = known.wrapped_bytes.is_none();
        let is_shorter = plain && file.size_bytes < known.offset;
        let is_renamed = known.path != file.name;
        if !is_shorter && !is_other {
            if is_renamed {
                known.path.clone_from(&file.name);
                self.delta.files.insert(id, known.clone());
            }
            return Ok(Look::Same);
        }
        self.lose(id);
        if is_renamed {
            // A new file, with the number of one that was removed.
            return Ok(Look::Elsewhere);
        }
        let what = if is_shorter {
            "got shorter"
        } else {
            "was replaced"
        };
        sink.notice(&format!(
            "`{}` {what}: it is read again from its start",
            file.name
        ));
        Ok(Look::Replaced)
    }

    fn is_the_same(&self, id: FileId, file: &InputFile) -> Result<bool, InputError> {
        match self.files.get(&id) {
            Some(known) => Ok(known.head.fits(&first_bytes(file)?)),
            None => Ok(true),
        }
    }

    /// How far a file was read that is there and begins as this one does.
    pub(super) fn read_of_original(&self, file: &InputFile) -> Result<Option<u64>, InputError> {
        let text = first_bytes(file)?;
        let there = self.files.values().filter(|known| !known.gone);
        let alike = there.filter(|known| known.head.fits(&text));
        Ok(alike.map(|known| known.offset).max())
    }

    /// Takes in a file that was not known: perhaps one that was, elsewhere, or a copy
    /// of one that is there; of plain files only if they are `followed`. `None` when it
    /// has gone meanwhile.
    pub(super) fn meet(
        &mut self,
        inode: Inode,
        file: &InputFile,
        followed: bool,
    ) -> Result<Option<FileId>, InputError> {
        let looks = first_bytes(file).and_then(|text| Ok((text, is_wrapped(file)?)));
        let Some((text, wrapped)) = if_there(inode, file, looks)? else {
            return Ok(None);
        };
        let is_copy = |known: &FileState| {
            let is_whole = known.offset <= file.size_bytes;
            let may_be = wrapped || (is_whole && (known.gone || followed));
            may_be && known.head.fits(&text)
        };
        let copied = self.files.iter().filter(|(_, known)| is_copy(known));
        let copied = copied.max_by_key(|(_, known)| known.offset);
        let copied = copied.map(|(id, known)| (*id, known.clone()));
        Ok(Some(match copied {
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
                id
            }
            copied => self.add(inode, file, wrapped, copied.map(|(_, known)| known)),
        }))
    }

    /// Adds a file, which may be a copy of one that is known and still there.
    fn add(
        &mut self,
        inode: Inode,
        file: &InputFile,
        wrapped: bool,
        copied: Option<FileState>,
    ) -> FileId {
        let id = self.files.last_key_value().map_or(0, |(id, _)| id + 1);
        let wrapped_bytes = wrapped.then_some(0);
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
        id
    }

    pub(super) fn has_more(&self, id: FileId, file: &InputFile) -> bool {
        let size_bytes = file.size_bytes;
        self.files
            .get(&id)
            .is_some_and(|known| match known.wrapped_bytes {
                Some(read_bytes) => size_bytes != read_bytes,
                None => size_bytes > known.offset,
            })
    }

    pub(super) fn keep(&mut self, id: FileId, state: FileState) {
        if self.files.get(&id) != Some(&state) {
            self.delta.files.insert(id, state.clone());
            self.files.insert(id, state);
        }
    }
}
