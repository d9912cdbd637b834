//! Files of every kind, whole, cut off and damaged; and every way to feed a
//! decoder.

use std::io::{self, Cursor, Read, Write};

use arrow_array::RecordBatch;
use bytes::Bytes;
use proptest::prelude::*;
use vpcflow_record::{DecodeCounts, DecodeOptions, Decoder, Format};

use super::*;
use crate::sink::Decoded;

const LINE: &str = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 \
                    4249 1418530010 1418530070 ACCEPT OK";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::encode_all(text, 1).unwrap()
}

/// Lines that differ, so that they do not compress to nothing.
fn lines(count: usize) -> Vec<u8> {
    let line = |row: usize| {
        let (a, b) = (row.wrapping_mul(2_654_435_761) % 60_000, row % 250);
        format!(
            "2 1 eni-{a:017x} 10.0.{b}.{b} 192.168.100.{b} {a} 22 6 1 {a} 1418530010 1418530070 \
             ACCEPT OK\n"
        )
    };
    (0..count).map(line).collect::<String>().into_bytes()
}

fn open(bytes: &[u8], size_is_known: bool) -> Result<OpenFile, InputError> {
    let size_bytes = size_is_known.then_some(bytes.len() as u64);
    OpenFile::new("x.log", Cursor::new(bytes.to_vec()), size_bytes)
}

/// The text of a file, and the error after it.
fn text_of(bytes: &[u8], size_is_known: bool) -> (Vec<u8>, Option<String>) {
    let mut text = Vec::new();
    let result = open(bytes, size_is_known)
        .unwrap()
        .into_reader()
        .read_to_end(&mut text);
    (text, result.err().map(|error| error.to_string()))
}

/// All that a file decodes to: rows, rejects, and the last error.
fn decode(bytes: &[u8], size_is_known: bool) -> (usize, usize, Option<InputError>, DecodeCounts) {
    let file = open(bytes, size_is_known).unwrap();
    let format = file.format(None);
    let mut decoder = file.decode(&format, DecodeOptions::default());
    let (mut rows, mut rejects, mut error) = (0, 0, None);
    for decoded in decoder.by_ref() {
        assert!(error.is_none(), "nothing comes after an error");
        match decoded {
            Ok(decoded) => {
                rows += decoded.rows.num_rows();
                rejects += decoded.rejects.num_rows();
            }
            Err(found) => error = Some(found),
        }
    }
    (rows, rejects, error, decoder.counts())
}

#[test]
fn gzip_members_and_zstd_frames_are_read_one_after_the_other() {
    for compress in [gzip, zstd] {
        // Twice the same: the second is no copy of the first's end.
        let parts = [
            "first\n",
            "second\n",
            "",
            "second\n",
            "last, without its end",
        ];
        let bytes: Vec<u8> = parts
            .iter()
            .flat_map(|part| compress(part.as_bytes()))
            .collect();
        for size_is_known in [true, false] {
            let expected = parts.concat().into_bytes();
            assert_eq!(text_of(&bytes, size_is_known), (expected, None));
        }
    }
}

#[test]
fn gzip_of_many_small_and_of_large_members() {
    let small = gzip(&lines(3)).repeat(20_000);
    let large = [gzip(&lines(100_000)), gzip(&lines(5))].concat();
    for (bytes, rows) in [(small, 60_000), (large, 100_005)] {
        for size_is_known in [true, false] {
            let (found, rejects, error, _) = decode(&bytes, size_is_known);
            assert_eq!((found, rejects), (rows, 0));
            assert!(error.is_none());
        }
    }
}

#[test]
fn the_stated_size_of_a_gzip_file_is_only_a_hint() {
    let text = lines(50_000);
    for stated in [0, 1, 7_000_000, u32::MAX] {
        // A last member that states it, and is wrong: only the checksum's
        // neighbour differs.
        let mut bytes = gzip(&text);
        let end = bytes.len() - 4;
        bytes[end..].copy_from_slice(&stated.to_le_bytes());
        let (found, error) = text_of(&bytes, true);
        assert!(found == text, "{} bytes", found.len());
        assert!(error.is_some());
        assert_eq!(text_of(&bytes, false), (found, error));
    }
    // One that is right, of another member.
    let bytes = [gzip(&text), gzip(b"")].concat();
    assert!(text_of(&bytes, true) == (text, None));
}

