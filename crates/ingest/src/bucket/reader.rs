//! Reading what is new in a bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vpcflow_record::{DecodeOptions, Format, Policy, flows_schema};

use super::checkpoint::{ObjectsCheckpoint, ObjectsDelta};
use super::error::BucketError;
use super::object::read_ahead;
use crate::checkpoint::CheckpointDelta;
use crate::input::{FileDecoder, InputError, InputFile};
use crate::sink::{Decoded, Sink, SinkError};

/// Batches of an object that are decoded ahead of the sink.
const AHEAD: usize = 2;

/// Decodes objects in Parquet, which this crate knows nothing of.
pub trait ParquetDecoder: Send + Sync + fmt::Debug {
    /// The records of an object.
    fn decode(&self, file: InputFile) -> BoxStream<'static, Result<Decoded, SinkError>>;
}

/// Hands the objects of a bucket to a sink, each once.
///
/// An object is taken as a whole: its last batch and the step of the checkpoint that
/// says so become durable together, and what was taken of an object that is broken off
/// in the middle never does. An object that is gone when its turn comes, or was
/// replaced, is told and counted, and is no failure: the next listing has what is there
/// then.
#[derive(Debug)]
pub struct BucketReader {
    declared: Option<Format>,
    policy: Policy,
    parquet: Arc<dyn ParquetDecoder>,
    known: ObjectsCheckpoint,
    sequence: u64,
    counts: ObjectCounts,
}

/// What became of the objects that were listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Read.
    pub read: u64,
    /// Known, and not asked for.
    pub known: u64,
    /// Gone or replaced when their turn came.
    pub gone: u64,
}

impl BucketReader {
    /// Goes on where the checkpoint stands. Text has the declared format, or that of its
    /// header; the policy says what of it is refused.
    pub fn resume(
        declared: Option<Format>,
        policy: Policy,
        parquet: Arc<dyn ParquetDecoder>,
        checkpoint: ObjectsCheckpoint,
    ) -> BucketReader {
        BucketReader {
            declared,
            policy,
            parquet,
            known: checkpoint,
            sequence: 0,
            counts: ObjectCounts::default(),
        }
    }

    /// What became of the objects so far.
    pub fn counts(&self) -> ObjectCounts {
        self.counts
    }

    /// Reads those of these objects, all of one bucket, that were not read before.
    /// The next ones are fetched meanwhile.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When an object cannot be read, or the sink fails. Objects before it are done.
    pub async fn read(
        &mut self,
        objects: Vec<InputFile>,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
    ) -> Result<(), SinkError> {
        // One that is named twice is one.
        let objects: BTreeMap<String, InputFile> = objects
            .into_iter()
            .map(|file| (file.name.clone(), file))
            .collect();
        let (known, new): (Vec<_>, Vec<_>) =
            objects.into_values().partition(|file| self.is_known(file));
        self.counts.known += known.len() as u64;
        for file in read_ahead(new) {
            if stop.is_cancelled() {
                break;
            }
            let read = self.read_object(&file, sink, stop).await?;
            if stop.is_cancelled() {
                break;
            }
            if read {
                self.counts.read += 1;
                self.note(&file, sink).await?;
            } else {
                self.counts.gone += 1;
            }
        }
        sink.settle().await
    }

    fn is_known(&self, file: &InputFile) -> bool {
        let object = file.object.as_ref();
        object.is_some_and(|object| self.known.has(object.directory(), object.identity()))
    }

    /// The object was handed over.
    async fn note(&mut self, file: &InputFile, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let Some(object) = &file.object else {
            return Ok(());
        };
        let delta = ObjectsDelta::of(object.directory(), object.identity());
        self.known.apply(&delta);
        self.sequence += 1;
        sink.checkpoint(self.sequence, CheckpointDelta::Objects(delta))
            .await
    }

    /// Hands one object over; returns whether it was there.
    async fn read_object(
        &self,
        file: &InputFile,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
    ) -> Result<bool, SinkError> {
        let mut batches = match file.is_parquet() {
            true => self.parquet.decode(file.clone()),
            false => self.text(file.clone()),
        };
        let mut is_begun = false;
        while let Some(batch) = batches.next().await {
            match batch {
                Ok(batch) => sink.write(batch).await?,
                Err(error) => match error.downcast_ref::<InputError>() {
                    Some(InputError::Bucket(
                        cause @ (BucketError::Gone { .. } | BucketError::Replaced { .. }),
                    )) if !is_begun => {
                        sink.notice(&format!("{cause}: it is left out"));
                        return Ok(false);
                    }
                    _ => return Err(error),
                },
            }
            is_begun = true;
            if stop.is_cancelled() {
                break;
            }
        }
        Ok(true)
    }

    /// The records of an object of text, decoded on a thread that may block.
    fn text(&self, file: InputFile) -> BoxStream<'static, Result<Decoded, SinkError>> {
        let (declared, policy) = (self.declared.clone(), self.policy);
        let (sender, batches) = mpsc::channel(AHEAD);
        let decoding = tokio::task::spawn_blocking(move || {
            let decoder = decoder(&file, declared.as_ref(), policy);
            let batches = match decoder {
                Ok(decoder) => decoder,
                Err(error) => return drop(sender.blocking_send(Err(error.into()))),
            };
            for batch in batches {
                if sender
                    .blocking_send(batch.map_err(SinkError::from))
                    .is_err()
                {
                    return;
                }
            }
        });
        // The thread has ended when its last batch was taken, unless it broke off.
        let ended = futures::stream::once(decoding)
            .filter_map(async |ended| ended.err().map(|error| Err(error.into())));
        let batches = futures::stream::unfold(batches, async |mut batches| {
            let batch = batches.recv().await?;
            Some((batch, batches))
        });
        batches.chain(ended).boxed()
    }
}

fn decoder(
    file: &InputFile,
    declared: Option<&Format>,
    policy: Policy,
) -> Result<FileDecoder, InputError> {
    let opened = file.open()?;
    let format = opened.format(declared);
    let options = DecodeOptions {
        table: Some(flows_schema([&format.format])),
        policy,
        ..DecodeOptions::default()
    };
    Ok(opened.decode(&format, options))
}

#[cfg(test)]
mod tests;
