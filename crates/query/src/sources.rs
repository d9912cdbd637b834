//! The sources that a session's tables stand on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use vpcflow_ingest::{
    Collected, Decoded, FileDecoder, FileFormat, InputError, InputFile, OpenFile,
};
use vpcflow_record::{DecodeCounts, DecodeOptions, Format, Policy, flows_schema};
use vpcflow_store::Snapshot;

use crate::error::Error;
use crate::store::StoreTables;

/// Files that stay open from when their format was looked at until they are read.
const MAX_KEPT_OPEN: usize = 64;

/// Files, batches and stores behind the tables `flows` and `rejects`.
#[derive(Debug, Default)]
pub struct Sources {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) rows: Vec<RecordBatch>,
    pub(crate) rejects: Vec<RecordBatch>,
    pub(crate) stores: Vec<StoreTables>,
    pub(crate) policy: Policy,
    row_schemas: Vec<SchemaRef>,
    bytes: u64,
    cut: u64,
}

/// A file with its format and what was read of it.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) file: InputFile,
    pub(crate) format: FileFormat,
    pub(crate) counts: Arc<FileCounts>,
    pub(crate) is_compressed: bool,
    /// For the first scan.
    opened: Arc<Mutex<Option<OpenFile>>>,
}

impl SourceFile {
    /// The file's batches from its start.
    pub(crate) fn decode(&self, options: DecodeOptions) -> Result<FileDecoder, InputError> {
        let opened = self
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let opened = match opened {
            Some(opened) => opened,
            None => self.file.open()?,
        };
        Ok(opened.decode(&self.format, options))
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
    /// Records decoded, or read from a store.
    pub records: u64,
    /// Lines refused: those of text that was read, and all that a store has.
    pub rejects: u64,
    /// Bytes of text, and of a store's files as far as they were read.
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

    /// Adds a file, of the declared format or that of its header.
    ///
    /// # Errors
    /// When it cannot be read or is not text.
    pub fn add_file(
        &mut self,
        file: InputFile,
        declared: Option<&Format>,
    ) -> Result<(), InputError> {
        let opened = file.open()?;
        let format = opened.format(declared);
        let is_compressed = opened.compression().is_some();
        let opened = Some(opened).filter(|_| self.files.len() < MAX_KEPT_OPEN);
        self.files.push(SourceFile {
            file,
            format,
            counts: Arc::default(),
            is_compressed,
            opened: Arc::new(Mutex::new(opened)),
        });
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
        for store in &self.stores {
            let (records, bytes) = store.flows.read();
            counts.records += records;
            counts.rejects += store.reject_count();
            counts.bytes += bytes;
        }
        counts
    }
}
