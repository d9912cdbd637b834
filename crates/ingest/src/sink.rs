//! Where records go.

use arrow_array::RecordBatch;
use async_trait::async_trait;

use crate::group::LogEvent;

/// A failure of what takes the records.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Decoded rows and the refused lines among their input. Either may be empty.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Rows of `flows`.
    pub rows: RecordBatch,
    /// Rows of `rejects`.
    pub rejects: RecordBatch,
}

/// Takes decoded batches: prints them, keeps them in memory, or stores them.
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch. When this returns, the batch is the sink's.
    ///
    /// # Errors
    /// When the sink cannot take it; following ends then.
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError>;

    /// All that the sources had was written; more may follow. A sink that
    /// gathers rows passes them on here.
    ///
    /// # Errors
    /// As [`Sink::write`].
    async fn settle(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes a sentence that the user should read, such as that a file got
    /// shorter.
    fn notice(&mut self, message: &str);
}

/// Takes the new events of a log group.
#[async_trait]
pub trait EventSink: Send {
    /// Takes events. When this returns, they are the sink's.
    ///
    /// # Errors
    /// When the sink cannot take them; following ends then.
    async fn events(&mut self, events: Vec<LogEvent>) -> Result<(), SinkError>;

    /// All that the group had was handed over; more may follow.
    ///
    /// # Errors
    /// As [`EventSink::events`].
    async fn settle(&mut self) -> Result<(), SinkError> {
        Ok(())
    }
}
