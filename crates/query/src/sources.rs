//! The sources that a session's tables stand on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::prelude::SessionContext;
use vpcflow_ingest::{
    Collected, Decoded, DividedFile, FileDecoder, FileFormat, InputError, InputFile, OpenFile,
};
use vpcflow_record::{DecodeCounts, DecodeOptions, Format, Policy, flows_schema};
use vpcflow_store::Snapshot;

use crate::error::Error;
use crate::parquet::ParquetTable;
use crate::paths::{ObjectFinder, Paths};
use crate::store::StoreTables;
use crate::table::Kind;

/// Files that stay open from when their format was looked at until they are read.
const MAX_KEPT_OPEN: usize = 64;

/// Files, batches and stores behind the tables `flows` and `rejects`.
#[derive(Debug, Default)]
pub struct Sources {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) rejects: Vec<RecordBatch>,
    pub(crate) stores: Vec<StoreTables>,
    pub(crate) parquet: Vec<Arc<ParquetTable>>,
    /// Which the tables are made of, when a session begins.
    parquet_files: Vec<InputFile>,
    pub(crate) policy: Policy,
    /// Files that statements name, if they may.
    pub(crate) paths: Option<Arc<Paths>>,
    row_schemas: Vec<SchemaRef>,
    bytes: u64,
    cut: u64,
}

/// A file of text with its format and what was read of it.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) file: InputFile,
    pub(crate) format: FileFormat,
    pub(crate) counts: Arc<FileCounts>,
    divisible: bool,
    /// For the first scan.
    opened: Arc<Mutex<Option<OpenFile>>>,
}

impl SourceFile {
    /// A file of the declared format or that of its header. It stays open for its
    /// first scan if it may.
    pub(crate) fn new(
        file: InputFile,
        declared: Option<&Format>,
        stays_open: bool,
    ) -> Result<SourceFile, InputError> {
        let opened = file.open()?;
        Ok(SourceFile {
            file,
            format: opened.format(declared),
            counts: Arc::default(),
            divisible: opened.is_divisible(),
            opened: Arc::new(Mutex::new(Some(opened).filter(|_| stays_open))),
        })
    }

    fn opened(&self) -> MutexGuard<'_, Option<OpenFile>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<OpenFile, InputError> {
        let opened = self.opened().take();
        opened.map_or_else(|| self.file.open(), Ok)
    }

    /// The file's batches from its start.
    pub(crate) fn decode(&self, options: DecodeOptions) -> Result<FileDecoder, InputError> {
        Ok(self.open()?.decode(&self.format, options))
    }

    /// Whether several can read it at once.
    pub(crate) fn is_divisible(&self) -> bool {
        self.divisible
    }

    /// How many can read it at once.
    pub(crate) fn parts(&self) -> u64 {
        match self.divisible {
            true => DividedFile::parts(self.file.size_bytes).max(1),
            false => 1,
        }
    }

    /// The file in parts; `None` if only one can read it.
    pub(crate) fn divide(&self) -> Result<Option<DividedFile>, InputError> {
        if !self.divisible {
            return Ok(None);
        }
        match self.open()?.divide(&self.format) {
            Ok(divided) => Ok(Some(divided)),
            // Another file has its name by now.
            Err(opened) => {
                *self.opened() = Some(*opened);
                Ok(None)
            }
        }
    }
}

/// How far a file was read: the most of all scans of it, so that a query that
/// reads a file twice counts its records once.
#[derive(Debug, Default)]
pub(crate) struct FileCounts {
    records: AtomicU64,
    rejects: AtomicU64,
    bytes: AtomicU64,
    cut: AtomicU64,
}

impl FileCounts {
    pub(crate) fn reached(&self, counts: DecodeCounts) {
        self.records.fetch_max(counts.records, Ordering::Relaxed);
        self.rejects.fetch_max(counts.rejects, Ordering::Relaxed);
        self.bytes.fetch_max(counts.bytes, Ordering::Relaxed);
        self.cut.fetch_max(counts.cut, Ordering::Relaxed);
    }

    /// Nothing was read.
    pub(crate) fn forget(&self) {
        for count in [&self.records, &self.rejects, &self.bytes, &self.cut] {
            count.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn add_to(&self, counts: &mut ReadCounts) {
        counts.records += self.records.load(Ordering::Relaxed);
        counts.rejects += self.rejects.load(Ordering::Relaxed);
        counts.bytes += self.bytes.load(Ordering::Relaxed);
        counts.cut += self.cut.load(Ordering::Relaxed);
    }
}

/// What a session has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Records decoded, or read from Parquet files.
    pub records: u64,
    /// Lines refused: those of text that was read, and all that a store has.
    pub rejects: u64,
    /// Bytes of text, and of Parquet files as far as they were read.
    pub bytes: u64,
    /// Records without the values that followed their last field, which only
    /// the lenient policy leaves out.
    pub cut: u64,
}

impl ReadCounts {
    /// Counts a batch that was decoded elsewhere than in a session.
    pub fn add(&mut self, batch: &Decoded) {
        self.records += batch.rows.num_rows() as u64;
        self.rejects += batch.rejects.num_rows() as u64;
        self.bytes += batch.bytes;
        self.cut += batch.cut;
    }
}

impl Sources {
    /// No source: `flows` has the columns of version 2 and no row. The policy
    /// says what is refused of the files that are added.
    pub fn new(policy: Policy) -> Sources {
        Sources {
            policy,
            ..Sources::default()
        }
    }

