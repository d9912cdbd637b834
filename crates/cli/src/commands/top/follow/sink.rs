//! What becomes of the records of a live ranking.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use vpcflow_ingest::{Clock, Decoded, Sink, SinkError, SystemClock};
use vpcflow_query::{Error, LiveTop, ReadCounts, RowFilter, adapt};

/// Takes the records of all sources.
pub(super) struct Intake {
    schema: SchemaRef,
    filter: RowFilter,
    pub(super) top: LiveTop,
    counts: ReadCounts,
    notice: Option<String>,
}

impl Intake {
    pub(super) fn new(schema: SchemaRef, filter: RowFilter, top: LiveTop) -> Intake {
        Intake {
            schema,
            filter,
            top,
            counts: ReadCounts::default(),
            notice: None,
        }
    }

    /// What was read so far.
    pub(super) fn counts(&self) -> ReadCounts {
        self.counts
    }

    /// The last sentence that a source said.
    pub(super) fn notice(&self) -> Option<&str> {
        self.notice.as_deref()
    }

    fn take(&mut self, batch: &Decoded) -> Result<(), Error> {
        self.counts.add(batch);
        let rows = self.filter.apply(&adapt(&batch.rows, &self.schema)?)?;
        self.top.take(&rows, SystemClock.now_ms())
    }
}

/// The way to it from a source.
pub(super) struct LiveSink(Arc<Mutex<Intake>>);

impl LiveSink {
    pub(super) fn new(intake: Arc<Mutex<Intake>>) -> LiveSink {
        LiveSink(intake)
    }
}

#[async_trait]
impl Sink for LiveSink {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        let mut intake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(intake.take(&batch)?)
    }

    fn notice(&mut self, message: &str) {
        let mut intake = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        intake.notice = Some(message.to_owned());
    }
}
