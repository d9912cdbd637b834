//! Pieces of input that batches may share.

use std::collections::VecDeque;
use std::io::{self, Read};

use arrow_buffer::Buffer;
use vpcflow_record::Decoder;

/// Size of the pieces that are read and decoded: about a batch.
pub(super) const CHUNK_BYTES: usize = 1024 * 1024;
/// Pieces to look at again: more than a query, or a store that writes files, has in
/// hand at a time.
const MAX_REMEMBERED: usize = 128;
/// Pieces of less than this are copied: to share a small piece costs each column
/// a buffer.
const MIN_SHARED_BYTES: usize = 64 * 1024;

/// A piece of input, as far as it was not decoded yet.
#[derive(Debug, Default)]
pub(crate) struct Piece {
    rest: Buffer,
    /// Batches may refer to it.
    shared: bool,
}

impl Piece {
    pub(crate) fn new(piece: Buffer) -> Piece {
        Piece {
            shared: piece.len() >= MIN_SHARED_BYTES,
            rest: piece,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Hands it over, as far as a batch has room for it.
    pub(crate) fn decode(&mut self, decoder: &mut Decoder) {
        let used = match self.shared {
            true => decoder.decode_buffer(&self.rest),
            false => decoder.decode(&self.rest),
        };
        self.rest.advance(used);
    }
}

/// Memory for pieces of input. A piece that no batch refers to any more is used
/// again, so that its pages are neither asked for nor cleared anew.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    given: VecDeque<Buffer>,
    /// What a read failed with after it had filled some of a piece.
    failed: Option<io::Error>,
}

impl Chunks {
    /// Memory of at least `len` bytes, with anything in it.
    pub(super) fn take(&mut self, len: usize) -> Vec<u8> {
        for _ in 0..self.given.len() {
            let Some(buffer) = self.given.pop_front() else {
                break;
            };
            match buffer.into_vec() {
                Ok(free) if free.len() >= len => return free,
                Ok(_too_small) => {}
                Err(in_use) => self.given.push_back(in_use),
            }
        }
        vec![0; len]
    }

    /// The first `len` bytes of what was taken, as a piece to share.
    pub(super) fn give(&mut self, chunk: Vec<u8>, len: usize) -> Buffer {
        let buffer = Buffer::from_vec(chunk);
        if self.given.len() == MAX_REMEMBERED {
            self.given.pop_front();
        }
        self.given.push_back(buffer.clone());
        buffer.slice_with_length(0, len)
    }

    /// Reads the next piece, full unless the input ends or fails; `None` at the
    /// end. What was read before a failure comes first, the error then.
    pub(crate) fn read(&mut self, input: &mut (impl Read + ?Sized)) -> io::Result<Option<Buffer>> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        let mut chunk = self.take(CHUNK_BYTES);
        let mut filled = 0;
        while filled < chunk.len() {
            match input.read(&mut chunk[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if filled > 0 => {
                    self.failed = Some(error);
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok((filled > 0).then(|| self.give(chunk, filled)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_when_nobody_has_it() {
        let mut chunks = Chunks::default();
        let mut input = io::repeat(b'x').take(3 * CHUNK_BYTES as u64);
        let first = chunks.read(&mut input).unwrap().unwrap();
        let place = first.data_ptr();
        let second = chunks.read(&mut input).unwrap().unwrap();
        assert_ne!(second.data_ptr(), place);
        drop(first);
        let third = chunks.read(&mut input).unwrap().unwrap();
        assert_eq!(third.data_ptr(), place);
        assert_eq!(second.as_slice(), third.as_slice());
        assert!(chunks.read(&mut input).unwrap().is_none());
    }
}
