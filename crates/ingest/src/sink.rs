//! Where records go.

use std::ops::Range;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use vpcflow_record::compact;

use crate::checkpoint::CheckpointDelta;
use crate::follow::{CommittedEvents, Delivery};

/// A failure of what takes the records.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Decoded rows and the refused lines among their input. Either may be empty.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// Rows of `flows`.
    pub rows: RecordBatch,
    /// Rows of `rejects`.
    pub rejects: RecordBatch,
    /// Bytes of text that these were decoded from.
    pub bytes: u64,
    /// Rows without the values that followed their last field, which only the
    /// lenient policy leaves out.
    pub cut: u64,
}

/// Takes decoded batches: prints them, keeps them in memory, or stores them.
///
/// A sink that keeps rows for good makes them durable together with the
/// checkpoint, and only at a [`checkpoint`](Sink::checkpoint): all that was
/// written before it, and nothing after. It holds a source back by taking its
/// time in [`write`](Sink::write).
#[async_trait]
pub trait Sink: Send {
    /// Takes a batch. When this returns, the batch is the sink's.
    ///
    /// # Errors
    /// When the sink cannot take it; following ends then.
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError>;

    /// All batches of a delivery were written: with them and those of earlier
    /// deliveries, the source stands where this step leads. Deliveries of a
    /// source are counted by `sequence`, from 1 in each process.
    ///
    /// # Errors
    /// As [`Sink::write`].
    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        let _ = (sequence, step);
        Ok(())
    }

    /// The newest delivery that is durable, with all before it. A sink that
    /// keeps nothing has done all it will do: [`u64::MAX`].
    fn acknowledged(&self) -> u64 {
        u64::MAX
    }

    /// The events with these event times that the sink was ever handed, rows and
    /// rejects, durable or not yet; more do no harm. `None` if it keeps none. The
    /// stream of a reject is in its `source`, after `logs:GROUP/`.
    ///
    /// # Errors
    /// As [`Sink::write`].
    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        let _ = times;
        Ok(None)
    }

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

/// Keeps all batches in memory: for bounded readings.
#[derive(Debug, Default)]
pub struct Collected {
    /// Batches of `flows`; none is empty.
    pub rows: Vec<RecordBatch>,
    /// Batches of `rejects`; none is empty.
    pub rejects: Vec<RecordBatch>,
    /// Bytes of text that they were decoded from.
    pub bytes: u64,
    /// Rows without the values that followed their last field.
    pub cut: u64,
}

#[async_trait]
impl Sink for Collected {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        if batch.rows.num_rows() > 0 {
            self.rows.push(compact(batch.rows));
        }
        if batch.rejects.num_rows() > 0 {
            self.rejects.push(batch.rejects);
        }
        self.bytes += batch.bytes;
        self.cut += batch.cut;
        Ok(())
    }

    /// Only files that are followed give notices, and those have no end.
    fn notice(&mut self, _message: &str) {}
}

/// Takes the new events of a log group: a [`Sink`] before decoding.
#[async_trait]
pub trait EventSink: Send {
    /// Takes new events and what they mean for the checkpoint. When this
    /// returns, they are the sink's.
    ///
    /// # Errors
    /// When the sink cannot take them; following ends then.
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), SinkError>;

    /// As [`Sink::acknowledged`].
    fn acknowledged(&self) -> u64 {
        u64::MAX
    }

    /// As [`Sink::committed`].
    ///
    /// # Errors
    /// As [`EventSink::deliver`].
    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        let _ = times;
        Ok(None)
    }

    /// All that the group had was handed over; more may follow.
    ///
    /// # Errors
    /// As [`EventSink::deliver`].
    async fn settle(&mut self) -> Result<(), SinkError> {
        Ok(())
    }

    /// Takes a sentence that the user should read.
    fn notice(&mut self, message: &str);
}
