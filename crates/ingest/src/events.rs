//! Events of a log group to rows: the record's columns and where it came from.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringViewBuilder;
use arrow_array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use vpcflow_record::{DecodeOptions, Decoder, Format, Policy, RejectsBuilder, flows_schema};

use crate::checkpoint::CheckpointDelta;
use crate::follow::CommittedEvents;
use crate::follow::Delivery;
use crate::group::LogEvent;
use crate::sink::{Decoded, EventSink, Sink, SinkError};

/// Events of a page at most, which become one batch: more room than a batch of
/// text has, so that none grows to twice of it.
const PAGE_EVENTS: usize = 10_000;

/// The columns that rows of a log group have after those of the record.
fn origin_fields() -> [Field; 4] {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    [
        Field::new("log_group", DataType::Utf8View, true),
        Field::new("log_stream", DataType::Utf8View, true),
        Field::new("event_id", DataType::Utf8View, true),
        Field::new("ingestion_time", time, true),
    ]
}

/// The schema of `flows` for a log group of this format: the record's columns,
/// then `log_group`, `log_stream`, `event_id` and `ingestion_time`.
pub fn events_schema(format: &Format) -> SchemaRef {
    let flows = flows_schema([format]);
    let origin = origin_fields().map(Arc::new);
    Arc::new(Schema::new(
        flows
            .fields()
            .iter()
            .cloned()
            .chain(origin)
            .collect::<Vec<_>>(),
    ))
}

/// Decodes the events of one log group.
#[derive(Debug)]
pub struct EventDecoder {
    group: String,
    schema: SchemaRef,
    decoder: Decoder,
}

impl EventDecoder {
    /// A decoder for the log group of this name and format; the policy says what
    /// is refused.
    pub fn new(group: impl Into<String>, format: Format, policy: Policy) -> EventDecoder {
        let schema = events_schema(&format);
        // A header in a log group is an event that somebody put there by hand.
        let options = DecodeOptions {
            batch_rows: PAGE_EVENTS,
            headers: false,
            policy,
            ..DecodeOptions::default()
        };
        EventDecoder {
            group: group.into(),
            schema,
            decoder: Decoder::new(format, options),
        }
    }

    /// The schema of the rows: [`events_schema`] of the format.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Decodes events: one record each.
    ///
    /// # Errors
    /// None that are known: the columns are built to the schema.
    pub fn decode(&mut self, events: &[LogEvent]) -> Result<Decoded, ArrowError> {
        let before = self.decoder.counts();
        let mut rejects = RejectsBuilder::default();
        let mut streams = text_of(events.iter().map(|event| event.stream.as_ref()));
        let mut event_ids = text_of(events.iter().map(|event| event.event_id.as_str()));
        let mut ingestion_times = Vec::with_capacity(events.len());
        for event in events {
            if self.decoder.decode_message(event.message.as_bytes()) {
                streams.append_value(&event.stream);
                event_ids.append_value(&event.event_id);
                ingestion_times.push(event.ingestion_time_ms.map(|time_ms| time_ms * 1000));
            }
            for reject in self.decoder.take_rejects() {
                let source = format!("logs:{}/{}", self.group, event.stream);
                rejects.append(&source, None, Some(&event.event_id), &reject);
            }
        }
        let rows = match self.decoder.flush()? {
            None => RecordBatch::new_empty(Arc::clone(&self.schema)),
            Some(records) => {
                let mut groups = StringViewBuilder::new();
                for _ in 0..records.num_rows() {
                    groups.append_value(&self.group);
                }
                let ingestion_times = TimestampMicrosecondArray::from(ingestion_times);
                let origin: [ArrayRef; 4] = [
                    Arc::new(groups.finish()),
                    Arc::new(streams.finish()),
                    Arc::new(event_ids.finish()),
                    Arc::new(ingestion_times.with_timezone("UTC")),
                ];
                let columns = records.columns().iter().cloned().chain(origin).collect();
                RecordBatch::try_new(Arc::clone(&self.schema), columns)?
            }
        };
        Ok(Decoded {
            rows,
            rejects: rejects.finish()?,
            bytes: self.decoder.counts().bytes - before.bytes,
            cut: self.decoder.counts().cut - before.cut,
        })
    }
}

/// Room for these values, and no more: left to itself, text grows to twice of it, and
/// rows wait in memory by the hundred thousand.
fn text_of<'a>(values: impl ExactSizeIterator<Item = &'a str>) -> StringViewBuilder {
    let builder = StringViewBuilder::with_capacity(values.len());
    let bytes: usize = values.map(str::len).sum();
    match u32::try_from(bytes) {
        Ok(bytes) if bytes > 0 => builder.with_fixed_block_size(bytes),
        _ => builder,
    }
}

/// Decodes events and hands the rows to a [`Sink`].
#[derive(Debug)]
pub struct DecodingSink<S> {
    decoder: EventDecoder,
    sink: S,
}

impl<S: Sink> DecodingSink<S> {
    /// Decodes with `decoder` for `sink`.
    pub fn new(decoder: EventDecoder, sink: S) -> DecodingSink<S> {
        DecodingSink { decoder, sink }
    }

    /// The sink, when all is done.
    pub fn into_inner(self) -> S {
        self.sink
    }
}

#[async_trait]
impl<S: Sink> EventSink for DecodingSink<S> {
    async fn deliver(&mut self, delivery: Delivery) -> Result<(), SinkError> {
        if !delivery.events.is_empty() {
            let decoded = self.decoder.decode(&delivery.events)?;
            // Writing may take its time.
            drop(delivery.events);
            self.sink.write(decoded).await?;
        }
        let step = CheckpointDelta::LogGroup(delivery.checkpoint);
        self.sink.checkpoint(delivery.sequence, step).await
    }

    fn acknowledged(&self) -> u64 {
        self.sink.acknowledged()
    }

    async fn committed(&mut self, times: Range<i64>) -> Result<Option<CommittedEvents>, SinkError> {
        self.sink.committed(times).await
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        self.sink.settle().await
    }

    fn notice(&mut self, message: &str) {
        self.sink.notice(message);
    }
}