#[test]
fn what_follows_gzip_is_zeros_or_an_error() {
    let whole = gzip(LINE.as_bytes());
    for size_is_known in [true, false] {
        let padded = [&whole[..], &[0; 100_000]].concat();
        let expected = LINE.as_bytes().to_vec();
        assert_eq!(text_of(&padded, size_is_known), (expected.clone(), None));
        let followed = [&whole[..], b"\n2 1 eni-1"].concat();
        let (text, error) = text_of(&followed, size_is_known);
        assert_eq!(text, expected);
        assert_eq!(error.unwrap(), "what follows a gzip member is none");
    }
}

#[test]
fn what_came_before_the_cut_is_decoded_and_the_place_is_told() {
    let text = lines(40_000);
    for (compress, name) in [(gzip as fn(&[u8]) -> Vec<u8>, "gzip"), (zstd, "zstd")] {
        for size_is_known in [true, false] {
            let bytes = compress(&text);
            let (rows, rejects, error, counts) = decode(&bytes[..bytes.len() / 2], size_is_known);
            assert!((10_000..30_000).contains(&rows), "{name}: {rows}");
            // The line in which it broke off is no record and no reject.
            assert_eq!((rejects, counts.records), (0, rows as u64));
            let error = error.unwrap();
            assert_eq!(
                error.to_string(),
                format!(
                    "`x.log` ends early: its {name} data are cut off after {} bytes of text",
                    counts.bytes
                )
            );
            assert!(
                error
                    .hint()
                    .unwrap()
                    .contains(&format!("`{name} -dc x.log |"))
            );

            let mut damaged = bytes.clone();
            let middle = bytes.len() / 2;
            damaged[middle..middle + 64].fill(0x55);
            let (rows, _, error, counts) = decode(&damaged, size_is_known);
            assert!(
                rows > 10_000 && rows as u64 == counts.records,
                "{name}: {rows}"
            );
            let error = error.unwrap().to_string();
            let start = format!("`x.log` is damaged: its {name} data cannot be read after ");
            assert!(error.starts_with(&start), "{error}");
        }
    }
}

#[test]
fn a_file_that_is_cut_off_at_its_start_has_no_rows_and_an_error() {
    for compress in [gzip, zstd] {
        let bytes = compress(&lines(1000));
        for len in [4, 5, 12, 40] {
            for size_is_known in [true, false] {
                let (rows, rejects, error, _) = decode(&bytes[..len], size_is_known);
                assert_eq!((rows, rejects), (0, 0));
                assert!(
                    matches!(error, Some(InputError::CutOff { .. })),
                    "{error:?}"
                );
            }
        }
    }
}

#[test]
fn envelopes_are_undone_inside_of_gzip() {
    let bytes = gzip(br#"{"message":"srcaddr action"}{"message":"10.0.0.1 ACCEPT"}"#);
    for size_is_known in [true, false] {
        let text = b"srcaddr action\n10.0.0.1 ACCEPT\n".to_vec();
        assert_eq!(text_of(&bytes, size_is_known), (text, None));
        let format = open(&bytes, size_is_known).unwrap().format(None);
        assert_eq!(format.format.to_string(), "srcaddr action");
    }
}

#[test]
fn what_is_not_text_is_told() {
    for (bytes, kind) in [
        (&b"PAR1\0\0"[..], "a Parquet file"),
        (b"\x7fELF\x02\x01\x01\x00", "binary data"),
    ] {
        for bytes in [bytes.to_vec(), gzip(bytes), zstd(bytes)] {
            let error = open(&bytes, true).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`x.log` is {kind}, not flow log text")
            );
        }
    }
}

