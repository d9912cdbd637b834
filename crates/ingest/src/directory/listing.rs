//! The files that there are.

use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::PathBuf;

use super::identity::Inode;
use crate::input::{InputError, InputFile, Location, expand};

/// Whether the text of a file is inside of something: compressed, or JSON.
pub(super) fn is_wrapped(file: &InputFile) -> Result<bool, InputError> {
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
        let mut files = match expand(location) {
            Err(InputError::NoLogs(_) | InputError::NoMatch(_)) => continue,
            files => files?,
        };
        // Of a directory, only text grows line by line.
        if matches!(location, Location::Path(path) if path.is_dir()) {
            files.retain(|file| !file.is_parquet());
        }
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

/// Takes the size that a file has now; whether it is still where it was listed. The
/// files that are known were looked at before: one that was truncated by then had been
/// copied before, and this is the size of the whole copy, not of what there was of it
/// when it was listed.
pub(super) fn refresh(inode: Inode, file: &mut InputFile) -> bool {
    match file.path.metadata() {
        Ok(metadata) if Inode::of(&metadata) == inode => {
            file.size_bytes = metadata.len();
            true
        }
        _ => false,
    }
}
