//! Objects that nothing refers to: what killed writers and failed tries left.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use object_store::path::Path;

use crate::data_file::is_own_name;
use crate::error::{self, Result};
use crate::location::Location;
use crate::rejects::REJECTS;
use crate::schema::DATE_COLUMN;
use crate::source::{SourceState, document_path};
use crate::table::Table;

/// An object that nothing refers to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Orphan {
    /// Relative to the store.
    pub path: Path,
    /// Its size.
    pub size_bytes: u64,
}

/// All data files, cursors and rejects of this crate's making that neither the table nor
/// a source refers to. Files that were replaced are not among them until their time is over.
pub(crate) async fn find_orphans(
    location: &Location,
    table: &Table,
    states: &[SourceState],
) -> Result<Vec<Orphan>> {
    let mut known: BTreeSet<Path> = table.files.keys().cloned().collect();
    known.extend(table.tombstones.keys().cloned());
    for state in states {
        let key = state.source.key();
        known.extend(state.documents.iter().map(|seq| document_path(&key, *seq)));
        let rejects = state.rejects_files.iter();
        known.extend(rejects.map(|file| Path::from(file.path.as_str())));
    }
    let objects = location.store();
    let root = Path::default();
    let folders = objects.list_with_delimiter(None).await;
    let folders = folders
        .map_err(error::object("list", &root))?
        .common_prefixes;
    let mut orphans = Vec::new();
    for folder in folders.iter().filter(|folder| is_ours(folder)) {
        let has_rows = has_rows(folder);
        let found: Vec<_> = objects
            .list(Some(folder))
            .try_collect()
            .await
            .map_err(error::object("list", folder))?;
        orphans.extend(
            found
                .into_iter()
                .filter(|meta| !known.contains(&meta.location))
                .filter(|meta| !has_rows || is_own_name(&meta.location))
                .map(|meta| Orphan {
                    path: meta.location,
                    size_bytes: meta.size,
                }),
        );
    }
    Ok(orphans)
}

/// Whether this crate writes into a folder of the store; others are not touched.
fn is_ours(folder: &Path) -> bool {
    let name = folder.filename();
    has_rows(folder) || name == Some(REJECTS) || name == Some(crate::source::CURSORS)
}

/// Whether a folder has the data files of a day. Other tools name theirs alike, so that
/// a new store may be made where some are.
fn has_rows(folder: &Path) -> bool {
    let name = folder.filename();
    let day = name.and_then(|name| name.strip_prefix(DATE_COLUMN));
    day.is_some_and(|rest| rest.starts_with('='))
}