#[test]
fn a_byte_order_mark_counts_for_nothing() {
    let text = [b"\xef\xbb\xbfsrcaddr action\n10.0.0.1 ACCEPT\n".to_vec()].concat();
    for bytes in [text.clone(), gzip(&text), zstd(&text)] {
        let (rows, rejects, error, counts) = decode(&bytes, true);
        assert_eq!((rows, rejects, counts.skipped), (1, 0, 1));
        assert!(error.is_none());
    }
}

#[test]
fn the_header_is_found_after_comments_and_across_pieces() {
    for comments in [0, 1, 400, 800] {
        let comment = "# twenty bytes long.\n".repeat(comments);
        let text = format!("{comment}\n  srcaddr dstaddr   bytes\n10.0.0.1 10.0.0.2 5\n");
        for bytes in [text.clone().into_bytes(), gzip(text.as_bytes())] {
            let format = open(&bytes, true).unwrap().format(None);
            assert_eq!(format.format.to_string(), "srcaddr dstaddr bytes");
            assert!(!format.declared);
        }
    }
}

/// Gives at most so many bytes at a time.
struct Cut<'a>(&'a [u8], usize);

impl Read for Cut<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = self.1.min(buffer.len());
        self.0.read(&mut buffer[..len])
    }
}

impl tokio::io::AsyncRead for Cut<'_> {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
        buffer: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        // Waits now and then, and is asked again at once.
        if self.0.len() % 3 == 1 && !self.0.is_empty() {
            buffer.put_slice(&self.0[..1]);
            self.0 = &self.0[1..];
            context.waker().wake_by_ref();
            return std::task::Poll::Ready(Ok(()));
        }
        let len = self.1.min(buffer.remaining()).min(self.0.len());
        let (given, rest) = self.0.split_at(len);
        buffer.put_slice(given);
        self.0 = rest;
        std::task::Poll::Ready(Ok(()))
    }
}

type Outcome = (Vec<RecordBatch>, Vec<RecordBatch>, DecodeCounts);

fn outcome(decoded: Vec<Decoded>, counts: DecodeCounts) -> Outcome {
    let bytes: u64 = decoded.iter().map(|decoded| decoded.bytes).sum();
    assert!(bytes <= counts.bytes);
    let (rows, rejects) = decoded
        .into_iter()
        .map(|decoded| (decoded.rows, decoded.rejects))
        .unzip();
    (rows, rejects, counts)
}

fn decoder() -> Decoder {
    let options = DecodeOptions {
        batch_rows: 100,
        ..DecodeOptions::default()
    };
    Decoder::new(Format::default(), options)
}

/// What the decoder itself gives, of all of the text at once.
fn expected(text: &[u8]) -> Outcome {
    let mut decoder = decoder();
    let (mut used, mut decoded) = (0, Vec::new());
    let mut before = DecodeCounts::default();
    while used < text.len() {
        used += decoder.decode(&text[used..]);
        if decoder.is_full() {
            let counts = decoder.counts();
            decoded.extend(take(&mut decoder, "s", before).unwrap());
            before = counts;
        }
    }
    decoder.finish();
    decoded.extend(take(&mut decoder, "s", before).unwrap());
    outcome(decoded, decoder.counts())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    { runtime }.build().unwrap().block_on(future)
}

