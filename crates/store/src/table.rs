//! The state of the table at a version, as the log's actions make it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use deltalake_core::kernel::{Action, Add, Remove, Transaction};
use object_store::path::Path;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::data_file::{DataFile, date_text};
use crate::error::{Error, Result};
use crate::schema::{Columns, DATE_COLUMN};

/// The layout that this program reads and writes: columns, partitioning, what a
/// `txn` of the log means, and the objects beside it.
pub const LAYOUT_VERSION: u32 = 1;

/// The table property that holds the layout version.
const LAYOUT_PROPERTY: &str = "vpcflow.layout";

/// The protocol of Delta that the table asks of readers and writers.
/// <https://github.com/delta-io/delta/blob/master/PROTOCOL.md#protocol-evolution>
const READER_VERSION: u64 = 1;
const WRITER_VERSION: u64 = 2;

/// Versions between two checkpoints of the log.
pub(crate) const CHECKPOINT_INTERVAL: u64 = 100;

/// How long log entries that a checkpoint made needless are kept, for readers
/// that go back in time.
pub(crate) const LOG_RETENTION_MS: i64 = 24 * 3_600_000;

/// Files by path, as they are in the store.
pub(crate) type Files = BTreeMap<Path, Arc<DataFile>>;

/// Everything that the log says.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// The version of the log's newest entry.
    pub(crate) version: u64,
    pub(crate) columns: Columns,
    /// The identity of the table and the time it was made.
    id: String,
    created_ms: Option<i64>,
    properties: BTreeMap<String, String>,
    /// Shared with the snapshots of readers.
    pub(crate) files: Arc<Files>,
    /// For each application its newest transaction.
    pub(crate) transactions: BTreeMap<String, i64>,
    /// Files that readers of older versions may still want, and when they were
    /// removed, in milliseconds since the Unix epoch.
    pub(crate) tombstones: BTreeMap<Path, i64>,
}

impl Table {
    /// A table without rows, before its first entry is written.
    pub(crate) fn new(now_ms: i64) -> Table {
        let properties = [
            (LAYOUT_PROPERTY, LAYOUT_VERSION.to_string()),
            ("delta.checkpointInterval", CHECKPOINT_INTERVAL.to_string()),
            ("delta.logRetentionDuration", "interval 1 days".to_owned()),
            (
                "delta.deletedFileRetentionDuration",
                "interval 1 hours".to_owned(),
            ),
        ];
        Table {
            version: 0,
            columns: Columns::new(),
            id: Uuid::new_v4().to_string(),
            created_ms: Some(now_ms),
            properties: properties
                .map(|(key, value)| (key.to_owned(), value))
                .into(),
            files: Arc::default(),
            transactions: BTreeMap::new(),
            tombstones: BTreeMap::new(),
        }
    }

    /// As the actions of a first entry or of a checkpoint make it.
    ///
    /// # Errors
    /// When it is no table of this layout.
    pub(crate) fn from_actions(store: &str, version: u64, actions: &[Value]) -> Result<Table> {
        let mut table = Table {
            version,
            properties: BTreeMap::new(),
            ..Table::new(0)
        };
        for action in actions {
            table.apply(store, action)?;
        }
        if table.properties.is_empty() {
            return Err(Error::Foreign {
                store: store.to_owned(),
            });
        }
        Ok(table)
    }

    /// The first entry of a log: the oldest protocol that has what is used here,
    /// so that every reader takes it.
    pub(crate) fn creation(&self) -> Vec<Value> {
        vec![
            json!({ "protocol": {
                "minReaderVersion": READER_VERSION,
                "minWriterVersion": WRITER_VERSION,
            } }),
            self.metadata_action(),
        ]
    }

    /// The `metaData` action: identity, columns and properties.
    pub(crate) fn metadata_action(&self) -> Value {
        json!({ "metaData": {
            "id": self.id,
            "name": "flows",
            "description": "VPC flow log records, one a row",
            "format": { "provider": "parquet", "options": {} },
            "schemaString": self.columns.to_delta().to_string(),
            "partitionColumns": [DATE_COLUMN],
            "createdTime": self.created_ms,
            "configuration": self.properties,
        } })
    }

    fn set_metadata(&mut self, store: &str, metadata: &Value) -> Result<()> {
        let foreign = || Error::Foreign {
            store: store.to_owned(),
        };
        let text = |key: &str| metadata.get(key).and_then(Value::as_str);
        let properties = metadata
            .get("configuration")
            .and_then(Value::as_object)
            .ok_or_else(foreign)?;
        self.properties = properties
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
        let layout = self.properties.get(LAYOUT_PROPERTY).ok_or_else(foreign)?;
        let found = layout.parse().map_err(|_| foreign())?;
        if found != LAYOUT_VERSION {
            return Err(Error::Layout {
                store: store.to_owned(),
                found,
                known: LAYOUT_VERSION,
            });
        }
        self.id = text("id").ok_or_else(foreign)?.to_owned();
        self.created_ms = metadata.get("createdTime").and_then(Value::as_i64);
        let schema: Value = text("schemaString")
            .and_then(|schema| serde_json::from_str(schema).ok())
            .ok_or_else(foreign)?;
        self.columns = Columns::from_delta(&schema).ok_or_else(foreign)?;
        Ok(())
    }

