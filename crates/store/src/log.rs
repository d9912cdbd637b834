//! The log of the table: reading it, adding an entry, checkpoints.
//!
//! deltalake writes checkpoints. Entries are written and read here: its own commit
//! loads the list of all files again after each one, and it reads one entry after the
//! other, several times. Both take longer the more there are.

use std::sync::Arc;

use arrow_json::LineDelimitedWriter;
use bytes::Bytes;
use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake_core::logstore::{
    LogStoreConfig, LogStoreRef, StorageConfig, commit_uri_from_version, default_logstore,
};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{self, Error, Result};
use crate::location::Location;
use crate::object_file::ObjectFile;
use crate::table::{LOG_RETENTION_MS, Table};

/// Where the log is.
const LOG: &str = "_delta_log";

/// Entries that are read at the same time.
const READS: usize = 32;

/// Entries that are asked for before it is known whether there are so many.
const MOST_AHEAD: u64 = 256;

/// The log of one table.
#[derive(Clone)]
pub(crate) struct Log {
    location: Location,
    log_store: LogStoreRef,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("location", &self.location.name())
            .finish_non_exhaustive()
    }
}

/// An entry that is ready to be written, and may be written again: it is known
/// by its batch id.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) version: u64,
    pub(crate) batch: Uuid,
    pub(crate) actions: Vec<Value>,
}

impl Entry {
    pub(crate) fn new(version: u64, operation: &str, actions: Vec<Value>, now_ms: i64) -> Entry {
        let batch = Uuid::new_v4();
        let info = json!({ "commitInfo": {
            "timestamp": now_ms,
            "operation": operation,
            "operationParameters": {},
            "engineInfo": concat!("vpcflow/", env!("CARGO_PKG_VERSION")),
            "batch": batch.to_string(),
        } });
        Entry {
            version,
            batch,
            actions: [info].into_iter().chain(actions).collect(),
        }
    }

    fn to_bytes(&self) -> Bytes {
        let lines: Vec<_> = self.actions.iter().map(Value::to_string).collect();
        lines.join("\n").into()
    }

    /// Whether the bytes of an entry are this one's.
    fn is(&self, actions: &[Value]) -> bool {
        let batch = actions
            .iter()
            .find_map(|action| action.get("commitInfo")?.get("batch")?.as_str());
        batch == Some(self.batch.to_string().as_str())
    }
}

/// What became of an entry that was to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is in the log.
    Ours,
    /// Another entry has its version.
    Theirs,
}

impl Log {
    pub(crate) fn new(location: &Location) -> Log {
        let options = StorageConfig::default();
        let config = LogStoreConfig::new(location.url(), options.clone());
        let log_store = default_logstore(
            Arc::clone(location.store()),
            Arc::clone(location.root()),
            config.location(),
            &options,
        );
        Log {
            location: location.clone(),
            log_store,
        }
    }

    fn store(&self) -> &str {
        self.location.name()
    }

    /// The table at its newest version. `None` when there is no table.
    ///
    /// What the log has is known by asking for it by name: a listing only finds the
    /// checkpoint when nothing points to it, and tells whether something is missing.
    pub(crate) async fn load(&self) -> Result<Option<Table>> {
        let mut checkpoint = self.last_checkpoint().await?;
        loop {
            let actions = match checkpoint {
                0 => self.entry(0).await?,
                version => Some(self.checkpoint_actions(version).await?),
            };
            let mut table = None;
            if let Some(actions) = actions {
                let read = Table::from_actions(self.store(), checkpoint, &actions)?;
                let table = table.insert(read);
                self.advance(table).await?;
            }
            let after = table.as_ref().map(|table| table.version);
            let (entries, checkpoints) = self.listed(after).await?;
            match (checkpoints, entries, table) {
                // Entries before it may be gone.
                (Some(newer), ..) if newer > checkpoint => checkpoint = newer,
                (_, None, table) => return Ok(table),
                // They came meanwhile, or the one before them is gone.
                (_, Some(entry), Some(mut table)) => {
                    self.advance(&mut table).await?;
                    if table.version < entry {
                        return Err(missing(table.version + 1));
                    }
                    return Ok(Some(table));
                }
                (_, Some(_), None) => match self.entry(0).await? {
                    // It was made at this moment.
                    Some(_) => {}
                    None => return Err(missing(0)),
                },
            }
        }
    }

    /// The newest entry and checkpoint that a listing of the log shows after this
    /// version.
    async fn listed(&self, after: Option<u64>) -> Result<(Option<u64>, Option<u64>)> {
        let root = Path::from(LOG);
        let objects = self.location.store();
        let found = match after {
            // It sorts before a checkpoint of the same version.
            Some(version) => objects.list_with_offset(Some(&root), &entry_path(version)),
            None => objects.list(Some(&root)),
        };
        let found: Vec<_> = found
            .try_collect()
            .await
            .map_err(error::object("list", &root))?;
        let newest = |suffix: &str| {
            let names = found.iter().filter_map(|meta| meta.location.filename());
            let versions = names.filter_map(|name| name.strip_suffix(suffix)?.parse().ok());
            versions.max()
        };
        let checkpoint = newest(".checkpoint.parquet").filter(|version| Some(*version) > after);
        Ok((newest(".json"), checkpoint))
    }

