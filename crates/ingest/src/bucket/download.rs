//! Fetching an object.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures::StreamExt;
use object_store::{GetOptions, ObjectMeta};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::error::{Access, BucketError};
use super::listing::Bucket;

/// Pieces that are fetched before they are read. The network gives some ten
/// kilobytes at a time: about a megabyte for each object.
const PIECES_AHEAD: usize = 32;

type Piece = Result<Bytes, BucketError>;

/// The bytes of an object, in order. A task fetches them into a bounded buffer; it
/// ends when this is dropped.
///
/// Reading blocks the thread until there are some: not for a thread that runs tasks.
#[derive(Debug)]
pub(crate) struct Download {
    pieces: mpsc::Receiver<Piece>,
    piece: Bytes,
    /// All of it was given.
    ended: bool,
    size_bytes: u64,
    given_bytes: u64,
    _task: JoinSet<()>,
}

impl Download {
    /// Begins to fetch an object.
    ///
    /// # Errors
    /// Outside of a runtime.
    pub(super) fn start(bucket: &Bucket, meta: &Arc<ObjectMeta>) -> io::Result<Download> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        let (sender, pieces) = mpsc::channel(PIECES_AHEAD);
        let mut task = JoinSet::new();
        let (bucket, object) = (bucket.clone(), Arc::clone(meta));
        task.spawn_on(
            async move {
                if let Err(error) = fetch(&bucket, &object, &sender).await {
                    // Nobody is told where nobody reads.
                    let _ = sender.send(Err(error)).await;
                }
            },
            &runtime,
        );
        Ok(Download {
            pieces,
            piece: Bytes::new(),
            ended: false,
            size_bytes: meta.size,
            given_bytes: 0,
            _task: task,
        })
    }
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() && !self.ended {
            match self.pieces.blocking_recv() {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => {
                    self.ended = true;
                    return Err(io::Error::other(error));
                }
                None if self.given_bytes < self.size_bytes => {
                    self.ended = true;
                    return Err(io::Error::other("reading was broken off"));
                }
                None => self.ended = true,
            }
        }
        let len = self.piece.len().min(buffer.len());
        self.piece.copy_to_slice(&mut buffer[..len]);
        self.given_bytes += len as u64;
        Ok(len)
    }
}

/// Fetches an object. A connection that breaks in the middle is followed by another
/// one from there on, as long as that gets further: a slow reader may outlast many.
async fn fetch(
    bucket: &Bucket,
    object: &ObjectMeta,
    sender: &mpsc::Sender<Piece>,
) -> Result<(), BucketError> {
    let failed = |error: &object_store::Error| {
        let name = bucket.name_of(object.location.as_ref());
        BucketError::new(Access::Read, bucket.name(), &name, error)
    };
    let mut offset = 0;
    while offset < object.size {
        let options = GetOptions {
            if_match: object.e_tag.clone(),
            range: (offset > 0).then(|| (offset..object.size).into()),
            ..GetOptions::default()
        };
        let found = bucket.objects().get_opts(&object.location, options).await;
        let mut pieces = found.map_err(|error| failed(&error))?.into_stream();
        let before = offset;
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => {
                    offset += piece.len() as u64;
                    if sender.send(Ok(piece)).await.is_err() {
                        return Ok(());
                    }
                }
                Err(_) if offset > before => break,
                Err(error) => return Err(failed(&error)),
            }
        }
        if offset == before {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
