//! The log of the table: reading it, adding an entry, checkpoints.
//!
//! deltalake reads the log and writes checkpoints. Entries are written here:
//! its own commit loads the list of all files again after each one, which takes
//! longer the more there are.

use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::{cleanup_expired_logs_for, create_checkpoint};
use deltalake_core::logstore::{
    LogStoreConfig, LogStoreRef, StorageConfig, commit_uri_from_version, default_logstore,
};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::data_file::DataFile;
use crate::error::{self, Error, Result};
use crate::location::Location;
use crate::schema::DATE_COLUMN;
use crate::table::{LOG_RETENTION_MS, Table, log_path};

/// Transactions looked up at a time.
const LOOKUPS: usize = 8;

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

    /// The table at its newest version, with the transactions of these
    /// applications. `None` when there is no table.
    pub(crate) async fn load(&self, applications: &[String]) -> Result<Option<Table>> {
        let exists = self.log_store.is_delta_table_location().await;
        if !exists.map_err(error::log("read"))? {
            return Ok(None);
        }
        let mut delta = DeltaTable::new(Arc::clone(&self.log_store));
        delta.load().await.map_err(error::log("read"))?;
        let state = delta.snapshot().map_err(error::log("read"))?;
        let metadata = json!({
            "id": state.metadata().id(),
            "createdTime": state.metadata().created_time(),
            "configuration": state.metadata().configuration(),
            "schemaString": serde_json::to_string(state.schema().as_ref()).unwrap_or_default(),
        });
        let mut table = Table::from_metadata(self.store(), state.version(), &metadata)?;
        for file in state.log_data().iter() {
            let date = file.partition_values_map().remove(DATE_COLUMN).flatten();
            table.add(DataFile::new(
                log_path(&file.path()),
                u64::try_from(file.size()).unwrap_or_default(),
                date.and_then(|date| date.parse().ok()),
                file.modification_time(),
                file.stats(),
            ));
        }
        let mut tombstones = state.all_tombstones(&self.log_store);
        while let Some(tombstone) = tombstones.try_next().await.map_err(error::log("read"))? {
            let deleted_ms = tombstone.deletion_timestamp().unwrap_or_default();
            table
                .tombstones
                .insert(log_path(&tombstone.path()), deleted_ms);
        }
        let state = Arc::new(state.clone());
        let lookups = applications.iter().cloned().map(|application| {
            let (state, log_store) = (Arc::clone(&state), Arc::clone(&self.log_store));
            async move {
                let version = state.transaction_version(&log_store, &application).await;
                Ok::<_, Error>((application, version.map_err(error::log("read"))?))
            }
        });
        let versions: Vec<_> = futures::stream::iter(lookups.collect::<Vec<_>>())
            .buffer_unordered(LOOKUPS)
            .try_collect()
            .await?;
        for (application, version) in versions {
            if let Some(version) = version {
                table.transactions.insert(application, version);
            }
        }
        Ok(Some(table))
    }

    /// The actions of one entry; `None` when the log has none of this version.
    pub(crate) async fn entry(&self, version: u64) -> Result<Option<Vec<Value>>> {
        let path = entry_path(version);
        let bytes = match self.location.store().get(&path).await {
            Ok(found) => found.bytes().await.map_err(error::object("read", &path))?,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(error::object("read", &path)(source)),
        };
        let actions = serde_json::Deserializer::from_slice(&bytes)
            .into_iter()
            .collect::<Result<Vec<Value>, _>>();
        let actions = actions.map_err(|source| Error::Damaged {
            path: path.to_string(),
            reason: source.to_string(),
        })?;
        Ok(Some(actions))
    }

    /// Takes the entries after the table's version, as long as the log has them
    /// all.
    pub(crate) async fn advance(&self, table: &mut Table) -> Result<()> {
        while let Some(actions) = self.entry(table.version + 1).await? {
            for action in &actions {
                table.apply(self.store(), action)?;
            }
            table.version += 1;
        }
        Ok(())
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
        let path = Path::from("_delta_log/_last_checkpoint");
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