    /// The actions that a checkpoint has in place of those of the entries before it.
    async fn checkpoint_actions(&self, version: u64) -> Result<Vec<Value>> {
        let path = checkpoint_path(version);
        let objects = self.location.store();
        let found = objects.head(&path).await;
        let size_bytes = found.map_err(error::object("read", &path))?.size;
        let failed = || error::parquet("read", path.as_ref());
        let file = ObjectFile::new(objects, &path, size_bytes);
        let builder = ParquetRecordBatchStreamBuilder::new(file).await;
        let mut rows = builder
            .and_then(ParquetRecordBatchStreamBuilder::build)
            .map_err(failed())?;
        let mut actions = Vec::new();
        while let Some(rows) = rows.try_next().await.map_err(failed())? {
            let mut lines = LineDelimitedWriter::new(Vec::new());
            lines.write(&rows)?;
            lines.finish()?;
            actions.extend(parse(&path, &lines.into_inner())?);
        }
        Ok(actions)
    }

    /// The actions of one entry; `None` when the log has none of this version.
    pub(crate) async fn entry(&self, version: u64) -> Result<Option<Vec<Value>>> {
        let path = entry_path(version);
        let bytes = match self.location.store().get(&path).await {
            Ok(found) => found.bytes().await.map_err(error::object("read", &path))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(error::object("read", &path)(source)),
        };
        parse(&path, &bytes).map(Some)
    }

    /// Takes the entries after the table's version, as long as the log has them
    /// all. The more there are, the more are asked for at a time.
    pub(crate) async fn advance(&self, table: &mut Table) -> Result<()> {
        let mut ahead = 1;
        loop {
            let next = table.version + 1;
            let reads = (next..next + ahead).map(|version| self.entry(version));
            let mut entries = futures::stream::iter(reads).buffered(READS);
            while let Some(entry) = entries.try_next().await? {
                let Some(actions) = entry else {
                    return Ok(());
                };
                for action in &actions {
                    table.apply(self.store(), action)?;
                }
                table.version += 1;
            }
            ahead = (2 * ahead).min(MOST_AHEAD);
        }
    }

    /// Writes an entry, unless its version is taken. An error says nothing about
    /// whether it was written: ask again, with the same entry.
    pub(crate) async fn write(&self, entry: &Entry) -> Result<Written> {
        let path = entry_path(entry.version);
        let options = PutOptions::from(PutMode::Create);
        let put = self
            .location
            .store()
            .put_opts(&path, entry.to_bytes().into(), options)
            .await;
        match put {
            Ok(_) => Ok(Written::Ours),
            // Our own put may have arrived although it seemed to fail.
            Err(
                object_store::Error::AlreadyExists { .. }
                | object_store::Error::Precondition { .. },
            ) => {
                let actions = self.entry(entry.version).await?.unwrap_or_default();
                Ok(if entry.is(&actions) {
                    Written::Ours
                } else {
                    Written::Theirs
                })
            }
            Err(source) => Err(error::object("write", &path)(source)),
        }
    }

    /// The version of the newest checkpoint; 0 when there is none.
    pub(crate) async fn last_checkpoint(&self) -> Result<u64> {
        let path = Path::from_iter([LOG, "_last_checkpoint"]);
        let bytes = match self.location.store().get(&path).await {
            Ok(found) => found.bytes().await.map_err(error::object("read", &path))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(0),
            Err(source) => return Err(error::object("read", &path)(source)),
        };
        // A hint: readers that cannot make sense of it list the log.
        let hint: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(hint
            .get("version")
            .and_then(Value::as_u64)
            .unwrap_or_default())
    }

    /// Writes a checkpoint of the newest version, from which readers start, and
    /// removes entries that it made needless a day ago. Returns how many.
    pub(crate) async fn checkpoint(&self, now_ms: i64) -> Result<u64> {
        let mut delta = DeltaTable::new(Arc::clone(&self.log_store));
        delta.load().await.map_err(error::log("read"))?;
        create_checkpoint(&delta, None)
            .await
            .map_err(error::log("write a checkpoint of"))?;
        let version = delta.version().unwrap_or_default();
        let removed =
            cleanup_expired_logs_for(version, &self.log_store, now_ms - LOG_RETENTION_MS, None)
                .await
                .map_err(error::log("clean up"))?;
        Ok(removed as u64)
    }
}

fn entry_path(version: u64) -> Path {
    commit_uri_from_version(Some(version))
}

fn checkpoint_path(version: u64) -> Path {
    Path::from_iter([LOG, format!("{version:020}.checkpoint.parquet").as_str()])
}

fn missing(version: u64) -> Error {
    Error::Damaged {
        path: entry_path(version).to_string(),
        reason: "it is missing, and later ones are there".to_owned(),
    }
}

/// Actions as lines of JSON.
fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Value>> {
    let actions = serde_json::Deserializer::from_slice(bytes).into_iter();
    let actions: Result<Vec<_>, _> = actions.collect();
    actions.map_err(|source| Error::Damaged {
        path: path.to_string(),
        reason: source.to_string(),
    })
}