    /// Adds a file: of Parquet by its name, else of text, of the declared format or that
    /// of its header. To open text that is an object blocks:
    /// [`Sources::add_file_of`] does not.
    ///
    /// # Errors
    /// When it cannot be read or is not text.
    pub fn add_file(
        &mut self,
        file: InputFile,
        declared: Option<&Format>,
    ) -> Result<(), InputError> {
        if file.is_parquet() {
            self.parquet_files.push(file);
            return Ok(());
        }
        let stays_open = self.files.len() < MAX_KEPT_OPEN;
        self.files
            .push(SourceFile::new(file, declared, stays_open)?);
        Ok(())
    }

    /// Adds a file of text whose format is known: the first scan opens it, and reads
    /// it from start to end.
    pub fn add_file_of(&mut self, format: FileFormat, file: InputFile) {
        self.files.push(SourceFile {
            file,
            format,
            counts: Arc::default(),
            divisible: false,
            opened: Arc::default(),
        });
    }

    /// Reads what is known of Parquet files without reading them.
    pub(crate) async fn open_parquet(&mut self, context: &SessionContext) -> Result<(), Error> {
        let files = std::mem::take(&mut self.parquet_files);
        self.parquet = ParquetTable::open(&context.runtime_env(), files).await?;
        Ok(())
    }

    /// Adds rows of `schema` that were decoded before, as from a log group,
    /// with the lines refused among their input.
    pub fn add_collected(&mut self, schema: SchemaRef, collected: Collected) {
        self.row_schemas.push(schema);
        self.rows.extend(collected.rows);
        self.rejects.extend(collected.rejects);
        self.bytes += collected.bytes;
        self.cut += collected.cut;
    }

    /// Lets statements name files in place of tables: `FROM 'logs/*.gz'`, of the
    /// declared format or those of their headers. Whoever may send a statement
    /// reads with it whatever the process can read, so this is for the command
    /// line of a user. Files that were added before are counted once. Objects of S3,
    /// as in `FROM 's3://logs/AWSLogs/'`, are named where somebody finds them.
    pub fn allow_paths(
        &mut self,
        declared: Option<&Format>,
        objects: Option<Arc<dyn ObjectFinder>>,
    ) {
        let paths = Paths::new(self.policy, declared.cloned(), objects, &self.files);
        self.paths = Some(Arc::new(paths));
    }

    /// Adds what a store holds at one moment.
    ///
    /// # Errors
    /// When the store's location has no name that the engine takes.
    pub fn add_store(&mut self, snapshot: Snapshot) -> Result<(), Error> {
        self.stores.push(StoreTables::new(snapshot)?);
        Ok(())
    }

    /// Whether there is text, or rows decoded from it.
    pub(crate) fn has_text(&self) -> bool {
        !self.files.is_empty() || !self.row_schemas.is_empty()
    }

    /// What was decoded before, of a table.
    pub(crate) fn batches(&self, kind: Kind) -> &[RecordBatch] {
        match kind {
            Kind::Flows => &self.rows,
            Kind::Rejects => &self.rejects,
        }
    }

    /// The columns of all text, united by name.
    pub(crate) fn schema(&self) -> SchemaRef {
        let flows = flows_schema(self.files.iter().map(|file| &file.format.format));
        let mut fields: Vec<Arc<Field>> = flows.fields().iter().cloned().collect();
        for field in self.row_schemas.iter().flat_map(|schema| schema.fields()) {
            if !fields.iter().any(|known| known.name() == field.name()) {
                fields.push(Arc::clone(field));
            }
        }
        Arc::new(Schema::new(fields))
    }

    /// Counts anew from here on.
    pub(crate) fn forget_counts(&self) {
        for file in &self.files {
            file.counts.forget();
        }
        if let Some(paths) = &self.paths {
            paths.forget_counts();
        }
        for table in &self.parquet {
            table.forget_counts();
        }
        for store in &self.stores {
            store.flows.forget_counts();
        }
    }

    pub(crate) fn counts(&self) -> ReadCounts {
        let rows = |batches: &[RecordBatch]| -> u64 {
            batches.iter().map(|batch| batch.num_rows() as u64).sum()
        };
        let mut counts = ReadCounts {
            records: rows(&self.rows),
            rejects: rows(&self.rejects),
            bytes: self.bytes,
            cut: self.cut,
        };
        for file in &self.files {
            file.counts.add_to(&mut counts);
        }
        if let Some(paths) = &self.paths {
            paths.add_to(&mut counts);
        }
        for table in &self.parquet {
            table.add_to(&mut counts);
        }
        for store in &self.stores {
            let (records, bytes) = store.flows.read();
            counts.records += records;
            counts.rejects += store.reject_count();
            counts.bytes += bytes;
        }
        counts
    }
}
