//! The tables of a store: one snapshot of committed files and of rows that are not
//! in a file yet.

mod file;
mod log;
mod order;
mod prune;
mod reader;
mod table;

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::object_store::ObjectStore;
use datafusion::object_store::path::Path;
use vpcflow_record::{flows_schema, rejects_schema};
use vpcflow_store::{DATE_COLUMN, Location, Snapshot};

use self::file::StoredFile;
pub(crate) use self::log::IngestLog;
pub(crate) use self::order::OrderForSorts;
pub(crate) use self::prune::{KnownFile, matching};
pub(crate) use self::reader::StoreFiles;
pub(crate) use self::table::StoreTable;

/// A snapshot of a store as the tables `flows` and `rejects`.
#[derive(Debug)]
pub(crate) struct StoreTables {
    pub(crate) snapshot: Snapshot,
    pub(crate) flows: Arc<StoreTable>,
    pub(crate) rejects: Arc<StoreTable>,
}

impl StoreTables {
    pub(crate) fn new(snapshot: Snapshot) -> Result<StoreTables, DataFusionError> {
        let directory = Directory::new(snapshot.location())?;
        let files: Vec<_> = snapshot
            .files()
            .map(|file| StoredFile::of_rows(directory.path(&file.path), file))
            .collect();
        let schema = carried_columns(&snapshot, &files);
        let flows = StoreTable::new(
            directory.clone(),
            schema,
            Some(DATE_COLUMN),
            files,
            snapshot.rows().to_vec(),
        );
        let files = snapshot
            .rejects_files()
            .map(|file| StoredFile::of_rejects(directory.path(&Path::from(&*file.path)), file))
            .collect();
        let hot = snapshot.rejects().to_vec();
        let rejects = StoreTable::new(directory, rejects_schema(), None, files, hot);
        Ok(StoreTables {
            flows: Arc::new(flows),
            rejects: Arc::new(rejects),
            snapshot,
        })
    }

    /// Refused lines that the store has.
    pub(crate) fn reject_count(&self) -> u64 {
        let files = self.snapshot.rejects_files().map(|file| file.rows);
        let hot = self.snapshot.rejects().iter();
        files.sum::<u64>() + hot.map(|batch| batch.num_rows() as u64).sum::<u64>()
    }
}

/// The columns of version 2 and all that a file or batch has, in the order of the
/// table, without the day: a store has the columns of its data, as text has.
fn carried_columns(snapshot: &Snapshot, files: &[StoredFile]) -> SchemaRef {
    let always = flows_schema([]);
    let mut carried: HashSet<&str> = always.fields().iter().map(|f| f.name().as_str()).collect();
    for file in files {
        match file.columns() {
            Some(columns) => carried.extend(columns),
            // What it has is not known.
            None => carried.extend(snapshot.schema().fields().iter().map(|f| f.name().as_str())),
        }
    }
    let batches = snapshot.rows().iter();
    carried.extend(
        batches.flat_map(|rows| rows.schema_ref().fields().iter().map(|f| f.name().as_str())),
    );
    let fields = snapshot.schema().fields().iter();
    let fields = fields
        .filter(|field| field.name() != DATE_COLUMN && carried.contains(field.name().as_str()))
        .cloned();
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Where the engine finds the objects of a store.
#[derive(Debug, Clone)]
pub(crate) struct Directory {
    /// The bucket or file system.
    pub(crate) root: ObjectStoreUrl,
    pub(crate) objects: Arc<dyn ObjectStore>,
    /// The path of the store in it.
    prefix: Path,
}

impl Directory {
    fn new(location: &Location) -> Result<Directory, DataFusionError> {
        let mut root = location.url().clone();
        let prefix = Path::from_url_path(root.path())?;
        root.set_path("");
        Ok(Directory {
            root: ObjectStoreUrl::parse(root)?,
            objects: Arc::clone(location.root()),
            prefix,
        })
    }

    /// The path from the root of an object of the store.
    fn path(&self, path: &Path) -> Path {
        self.prefix.parts().chain(path.parts()).collect()
    }
}
