//! The first entry of a new table's log, on its way while the first rows come.

use tokio::task::JoinSet;

use super::Store;
use super::open::load;
use crate::error::{Error, Result};
use crate::location::Location;
use crate::log::{Entry, Log, Written};
use crate::table::Table;

/// A table that is being made. Its directories and its first entry are synchronised one
/// after the other, for which no source has to wait: only the entry of the first commit.
#[derive(Debug)]
pub(super) struct Creation {
    location: Location,
    log: Log,
    table: Table,
    entry: Entry,
    writing: JoinSet<Result<Written>>,
}

impl Creation {
    /// Begins to write the first entry.
    pub(super) fn start(location: &Location, log: &Log, table: Table, now_ms: i64) -> Creation {
        let entry = Entry::new(0, "CREATE TABLE", table.creation(), now_ms);
        let mut writing = JoinSet::new();
        let (own_log, own_entry) = (log.clone(), entry.clone());
        writing.spawn(async move { own_log.write(&own_entry).await });
        Creation {
            location: location.clone(),
            log: log.clone(),
            table,
            entry,
            writing,
        }
    }

    /// Waits for the entry, and writes it again if that failed. Gives the table: this
    /// one, unless another process has made one at this moment.
    pub(super) async fn finish(&mut self) -> Result<Table> {
        let written = match self.writing.join_next().await {
            Some(Ok(Ok(written))) => written,
            _ => self.log.write(&self.entry).await?,
        };
        match written {
            Written::Ours => Ok(self.table.clone()),
            Written::Theirs => match load(&self.location, &self.log).await? {
                Some((table, _)) => Ok(table),
                None => Err(Error::Missing {
                    store: self.location.name().to_owned(),
                }),
            },
        }
    }
}

impl Store {
    /// Waits until there is a table: nothing is committed before.
    pub(super) async fn finish_creation(&mut self) -> Result<()> {
        let Some(creation) = &mut self.creation else {
            return Ok(());
        };
        let table = creation.finish().await?;
        if table.version > 0 {
            return Err(self.other_owner(1));
        }
        self.live.lock().table = table.into();
        self.creation = None;
        Ok(())
    }
}
