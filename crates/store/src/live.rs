//! What queries see: committed files and rows not yet committed, as one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;

use crate::data_file::DataFile;
use crate::location::Location;
use crate::schema::{Columns, file_schema};
use crate::source::{RejectsFile, SourceId, SourceState};
use crate::table::{Files, Table};

/// Rows and rejects of a source that are not committed, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct HotSource {
    /// By the number of the append that brought them.
    pub(crate) rows: BTreeMap<u64, RecordBatch>,
    pub(crate) rejects: BTreeMap<u64, RecordBatch>,
    /// Files that were written to make room, and the append after their last
    /// row: the log does not know them yet.
    pub(crate) files: Vec<(u64, Arc<DataFile>)>,
}

impl HotSource {
    /// Forgets what a commit took: everything before the append `through`.
    pub(crate) fn forget(&mut self, through: u64) {
        self.rows = self.rows.split_off(&through);
        self.rejects = self.rejects.split_off(&through);
        self.files.retain(|(end, _)| *end > through);
    }

    /// The rows of the appends before this one, in files or not. Those that are on
    /// their way into a file are in memory until it is there.
    pub(crate) fn rows_before(&self, append: u64) -> u64 {
        let rows = self.rows.range(..append);
        let in_memory = rows.map(|(_, rows)| rows.num_rows() as u64);
        let files = self.files.iter().filter(|(end, _)| *end <= append);
        in_memory.sum::<u64>() + files.map(|(_, file)| file.rows).sum::<u64>()
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.rejects.is_empty() && self.files.is_empty()
    }
}

/// Committed and hot state, changed together.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) table: Arc<Table>,
    /// Those of the table, and of rows that are not committed.
    pub(crate) columns: Columns,
    pub(crate) sources: BTreeMap<SourceId, Arc<SourceState>>,
    pub(crate) hot: BTreeMap<SourceId, HotSource>,
}

impl Shared {
    /// Puts the state after a commit in place of the one before, in one step: no
    /// snapshot sees a row twice, or not at all.
    pub(crate) fn committed(
        &mut self,
        table: Table,
        states: &[SourceState],
        taken: &[(SourceId, u64)],
    ) {
        self.table = Arc::new(table);
        for state in states {
            self.sources
                .insert(state.source.clone(), Arc::new(state.clone()));
        }
        for (source, through) in taken {
            if let Some(hot) = self.hot.get_mut(source) {
                hot.forget(*through);
            }
        }
        self.hot.retain(|_, hot| !hot.is_empty());
    }
}

/// A view of a store that this process writes. Cheap to clone; hand it to whatever
/// asks.
#[derive(Debug, Clone)]
pub struct Live {
    location: Location,
    shared: Arc<Mutex<Shared>>,
}

impl Live {
    pub(crate) fn new(location: Location, shared: Shared) -> Live {
        Live {
            location,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All rows at this moment, each once: those of the files and those not yet
    /// committed.
    pub fn snapshot(&self) -> Snapshot {
        let shared = self.lock();
        let hot = || shared.hot.values();
        Snapshot {
            location: self.location.clone(),
            version: shared.table.version,
            schema: Arc::clone(shared.columns.schema()),
            files: Arc::clone(&shared.table.files),
            pending: hot()
                .flat_map(|hot| &hot.files)
                .map(|(_, file)| Arc::clone(file))
                .collect(),
            rows: hot().flat_map(|hot| hot.rows.values()).cloned().collect(),
            rejects: hot()
                .flat_map(|hot| hot.rejects.values())
                .cloned()
                .collect(),
            sources: shared.sources.values().cloned().collect(),
        }
    }
}

/// The rows of a store at one moment. Files that it names stay readable for an
/// hour after compaction or retention replaced them.
#[derive(Debug, Clone)]
pub struct Snapshot {
    location: Location,
    version: u64,
    schema: SchemaRef,
    files: Arc<Files>,
    pending: Vec<Arc<DataFile>>,
    rows: Vec<RecordBatch>,
    rejects: Vec<RecordBatch>,
    sources: Vec<Arc<SourceState>>,
}

impl Snapshot {
    pub(crate) fn committed(location: Location, table: &Table, sources: Vec<SourceState>) -> Self {
        Snapshot {
            location,
            version: table.version,
            schema: Arc::clone(table.columns.schema()),
            files: Arc::clone(&table.files),
            pending: Vec::new(),
            rows: Vec::new(),
            rejects: Vec::new(),
            sources: sources.into_iter().map(Arc::new).collect(),
        }
    }

    /// Where the files are: their paths are relative to it.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The version of the table that is committed.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The columns of the table, the partition column [`crate::DATE_COLUMN`] among
    /// them. Every one may be NULL.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The data files, of rows that are committed or were written ahead of their
    /// commit. Each is sorted by `start`, NULLs first. A column that a file does
    /// not have is NULL in all of its rows.
    pub fn files(&self) -> impl Iterator<Item = &Arc<DataFile>> {
        self.files.values().chain(&self.pending)
    }

    /// Rows in memory, not in any file. Their schemas are parts of
    /// [`Snapshot::schema`], without [`crate::DATE_COLUMN`].
    pub fn rows(&self) -> &[RecordBatch] {
        &self.rows
    }

    /// Files with refused lines, of the columns `vpcflow_record::rejects_schema`.
    pub fn rejects_files(&self) -> impl Iterator<Item = &RejectsFile> {
        self.sources.iter().flat_map(|source| &source.rejects_files)
    }

    /// Refused lines in memory.
    pub fn rejects(&self) -> &[RecordBatch] {
        &self.rejects
    }

    /// What is committed of each source.
    pub fn sources(&self) -> &[Arc<SourceState>] {
        &self.sources
    }

    /// The columns of a file, in the order of the table, with the table's types:
    /// what to read it with. `columns` are those that the file itself names.
    pub fn file_schema(&self, columns: &arrow_schema::Schema) -> SchemaRef {
        file_schema(&self.schema, |name| columns.index_of(name).is_ok())
    }
}
