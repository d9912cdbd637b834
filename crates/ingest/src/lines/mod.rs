//! Text that comes line by line, such as standard input.

mod ahead;
#[cfg(test)]
mod tests;

use std::io::Read;
use std::pin::pin;

use arrow_schema::SchemaRef;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use vpcflow_record::{DecodeOptions, Decoder, Format, MAX_LINE_BYTES, Policy, flows_schema};

use self::ahead::Ahead;
use crate::checkpoint::CheckpointDelta;
use crate::clock::Clock;
use crate::input::{InputError, TextStart, take};
use crate::progress::SourceProgress;
use crate::sink::{Sink, SinkError};

/// Text in which the first record or header must end.
const START_BYTES: usize = 2 * MAX_LINE_BYTES;
/// The sink settles this often, also while nothing comes: a commit may be due.
const SETTLE_MS: i64 = 1_000;

/// Follows text that comes line by line and cannot be read again. Lines are handed
/// on as soon as they have come, as many together as have come meanwhile.
///
/// Such a source has no place to go on from after a restart: whoever sends the text
/// sends again what was not acknowledged, so that it is kept at least once.
#[derive(Debug)]
pub struct LineFollower {
    name: String,
    ahead: Ahead,
    decoder: Decoder,
    /// What was read and not decoded.
    text: Vec<u8>,
    delivered: u64,
    checkpoint: LinesCheckpoint,
}

/// How much was read of a source that has no place to go on from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesCheckpoint {
    /// Bytes that were decoded, in this process.
    pub bytes: u64,
}

/// What one delivery adds to a [`LinesCheckpoint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinesDelta {
    /// Bytes that were decoded for it.
    pub bytes: u64,
}

/// How far the reading of lines has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct LinesProgress {
    /// Bytes that were decoded.
    pub bytes: u64,
}

impl LinesCheckpoint {
    pub(crate) fn apply(&mut self, delta: &LinesDelta) {
        self.bytes += delta.bytes;
    }
}

impl LineFollower {
    /// Waits for the first line of `input`, which messages and rejects call `name`:
    /// it is a header, or a record of the version-2 default, unless the format is
    /// declared. It is not waited for longer than for `patience`.
    ///
    /// `input` is read on a thread of its own, which ends with the input or the
    /// process: a read that nothing comes for cannot be broken off.
    ///
    /// # Cancel safety
    /// What was read is lost when the future is dropped.
    ///
    /// # Errors
    /// When reading fails, or what comes is not text: compressed text and JSON are
    /// not undone here.
    pub async fn open(
        name: impl Into<String>,
        input: impl Read + Send + 'static,
        declared: Option<&Format>,
        policy: Policy,
        patience: impl Future<Output = ()>,
    ) -> Result<LineFollower, InputError> {
        let name = name.into();
        let ahead = Ahead::start(input);
        let mut text = Vec::new();
        let mut patience = pin!(patience);
        let mut more = true;
        while more && text.len() < START_BYTES && !TextStart(&text).has_a_line() {
            more = tokio::select! {
                read = ahead.take(&mut text) => {
                    read.map_err(|error| InputError::read(&name, None, 0, error))?
                }
                () = &mut patience => false,
            };
        }
        TextStart::require_plain(&name, &mut text)?;
        let format = TextStart(&text).format(declared);
        let options = DecodeOptions {
            // A later header does not change the columns.
            table: Some(flows_schema([&format.format])),
            headers: !format.declared,
            policy,
            ..DecodeOptions::default()
        };
        Ok(LineFollower {
            name,
            ahead,
            decoder: Decoder::new(format.format, options),
            text,
            delivered: 0,
            checkpoint: LinesCheckpoint::default(),
        })
    }

    /// The schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        self.decoder.schema()
    }

    /// Follows until the input ends, `stop` is cancelled, or the clock shows
    /// `until_ms`. What has come by then is handed on. A line that is cut off by the
    /// end of the input is a line; one whose end has not come when the follower is
    /// stopped is not, and told.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When reading fails, after what came before, or the sink fails.
    pub async fn follow(
        &mut self,
        clock: &dyn Clock,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        until_ms: Option<i64>,
        progress: Option<watch::Sender<SourceProgress>>,
    ) -> Result<(), SinkError> {
        let mut ended = false;
        loop {
            self.hand_on(sink).await?;
            sink.settle().await?;
            if let Some(progress) = &progress {
                let bytes = self.checkpoint.bytes;
                progress.send_replace(SourceProgress::Lines(LinesProgress { bytes }));
            }
            let now_ms = clock.now_ms();
            if ended || stop.is_cancelled() || until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
                break;
            }
            let next_ms = until_ms
                .unwrap_or(i64::MAX)
                .min(now_ms.saturating_add(SETTLE_MS));
            tokio::select! {
                read = self.ahead.take(&mut self.text) => match read {
                    Ok(more) => ended = !more,
                    Err(error) => {
                        self.hand_on(sink).await?;
                        sink.settle().await?;
                        let bytes = self.decoder.counts().bytes;
                        return Err(InputError::read(&self.name, None, bytes, error).into());
                    }
                },
                () = clock.sleep_until_ms(next_ms) => {}
                () = stop.cancelled() => self.ahead.take_rest(&mut self.text),
            }
        }
        if ended {
            self.decoder.finish();
            self.hand_on(sink).await?;
            sink.settle().await?;
        } else if self.decoder.partial_bytes() > 0 {
            sink.notice(&format!(
                "`{}` ends in a line without its line feed: its {} bytes were not decoded",
                self.name,
                self.decoder.partial_bytes()
            ));
        }
        Ok(())
    }

    /// Decodes what was read, and hands it on as one delivery, or more of them if it
    /// fills several batches.
    async fn hand_on(&mut self, sink: &mut dyn Sink) -> Result<(), SinkError> {
        let mut text = std::mem::take(&mut self.text);
        let mut rest = text.as_slice();
        loop {
            let before = self.decoder.counts();
            while !rest.is_empty() && !self.decoder.is_full() {
                let used = self.decoder.decode(rest);
                rest = &rest[used..];
            }
            let bytes = self.decoder.counts().bytes - before.bytes;
            let batch = take(&mut self.decoder, &self.name, before)?;
            let has_more = batch.is_some() || bytes > 0;
            if let Some(batch) = batch {
                sink.write(batch).await?;
            }
            if has_more {
                let delta = LinesDelta { bytes };
                self.delivered += 1;
                self.checkpoint.apply(&delta);
                let step = CheckpointDelta::Lines(delta);
                sink.checkpoint(self.delivered, step).await?;
            }
            if rest.is_empty() {
                break;
            }
        }
        text.clear();
        self.text = text;
        Ok(())
    }
}
