//! Asynchronous inputs as streams of decoded batches.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use arrow_buffer::Buffer;
use bytes::Bytes;
use futures::Stream;
use tokio::io::{AsyncRead, ReadBuf};
use vpcflow_record::{DecodeCounts, Decoder};

use super::InputError;
use super::chunk::{CHUNK_BYTES, Chunks};
use super::feed::Feed;
use crate::sink::Decoded;

/// As [`ReadDecoder`](super::ReadDecoder), of an asynchronous reader: a
/// [`Stream`] of batches.
///
/// Decoding happens where the stream is polled and takes about a millisecond a
/// batch. Dropping a future of [`AsyncReadDecoder::next`] loses nothing.
///
/// ```
/// use vpcflow_ingest::AsyncReadDecoder;
/// use vpcflow_record::{DecodeOptions, Decoder, Format};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let format = Format::parse("srcaddr dstport action")?;
/// let mut batches = AsyncReadDecoder::new(
///     &b"10.0.0.1 22 REJECT\n10.0.0.3 443 ACCEPT\n"[..],
///     "example",
///     Decoder::new(format, DecodeOptions::default()),
/// );
/// while let Some(decoded) = batches.next().await {
///     assert_eq!(decoded?.rows.num_rows(), 2);
/// }
/// assert_eq!(batches.counts().records, 2);
/// # Ok(())
/// # }
/// ```
pub struct AsyncReadDecoder<R> {
    feed: Feed,
    reader: R,
    chunks: Chunks,
    /// The piece being read, and how far it is.
    piece: Option<(Vec<u8>, usize)>,
}

impl<R: AsyncRead + Unpin> AsyncReadDecoder<R> {
    /// Decodes what `reader` gives with `decoder`; rejects and messages call it
    /// `source`.
    pub fn new(reader: R, source: impl Into<String>, decoder: Decoder) -> AsyncReadDecoder<R> {
        AsyncReadDecoder {
            feed: Feed::new(source, decoder),
            reader,
            chunks: Chunks::default(),
            piece: None,
        }
    }

    /// The next batch; `None` at the end, and after an error.
    ///
    /// # Errors
    /// When reading fails, after what came before it.
    pub async fn next(&mut self) -> Option<Result<Decoded, InputError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Reads the next piece, full unless the input ends or fails, for the
    /// decoder.
    fn poll_feed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (chunk, filled) = self
            .piece
            .get_or_insert_with(|| (self.chunks.take(CHUNK_BYTES), 0));
        let result = loop {
            if *filled == chunk.len() {
                break Ok(());
            }
            let mut buffer = ReadBuf::new(&mut chunk[*filled..]);
            match ready!(Pin::new(&mut self.reader).poll_read(context, &mut buffer)) {
                Ok(()) if buffer.filled().is_empty() => break Ok(()),
                Ok(()) => *filled += buffer.filled().len(),
                Err(error) => break Err(error),
            }
        };
        match self.piece.take().filter(|(_, filled)| *filled > 0) {
            Some((chunk, filled)) => self.feed.push(self.chunks.give(chunk, filled)),
            None if result.is_ok() => self.feed.end(),
            None => {}
        }
        if let Err(error) = result {
            let error = InputError::read(self.feed.source(), None, 0, error);
            self.feed.fail(error);
        }
        Poll::Ready(())
    }
}

impl<R: AsyncRead + Unpin> Stream for AsyncReadDecoder<R> {
    type Item = Result<Decoded, InputError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let next = this.feed.next();
            if next.is_some() || this.feed.has_ended() {
                return Poll::Ready(next);
            }
            ready!(this.poll_feed(context));
        }
    }
}

impl<R> AsyncReadDecoder<R> {
    /// What was decoded so far, in all batches.
    pub fn counts(&self) -> DecodeCounts {
        self.feed.decoder().counts()
    }

    /// The decoder, to ask for its format and schema.
    pub fn decoder(&self) -> &Decoder {
        self.feed.decoder()
    }
}

impl<R> fmt::Debug for AsyncReadDecoder<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncReadDecoder")
            .field("source", &self.feed.source())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

/// As [`ReadDecoder`](super::ReadDecoder), of a stream of [`Bytes`], such as the
/// body of an HTTP response or of an object in a store: a [`Stream`] of batches.
///
/// Large pieces are not copied: the batches refer to them, and keep them alive.
///
/// ```
/// use bytes::Bytes;
/// use vpcflow_ingest::BytesDecoder;
/// use vpcflow_record::{DecodeOptions, Decoder, Format};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let pieces = ["10.0.0.1 22 REJ", "ECT\n10.0.0.3 443 ACCEPT\n"];
/// let pieces = pieces.map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
/// let format = Format::parse("srcaddr dstport action")?;
/// let mut batches = BytesDecoder::new(
///     futures::stream::iter(pieces),
///     "example",
///     Decoder::new(format, DecodeOptions::default()),
/// );
/// while let Some(decoded) = batches.next().await {
///     assert_eq!(decoded?.rows.num_rows(), 2);
/// }
/// # Ok(())
/// # }
/// ```
pub struct BytesDecoder<S> {
    feed: Feed,
    pieces: S,
}

impl<S, E> BytesDecoder<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    /// Decodes `pieces` with `decoder`; rejects and messages call them `source`.
    pub fn new(pieces: S, source: impl Into<String>, decoder: Decoder) -> BytesDecoder<S> {
        BytesDecoder {
            feed: Feed::new(source, decoder),
            pieces,
        }
    }

    /// The next batch; `None` at the end, and after an error.
    ///
    /// # Errors
    /// When a piece is an error, after what came before it.
    pub async fn next(&mut self) -> Option<Result<Decoded, InputError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl<S, E> Stream for BytesDecoder<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    type Item = Result<Decoded, InputError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            let next = this.feed.next();
            if next.is_some() || this.feed.has_ended() {
                return Poll::Ready(next);
            }
            match ready!(Pin::new(&mut this.pieces).poll_next(context)) {
                Some(Ok(piece)) => this.feed.push(Buffer::from(piece)),
                None => this.feed.end(),
                Some(Err(error)) => {
                    let error = io::Error::other(error);
                    let error = InputError::read(this.feed.source(), None, 0, error);
                    this.feed.fail(error);
                }
            }
        }
    }
}

impl<S> BytesDecoder<S> {
    /// What was decoded so far, in all batches.
    pub fn counts(&self) -> DecodeCounts {
        self.feed.decoder().counts()
    }

    /// The decoder, to ask for its format and schema.
    pub fn decoder(&self) -> &Decoder {
        self.feed.decoder()
    }
}

impl<S> fmt::Debug for BytesDecoder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BytesDecoder")
            .field("source", &self.feed.source())
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}
