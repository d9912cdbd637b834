//! Readers as decoded batches.

use std::fmt;
use std::io::Read;

use vpcflow_record::{DecodeCounts, Decoder};

use super::InputError;
use super::chunk::Chunks;
use super::feed::Feed;
use crate::sink::Decoded;

/// Decodes the text that a reader gives: an iterator of batches of rows and
/// rejects, which ends with the text or after the first error.
///
/// However the reader cuts the text, the batches are the same. Memory is bounded
/// by a batch and a few pieces of a megabyte, which the batches share; see
/// [`vpcflow_record::compact`] for batches that live long. Text only: for
/// compressed files and JSON envelopes there is [`OpenFile`](super::OpenFile).
///
/// ```
/// use vpcflow_ingest::ReadDecoder;
/// use vpcflow_record::{DecodeOptions, Decoder, Format};
///
/// let text = b"10.0.0.1 22 REJECT\n10.0.0.2 many ACCEPT\n10.0.0.3 443 ACCEPT\n";
/// let format = Format::parse("srcaddr dstport action")?;
/// let mut batches = ReadDecoder::new(
///     &text[..],
///     "example",
///     Decoder::new(format, DecodeOptions::default()),
/// );
/// let decoded = batches.next().unwrap()?;
/// assert_eq!(decoded.rows.num_rows(), 2);
/// assert_eq!(decoded.rejects.num_rows(), 1);
/// assert!(batches.next().is_none());
/// assert_eq!(batches.counts().bytes, text.len() as u64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ReadDecoder<R> {
    feed: Feed,
    reader: R,
    chunks: Chunks,
}

impl<R: Read> ReadDecoder<R> {
    /// Decodes what `reader` gives with `decoder`; rejects and messages call it
    /// `source`.
    pub fn new(reader: R, source: impl Into<String>, decoder: Decoder) -> ReadDecoder<R> {
        ReadDecoder {
            feed: Feed::new(source, decoder),
            reader,
            chunks: Chunks::default(),
        }
    }
}

impl<R> ReadDecoder<R> {
    /// What was decoded so far, in all batches.
    pub fn counts(&self) -> DecodeCounts {
        self.feed.decoder().counts()
    }

    /// The decoder, to ask for its format and schema.
    pub fn decoder(&self) -> &Decoder {
        self.feed.decoder()
    }
}

impl<R: Read> Iterator for ReadDecoder<R> {
    type Item = Result<Decoded, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.feed.next_of(
            || self.chunks.read(&mut self.reader),
            |feed, error| InputError::read(feed.source(), None, 0, error),
        )
    }
}

impl<R> fmt::Debug for ReadDecoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadDecoder")
            .field("source", &self.feed.source())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