/// Records, refused lines, comments and headers, in any order.
fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        8 => Just(format!("{LINE}\n")),
        2 => Just(format!("{}\n", LINE.replace("4249", "many"))),
        1 => Just("# a comment\n".to_owned()),
        1 => Just("srcaddr dstaddr bytes\n".to_owned()),
        1 => Just("10.0.0.1 10.0.0.2 12\n".to_owned()),
        1 => Just("\u{2028}ü\r\n".to_owned()),
    ];
    // Repeated, so that there are whole blocks, and pieces that are shared.
    prop::collection::vec((line, 1_usize..120), 0..40).prop_map(|lines| {
        let mut text: String = lines
            .iter()
            .map(|(line, count)| line.repeat(*count))
            .collect();
        text.pop();
        text.into_bytes()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_the_text_is_cut_the_batches_are_the_same(
        text in any_text(),
        cut in prop_oneof![1_usize..200, 60_000_usize..400_000],
    ) {
        let expected = expected(&text);

        let mut sync = ReadDecoder::new(Cut(&text, cut), "s", decoder());
        let decoded = sync.by_ref().collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(&outcome(decoded, sync.counts()), &expected);

        let mut reader = AsyncReadDecoder::new(Cut(&text, cut), "s", decoder());
        let decoded = block_on(async {
            let mut decoded = Vec::new();
            while let Some(batch) = reader.next().await {
                decoded.push(batch.unwrap());
            }
            decoded
        });
        prop_assert_eq!(&outcome(decoded, reader.counts()), &expected);

        let pieces: Vec<io::Result<Bytes>> =
            text.chunks(cut).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut stream = BytesDecoder::new(futures::stream::iter(pieces), "s", decoder());
        let decoded = block_on(async {
            let mut decoded = Vec::new();
            while let Some(batch) = stream.next().await {
                decoded.push(batch.unwrap());
            }
            decoded
        });
        prop_assert_eq!(&outcome(decoded, stream.counts()), &expected);
    }

    /// The same text and the same error.
    #[test]
    fn both_ways_to_undo_gzip_say_the_same(
        members in prop::collection::vec(0_usize..1500, 1..5),
        cut in prop::option::of(any::<prop::sample::Index>()),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..3),
        after in prop_oneof![
            4 => Just(Vec::new()),
            1 => prop::collection::vec(Just(0), 1..20),
            1 => prop::collection::vec(any::<u8>(), 1..20),
        ],
    ) {
        let text: Vec<u8> = members.iter().flat_map(|count| lines(*count)).collect();
        let mut bytes: Vec<u8> = members.iter().flat_map(|count| gzip(&lines(*count))).collect();
        bytes.extend(after);
        for (place, bits) in flips {
            // What it is compressed by stays as it is.
            let place = place.index(bytes.len()).max(3);
            bytes[place] ^= bits;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()).max(4));
        }
        match (open(&bytes, true), open(&bytes, false)) {
            (Ok(_), Ok(_)) => {
                let (whole, whole_error) = text_of(&bytes, true);
                let (pieces, pieces_error) = text_of(&bytes, false);
                let shared = whole.len().min(pieces.len());
                prop_assert!(whole[..shared] == pieces[..shared]);
                // A piece is lost with the damage that is in it. Damage that
                // harms no text, as the checksum says, only one may mind.
                let lost = whole.len().abs_diff(pieces.len());
                let harmless = whole_error.is_none() && pieces_error.is_some();
                if harmless {
                    prop_assert!(text.starts_with(&whole));
                    return Ok(());
                }
                prop_assert!(lost == 0 || whole_error.is_some() && lost <= 32 * 1024, "{lost}");
                prop_assert_eq!(whole_error, pieces_error);
            }
            (one, other) => prop_assert_eq!(
                one.err().map(|error| error.to_string()),
                other.err().map(|error| error.to_string())
            ),
        }
    }
}

#[test]
fn a_failure_comes_after_what_was_read_before_it() {
    let failing = || Cut(LINE.as_bytes(), 50).chain(Failing);
    let mut sync = ReadDecoder::new(Cut(b"\n", 1).chain(failing()), "s", decoder());
    assert!(matches!(sync.next(), Some(Err(InputError::Io { .. }))));
    assert!(sync.next().is_none());

    let two = [LINE, "\n", LINE].concat();
    let mut sync = ReadDecoder::new(two.as_bytes().chain(Failing), "s", decoder());
    assert_eq!(sync.next().unwrap().unwrap().rows.num_rows(), 1);
    let error = sync.next().unwrap().unwrap_err();
    assert_eq!(error.to_string(), "cannot read `s`: unplugged");
    assert!(sync.next().is_none());

    let pieces = [Ok(Bytes::from(two)), Err("unplugged")];
    let mut stream = BytesDecoder::new(futures::stream::iter(pieces), "s", decoder());
    block_on(async {
        assert_eq!(stream.next().await.unwrap().unwrap().rows.num_rows(), 1);
        assert!(stream.next().await.unwrap().is_err());
        assert!(stream.next().await.is_none());
    });
}

struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("unplugged"))
    }
}
