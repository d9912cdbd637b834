//! Opening a store for writing: ownership, recovery.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use vpcflow_ingest::Clock;

use super::append::{FileWriter, remove};
use super::creation::Creation;
use super::{Store, StoreOptions};
use crate::durable::remove_staged;
use crate::error::{Error, Result};
use crate::live::{Live, Shared};
use crate::location::Location;
use crate::lock::Lock;
use crate::log::{Entry, Log, Written};
use crate::orphans::find_orphans;
use crate::source::{Cursors, SourceId, SourceState, key_of};
use crate::table::{Table, transaction_action};

/// Counts the owners of a store that is not on this machine.
const OWNER: &str = "vpcflow:owner";

/// Tries to become the owner while others do the same.
const CLAIMS: usize = 8;

impl Store {
    /// Opens a store for writing, and makes it when there is none and the options
    /// say so: on this machine beside what comes then, so that others find it a moment
    /// later, and surely after [`Store::commit`]. What a killed writer left without
    /// committing it is removed.
    ///
    /// On this machine a lock keeps a second writer out. Elsewhere the one that
    /// opens a store takes it over: the writer before finds that at its next
    /// commit, and stops.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Missing`], [`Error::Foreign`], [`Error::Layout`]
    /// as they say; others when the place cannot be read or written.
    pub async fn open(
        location: &Location,
        options: StoreOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Store> {
        let log = Log::new(location);
        let missing = || Error::Missing {
            store: location.name().to_owned(),
        };
        let lock = match location.as_directory() {
            Some(directory) if !options.create && !directory.is_dir() => return Err(missing()),
            Some(directory) => Some(Lock::take(directory, location.name())?),
            None => None,
        };
        let loaded = load(location, &log).await?;
        if loaded.is_none() && !options.create {
            return Err(missing());
        }
        let is_new = loaded.is_none();
        let now_ms = clock.now_ms();
        let new = || (Table::new(now_ms), Vec::new());
        let (mut table, mut states) = loaded.unwrap_or_else(new);
        if lock.is_none() {
            if is_new {
                Creation::start(location, &log, table, now_ms)
                    .finish()
                    .await?;
            }
            (table, states) = claim(location, &log, now_ms).await?;
        }
        if let Some(directory) = location.as_directory() {
            remove_staged(directory).map_err(|source| Error::File {
                action: "clean up",
                path: directory.display().to_string(),
                source,
            })?;
        }
        let orphans = find_orphans(location, &table, &states).await?;
        let paths = orphans.into_iter().map(|orphan| orphan.path);
        remove(location.store().as_ref(), paths).await;

        let checkpointed = log.last_checkpoint().await?;
        // After what was left half-written is removed.
        let creation = (is_new && lock.is_some())
            .then(|| Creation::start(location, &log, table.clone(), now_ms));
        let columns = table.columns.clone();
        let shared = Shared {
            table: Arc::new(table),
            columns,
            sources: states
                .into_iter()
                .map(|state| (state.source.clone(), Arc::new(state)))
                .collect(),
            hot: BTreeMap::new(),
        };
        Ok(Store {
            files: FileWriter::new(Arc::clone(location.store()), &options),
            location: location.clone(),
            options,
            clock,
            log,
            live: Live::new(location.clone(), shared),
            _lock: lock,
            next_append: 0,
            progress: BTreeMap::new(),
            spills: JoinSet::new(),
            spilling_bytes: 0,
            creation,
            in_doubt: None,
            compaction: None,
            checkpointed,
            failures: Vec::new(),
            is_closed: false,
        })
    }

    /// The state of a source before anything was appended: an error when another
    /// source has the same key, which only a clash of hashes could bring about.
    pub(super) fn check_identity(&self, source: &SourceId) -> Result<()> {
        if self.progress.contains_key(source) {
            return Ok(());
        }
        let key = source.key();
        let shared = self.live.lock();
        match shared.sources.keys().find(|known| known.key() == key) {
            Some(known) if known != source => Err(Error::SameKey {
                first: known.to_string(),
                second: source.to_string(),
            }),
            _ => Ok(()),
        }
    }
}

/// The table and what is committed of each source. `None` when there is no table.
pub(crate) async fn load(
    location: &Location,
    log: &Log,
) -> Result<Option<(Table, Vec<SourceState>)>> {
    let Some(table) = log.load().await? else {
        return Ok(None);
    };
    let cursors = Cursors(location.store().as_ref());
    let mut states = Vec::new();
    for (application, seq) in &table.transactions {
        if let Some(key) = key_of(application) {
            states.push(cursors.state(key, *seq).await?);
        }
    }
    Ok(Some((table, states)))
}

/// Writes an entry that makes this process the owner: whoever was it before fails
/// at the next commit, since its version is taken. Only then are leftovers surely
/// nobody's.
async fn claim(location: &Location, log: &Log, now_ms: i64) -> Result<(Table, Vec<SourceState>)> {
    let mut version = 0;
    for _ in 0..CLAIMS {
        let Some((mut table, states)) = load(location, log).await? else {
            break;
        };
        version = table.version + 1;
        let owner = table.transactions.get(OWNER).copied().unwrap_or_default() + 1;
        let claim = transaction_action(OWNER, owner, now_ms);
        let entry = Entry::new(version, "CLAIM", vec![claim], now_ms);
        if log.write(&entry).await? == Written::Ours {
            for action in &entry.actions {
                table.apply(location.name(), action)?;
            }
            table.version = version;
            return Ok((table, states));
        }
    }
    Err(Error::OtherOwner {
        store: location.name().to_owned(),
        version,
    })
}