    /// Takes an action of the log.
    ///
    /// # Errors
    /// When it makes the table one of another layout.
    pub(crate) fn apply(&mut self, store: &str, action: &Value) -> Result<()> {
        if let Some(metadata) = action.get("metaData") {
            return self.set_metadata(store, metadata);
        }
        if let Some(protocol) = action.get("protocol") {
            return check_protocol(store, protocol);
        }
        match serde_json::from_value(action.clone()) {
            Ok(Action::Add(add)) => self.add(data_file(&add)),
            Ok(Action::Remove(remove)) => {
                self.remove(&log_path(&remove.path), remove.deletion_timestamp);
            }
            Ok(Action::Txn(transaction)) => {
                self.transactions
                    .insert(transaction.app_id, transaction.version);
            }
            // Nothing of the state: who committed, and what comes later.
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn add(&mut self, file: DataFile) {
        self.tombstones.remove(&file.path);
        Arc::make_mut(&mut self.files).insert(file.path.clone(), Arc::new(file));
    }

    fn remove(&mut self, path: &Path, deleted_ms: Option<i64>) {
        Arc::make_mut(&mut self.files).remove(path);
        self.tombstones
            .insert(path.clone(), deleted_ms.unwrap_or_default());
    }
}

/// What another tool asked of readers and writers may be beyond this program.
fn check_protocol(store: &str, protocol: &Value) -> Result<()> {
    let version = |key: &str| protocol.get(key).and_then(Value::as_u64);
    let is_ours = version("minReaderVersion") == Some(READER_VERSION)
        && version("minWriterVersion") == Some(WRITER_VERSION);
    match is_ours {
        true => Ok(()),
        false => Err(Error::Foreign {
            store: store.to_owned(),
        }),
    }
}

/// A path of the log: relative to the table, percent-encoded there.
pub(crate) fn log_path(path: &str) -> Path {
    Path::parse(path).unwrap_or_else(|_| Path::from(path))
}

fn data_file(add: &Add) -> DataFile {
    let date = add.partition_values.get(DATE_COLUMN).cloned().flatten();
    DataFile::new(
        log_path(&add.path),
        u64::try_from(add.size).unwrap_or_default(),
        date.and_then(|date| date.parse().ok()),
        add.modification_time,
        add.stats.clone(),
    )
}

fn partition(date: Option<NaiveDate>) -> std::collections::HashMap<String, Option<String>> {
    [(DATE_COLUMN.to_owned(), date_text(date))].into()
}

/// The action that adds a file; `data_change` unless its rows were there before.
pub(crate) fn add_action(file: &DataFile, data_change: bool) -> Value {
    to_value(Action::Add(Add {
        path: file.path.to_string(),
        partition_values: partition(file.date),
        size: i64::try_from(file.size_bytes).unwrap_or(i64::MAX),
        modification_time: file.modified_ms,
        data_change,
        stats: file.stats_json().map(ToOwned::to_owned),
        ..Add::default()
    }))
}

/// The action that removes a file; `data_change` unless its rows stay.
pub(crate) fn remove_action(file: &DataFile, data_change: bool, now_ms: i64) -> Value {
    to_value(Action::Remove(Remove {
        path: file.path.to_string(),
        data_change,
        deletion_timestamp: Some(now_ms),
        extended_file_metadata: Some(true),
        partition_values: Some(partition(file.date)),
        size: Some(i64::try_from(file.size_bytes).unwrap_or(i64::MAX)),
        ..Remove::default()
    }))
}

/// The action that sets the version of an application.
pub(crate) fn transaction_action(application: &str, version: i64, now_ms: i64) -> Value {
    to_value(Action::Txn(Transaction::new_with_last_update(
        application,
        version,
        Some(now_ms),
    )))
}

fn to_value(action: Action) -> Value {
    // Maps with text as keys: nothing that JSON has not.
    serde_json::to_value(action).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> DataFile {
        let stats = r#"{"numRecords":3}"#.to_owned();
        DataFile::new(name.into(), 10, None, 5, Some(stats))
    }

    #[test]
    fn actions_make_the_state() {
        let mut table = Table::new(0);
        let (first, second) = (file("date=2026-11-22/a.parquet"), file("b.parquet"));
        for action in [
            add_action(&first, true),
            add_action(&second, true),
            transaction_action("source", 7, 0),
            remove_action(&second, false, 9),
        ] {
            table.apply("store", &action).unwrap();
        }
        assert_eq!(
            table
                .files
                .values()
                .map(|f| (**f).clone())
                .collect::<Vec<_>>(),
            [first]
        );
        assert_eq!(table.transactions["source"], 7);
        assert_eq!(table.tombstones[&second.path], 9);
    }

    #[test]
    fn other_tables_are_refused() {
        let creation = Table::new(0).creation();
        assert!(Table::from_actions("s", 0, &creation).is_ok());
        let read = |change: &dyn Fn(&mut [Value])| {
            let mut actions = creation.clone();
            change(&mut actions);
            Table::from_actions("s", 0, &actions).unwrap_err()
        };
        let newer = read(&|actions| {
            actions[1]["metaData"]["configuration"][LAYOUT_PROPERTY] = "2".into();
        });
        assert!(matches!(newer, Error::Layout { found: 2, .. }));
        assert!(newer.hint().unwrap().contains("newer"));
        for foreign in [
            read(&|actions| actions[1]["metaData"]["configuration"] = json!({})),
            read(&|actions| actions[1] = json!({})),
            read(&|actions| actions[0]["protocol"]["minReaderVersion"] = 3.into()),
        ] {
            assert!(matches!(foreign, Error::Foreign { .. }));
        }
    }
}
