//! What all ways to feed a decoder share.

use std::io;
use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_schema::ArrowError;
use vpcflow_record::{DecodeCounts, Decoder, LineFormat, Reject, RejectsBuilder, rejects_schema};

use super::InputError;
use super::chunk::Piece;
use crate::sink::Decoded;

/// A decoder with the input that it is working on.
#[derive(Debug)]
pub(super) struct Feed {
    source: String,
    decoder: Decoder,
    /// Input that was not decoded yet.
    pending: Piece,
    /// What the batches so far were decoded from.
    taken: DecodeCounts,
    ended: bool,
    /// What ended it, to be told after the last batch.
    failed: Option<InputError>,
}

impl Feed {
    /// Feeds `decoder` with input that rejects and messages call `source`.
    pub(super) fn new(source: impl Into<String>, decoder: Decoder) -> Feed {
        Feed {
            source: source.into(),
            decoder,
            pending: Piece::default(),
            taken: DecodeCounts::default(),
            ended: false,
            failed: None,
        }
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    pub(super) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Whether all is read, or reading failed: nothing may be pushed any more.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Takes the next piece of the input, of any size.
    pub(super) fn push(&mut self, piece: Buffer) {
        debug_assert!(self.pending.is_empty() && !self.ended);
        self.pending = Piece::new(piece);
    }

    /// Goes on with another text, which stands at `position` of the source. What
    /// was pushed before has been taken.
    pub(super) fn go_on(&mut self, position: u64, format: &LineFormat) {
        debug_assert!(self.pending.is_empty());
        self.decoder.go_on(position, format);
        self.ended = false;
    }

    /// The input has ended: a last line without a line feed is a line.
    pub(super) fn end(&mut self) {
        self.decoder.finish();
        self.ended = true;
    }

    /// Reading the input failed. What came before is decoded, but for the line
    /// in which it broke off: half of a record may look like a whole one.
    pub(super) fn fail(&mut self, error: InputError) {
        self.failed = Some(error);
        self.ended = true;
    }

    /// A batch, once there is a full one, or the last; then what reading failed
    /// with. `None`: a piece is wanted, or all is done.
    pub(super) fn next(&mut self) -> Option<Result<Decoded, InputError>> {
        while !self.pending.is_empty() && !self.decoder.is_full() {
            self.pending.decode(&mut self.decoder);
        }
        if !self.pending.is_empty() || self.decoder.is_full() || self.ended {
            let counts = self.decoder.counts();
            match take(&mut self.decoder, &self.source, self.taken) {
                Ok(None) => {}
                Ok(Some(decoded)) => {
                    self.taken = counts;
                    return Some(Ok(decoded));
                }
                Err(source) => {
                    self.ended = true;
                    self.pending = Piece::default();
                    let path = self.source.clone();
                    return Some(Err(InputError::Batch { path, source }));
                }
            }
        } else {
            // Its memory may be used again.
            self.pending = Piece::default();
        }
        self.failed.take().map(Err)
    }

    /// The next batch, of pieces that `read` gives until it gives none.
    pub(super) fn next_of(
        &mut self,
        mut read: impl FnMut() -> io::Result<Option<Buffer>>,
        error: impl Fn(&Feed, io::Error) -> InputError,
    ) -> Option<Result<Decoded, InputError>> {
        loop {
            let next = self.next();
            if next.is_some() || self.ended {
                return next;
            }
            match read() {
                Ok(Some(piece)) => self.push(piece),
                Ok(None) => self.end(),
                Err(source) => self.fail(error(self, source)),
            }
        }
    }
}

/// Takes what the decoder holds of `source`, where it had counted `before` at
/// the last time; `None` if it holds neither a row nor a reject.
pub(crate) fn take(
    decoder: &mut Decoder,
    source: &str,
    before: DecodeCounts,
) -> Result<Option<Decoded>, ArrowError> {
    let rejects = decoder.take_rejects();
    let rows = decoder.flush()?;
    if rows.is_none() && rejects.is_empty() {
        return Ok(None);
    }
    let rows = rows.unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(decoder.schema())));
    Ok(Some(Decoded {
        rows,
        rejects: batch_of(&rejects, source)?,
        bytes: decoder.counts().bytes - before.bytes,
        cut: decoder.counts().cut - before.cut,
    }))
}

fn batch_of(rejects: &[Reject], source: &str) -> Result<RecordBatch, ArrowError> {
    if rejects.is_empty() {
        return Ok(NO_REJECTS.clone());
    }
    let mut builder = RejectsBuilder::default();
    for reject in rejects {
        builder.append(source, Some(reject.position), None, reject);
    }
    builder.finish()
}

/// What nearly all batches have. To build it takes as long as to decode some hundred rows.
static NO_REJECTS: LazyLock<RecordBatch> =
    LazyLock::new(|| RecordBatch::new_empty(rejects_schema()));
