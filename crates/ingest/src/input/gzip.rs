//! Gzip: any number of members, one after the other.
//!
//! There are two ways. [`GzipReader`] undoes it in small pieces, whatever the
//! size. [`GzipObject`] has the compressed file in memory and undoes it a member
//! at a time, which is faster and is for files of bounded size, such as AWS's:
//! those of flow logs have [at most 75 MB][S3]. It goes over to the first way
//! wherever its own ends: at a member that is too large or damaged, so that what
//! came before the damage is given, and the error is the same in both.
//!
//! [S3]: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html

use std::io::{self, BufRead, BufReader, Cursor, Read};

use arrow_buffer::Buffer;
use flate2::bufread::GzDecoder;

use self::member::{Member, MemberDecoder};
use super::chunk::{CHUNK_BYTES, Chunks};

mod member;

/// What a gzip member begins with.
pub(super) const MAGIC: &[u8] = b"\x1f\x8b";
/// The largest file that is undone by members.
pub(super) const MAX_OBJECT_BYTES: u64 = 32 * 1024 * 1024;
/// The most text of a member. A longer one is undone in pieces.
const MAX_MEMBER_TEXT_BYTES: usize = 128 * 1024 * 1024;
/// The size that a file states of its text is believed up to this many times its
/// own, which is three times what flow logs reach. It is only a hint: a file of
/// several members, or a hostile one, states something else.
const MAX_STATED_RATIO: usize = 16;

/// Text that is undone at a time by [`GzipReader`]. Where the data are damaged,
/// that much before the damage may be lost.
const PIECE_BYTES: usize = 32 * 1024;

/// Undoes gzip in pieces.
#[derive(Debug)]
pub(super) struct GzipReader<R> {
    /// The member that is being undone; `None` at the end of the input.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipReader<R> {
    pub(super) fn new(input: R) -> GzipReader<R> {
        GzipReader {
            member: Some(GzDecoder::new(input)),
        }
    }
}

impl<R: BufRead> Read for GzipReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece_bytes = buffer.len().min(PIECE_BYTES);
        while let Some(member) = &mut self.member {
            let read = member.read(&mut buffer[..piece_bytes])?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            if let Some(mut input) = self.member.take().map(GzDecoder::into_inner)
                && another_member(&mut input)?
            {
                self.member = Some(GzDecoder::new(input));
            }
        }
        Ok(0)
    }
}

/// Whether a member follows. Zeros do not count: tapes and some writers fill
/// their last block with them.
fn another_member(input: &mut impl BufRead) -> io::Result<bool> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(false);
        }
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros < bytes.len() {
            // An input that ends within the two bytes is found out by the member.
            return match bytes[zeros] == MAGIC[0] {
                true => {
                    input.consume(zeros);
                    Ok(true)
                }
                false => Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "what follows a gzip member is none",
                )),
            };
        }
        input.consume(zeros);
    }
}

/// Undoes the gzip of a whole file in memory.
pub(super) struct GzipObject {
    /// The file, as far as it was read.
    compressed: Vec<u8>,
    /// What was not read.
    rest: Option<Box<dyn Read + Send>>,
    /// Bytes of `compressed` whose text was given.
    used: usize,
    decoder: Option<MemberDecoder>,
    /// Size of the next piece of text.
    text_bytes: usize,
    chunks: Chunks,
    /// The other way, once it was taken.
    pieces: Option<Box<dyn Read + Send>>,
}

impl GzipObject {
    /// The file of about `size_bytes` that begins with `start` and goes on with
    /// `rest`.
    pub(super) fn new(
        mut start: Vec<u8>,
        rest: Box<dyn Read + Send>,
        size_bytes: u64,
    ) -> GzipObject {
        let size_bytes = size_bytes.min(MAX_OBJECT_BYTES) as usize;
        // One byte more shows that the file has ended.
        start.reserve_exact((size_bytes + 1).saturating_sub(start.len()));
        GzipObject {
            compressed: start,
            rest: Some(rest),
            used: 0,
            decoder: MemberDecoder::new(),
            text_bytes: 0,
            chunks: Chunks::default(),
            pieces: None,
        }
    }

    /// The next piece of text, of any size; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Buffer>> {
        if let Some(rest) = self.rest.take() {
            self.load(rest)?;
        }
        if self.pieces.is_none()
            && let Some(text) = self.members()
        {
            return Ok(Some(text));
        }
        match &mut self.pieces {
            Some(pieces) => self.chunks.read(pieces),
            None => Ok(None),
        }
    }

    /// Reads the file, unless it turns out to be too large.
    fn load(&mut self, mut rest: Box<dyn Read + Send>) -> io::Result<()> {
        rest.by_ref()
            .take(MAX_OBJECT_BYTES + 1 - self.compressed.len() as u64)
            .read_to_end(&mut self.compressed)?;
        if self.compressed.len() as u64 > MAX_OBJECT_BYTES {
            let start = Cursor::new(std::mem::take(&mut self.compressed));
            let input = BufReader::with_capacity(CHUNK_BYTES, start.chain(rest));
            self.pieces = Some(Box::new(GzipReader::new(input)));
            return Ok(());
        }
        let stated = self.compressed.last_chunk().map_or(0, |size| {
            usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX)
        });
        let most = self.compressed.len() * MAX_STATED_RATIO;
        self.text_bytes = stated
            .clamp(most.min(CHUNK_BYTES), most)
            .min(MAX_MEMBER_TEXT_BYTES);
        Ok(())
    }

    /// The text of the next members, about a chunk; `None` at the end, or where
    /// the other way is taken.
    fn members(&mut self) -> Option<Buffer> {
        let mut text = Vec::new();
        let mut filled = 0;
        while filled < CHUNK_BYTES && self.used < self.compressed.len() {
            if text.is_empty() {
                text = self.chunks.take(self.text_bytes);
            }
            let input = &self.compressed[self.used..];
            let member = match &mut self.decoder {
                Some(decoder) => decoder.decode(input, &mut text[filled..]),
                None => Member::Unreadable,
            };
            match member {
                Member::Whole {
                    input_bytes,
                    text_bytes,
                } => {
                    self.used += input_bytes;
                    filled += text_bytes;
                }
                // What is there goes first; then there is more room.
                Member::TooLong if filled > 0 => break,
                Member::TooLong if self.text_bytes < MAX_MEMBER_TEXT_BYTES => {
                    self.text_bytes = (2 * self.text_bytes).min(MAX_MEMBER_TEXT_BYTES);
                    text = Vec::new();
                }
                Member::TooLong | Member::Unreadable => {
                    self.read_in_pieces();
                    break;
                }
            }
        }
        (filled > 0).then(|| self.chunks.give(text, filled))
    }

    /// Goes over to the other way, where this one has got to.
    fn read_in_pieces(&mut self) {
        let mut input = Cursor::new(std::mem::take(&mut self.compressed));
        input.set_position(self.used as u64);
        self.pieces = match self.used {
            0 => Some(Box::new(GzipReader::new(input))),
            // Between two members: there need be no other.
            _ => match another_member(&mut input) {
                Ok(true) => Some(Box::new(GzipReader::new(input))),
                Ok(false) => None,
                Err(error) => Some(Box::new(Failed(Some(error)))),
            },
        };
    }
}

/// An input that fails once.
pub(super) struct Failed(pub(super) Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
