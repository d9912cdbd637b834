//! Reading a store that another process may write.

use crate::error::{Error, Result};
use crate::live::Snapshot;
use crate::location::Location;
use crate::log::Log;
use crate::source::{Cursors, SourceState};
use crate::store::load;
use crate::table::Table;

/// Reads what is committed. Any number of readers do, beside the writer.
#[derive(Debug)]
pub struct Reader {
    pub(crate) location: Location,
    pub(crate) log: Log,
    pub(crate) table: Table,
    pub(crate) states: Vec<SourceState>,
}

impl Reader {
    /// Opens a store.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Foreign`] and [`Error::Layout`] as they say;
    /// others when it cannot be read.
    pub async fn open(location: &Location) -> Result<Reader> {
        let log = Log::new(location);
        match load(location, &log).await? {
            Some((table, states)) => Ok(Reader {
                location: location.clone(),
                log,
                table,
                states,
            }),
            None => Err(Error::Missing {
                store: location.name().to_owned(),
            }),
        }
    }

    /// All rows that are committed at this moment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn snapshot(&mut self) -> Result<Snapshot> {
        let before = self.table.transactions.clone();
        self.log.advance(&mut self.table).await?;
        if self.log.last_checkpoint().await? > self.table.version {
            // The entries between are gone: it is long since the last call.
            *self = Reader::open(&self.location).await?;
        }
        let cursors = Cursors(self.location.store().as_ref());
        for (application, seq) in &self.table.transactions {
            let Some(key) = crate::source::key_of(application) else {
                continue;
            };
            if before.get(application) != Some(seq) {
                let state = cursors.state(key, *seq).await?;
                self.states.retain(|known| known.source != state.source);
                self.states.push(state);
            }
        }
        Ok(Snapshot::committed(
            self.location.clone(),
            &self.table,
            self.states.clone(),
        ))
    }
}
