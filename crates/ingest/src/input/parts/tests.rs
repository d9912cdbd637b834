//! However a file is divided and whoever reads what: what one reader finds.

use std::collections::VecDeque;
use std::io::Write;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use proptest::prelude::*;
use vpcflow_record::{Format, flows_schema};

use super::*;
use crate::{FileDecoder, InputFile, OpenFile};

/// Rows, rejects and counts, in the order of the file.
type Found = (RecordBatch, RecordBatch, [u64; 4]);

fn options(format: &FileFormat) -> DecodeOptions {
    DecodeOptions {
        table: Some(flows_schema([&format.format])),
        ..DecodeOptions::default()
    }
}

fn together(decoded: Vec<Decoded>, counts: DecodeCounts, bytes: u64) -> Found {
    let (rows, rejects): (Vec<_>, Vec<_>) = decoded
        .into_iter()
        .map(|decoded| (decoded.rows, decoded.rejects))
        .unzip();
    let all = |batches: &[RecordBatch]| match batches.first() {
        Some(first) => concat_batches(&first.schema(), batches).unwrap(),
        None => RecordBatch::new_empty(Arc::new(arrow_schema::Schema::empty())),
    };
    let counts = [counts.records, counts.rejects, counts.cut, bytes];
    (all(&rows), all(&rejects), counts)
}

fn from_the_start(file: &InputFile, format: &FileFormat) -> Found {
    let mut decoder = FileDecoder::open(file, format, options(format)).unwrap();
    let decoded = decoder.by_ref().map(Result::unwrap).collect();
    together(decoded, decoder.counts(), decoder.counts().bytes)
}

/// What readers find that take their turns as told: a turn reads a part, or
/// reports the one that was read.
fn in_parts(file: &DividedFile, turns: &[usize]) -> Found {
    let options = options(&file.format);
    let mut readers = [const { None }; 3]
        .map(|none: Option<Part>| (PartDecoder::new(file, options.clone()), none));
    let mut read: Vec<(u64, Vec<Decoded>, DecodeCounts, u64, Verdict)> = Vec::new();
    let mut turns: VecDeque<usize> = turns.iter().copied().collect();
    let mut rest = (0..readers.len()).cycle();
    while !file.is_settled() {
        let turn = turns.pop_front().or_else(|| rest.next()).unwrap();
        let (decoder, part) = &mut readers[turn];
        if let Some(part) = part.take() {
            let before = decoder.counts();
            let decoded = decoder.decode(&part).unwrap();
            let after = decoder.counts();
            let counts = DecodeCounts {
                records: after.records - before.records,
                rejects: after.rejects - before.rejects,
                cut: after.cut - before.cut,
                ..DecodeCounts::default()
            };
            let verdict = file.report(&part, decoder);
            read.push((part.taken.index, decoded, counts, part.bytes, verdict));
        } else if let Some(taken) = file.take() {
            *part = Some(decoder.read(file, taken).unwrap());
        }
    }
    read.retain(|(.., verdict)| verdict.counts().unwrap());
    read.sort_by_key(|(index, ..)| *index);
    let (mut all, mut sums, mut bytes) = (Vec::new(), DecodeCounts::default(), 0);
    for (_, decoded, counts, part_bytes, _) in read {
        all.extend(decoded);
        sums.records += counts.records;
        sums.rejects += counts.rejects;
        sums.cut += counts.cut;
        bytes += part_bytes;
    }
    together(all, sums, bytes)
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let record = (0..300_u32, 0..70_000_u32)
        .prop_map(|(host, port)| format!("10.0.0.{host} {port} REJECT\n").into_bytes());
    let other = prop::sample::select(vec![
        "srcaddr dstport action\n",
        "srcaddr,dstport,action\n",
        "10.0.0.1,22,REJECT\n",
        "dstport srcaddr\n",
        "22 10.0.0.2\n",
        "dstport srcaddr tcp-flags\n",
        "22 10.0.0.2 3\n",
        "# a comment\n",
        "\n",
        "   \r\n",
        "10.0.0.1 22 \u{fc}ber\r\n",
    ]);
    let other = other.prop_map(|line| line.as_bytes().to_vec());
    let long = (0..3_usize).prop_map(|over| {
        let mut line = vec![b'x'; MAX_LINE_BYTES - 1 + over];
        line.push(b'\n');
        line
    });
    let very_long = (1..5_usize).prop_map(|times| {
        let mut line = b"10.0.0.1 22 ".to_vec();
        line.resize(times * 100_000, b'y');
        line.push(b'\n');
        line
    });
    let bytes = prop::collection::vec(any::<u8>(), 0..30);
    prop_oneof![20 => record, 4 => other, 1 => bytes, 1 => long, 1 => very_long]
}

proptest! {
    #[test]
    fn parts_have_what_one_reader_finds(
        lines in prop::collection::vec(line(), 1..60),
        header in prop::option::of(prop::sample::select(vec![
            "srcaddr dstport action\n", "\u{feff}dstport srcaddr\n", "action,srcaddr,dstport\n",
        ])),
        declared in any::<bool>(),
        ends in any::<bool>(),
        part_bytes in prop_oneof![1..40_u64, 40..2_000_u64, 50_000..200_000_u64],
        turns in prop::collection::vec(0..3_usize, 0..200),
    ) {
        let mut text = header.unwrap_or("10.0.0.1 22 ACCEPT\n").as_bytes().to_vec();
        text.extend(lines.concat());
        // Binary data is found out at the start, and is another test's.
        text.iter_mut().filter(|byte| **byte == 0).for_each(|byte| *byte = b'0');
        if !ends {
            text.pop();
        }
        let part_bytes = part_bytes.max(text.len() as u64 / 2_000);
        let mut log = tempfile::NamedTempFile::new().unwrap();
        log.write_all(&text).unwrap();
        let file = InputFile::new(log.path().to_owned(), text.len() as u64);
        let opened = file.open().unwrap();
        let format = Format::parse("srcaddr dstport action").unwrap();
        let format = opened.format(declared.then_some(&format));
        prop_assert!(opened.is_divisible());
        let divided = DividedFile::with_part_bytes(
            file.name.clone(),
            Arc::new(file.open_raw().unwrap()),
            text.len() as u64,
            &format,
            part_bytes,
        );
        let expected = from_the_start(&file, &format);
        prop_assert_eq!(expected.2[3], text.len() as u64);
        prop_assert_eq!(in_parts(&divided, &turns), expected);
    }
}

#[test]
fn only_text_on_a_disk_is_divided() {
    let directory = tempfile::tempdir().unwrap();
    let is_divided = |bytes: &[u8]| {
        let path = directory.path().join("x");
        std::fs::write(&path, bytes).unwrap();
        let opened = InputFile::new(path, 0).open().unwrap();
        let format = opened.format(None);
        assert_eq!(opened.is_divisible(), opened.divide(&format).is_ok());
        let opened = InputFile::new(directory.path().join("x"), 0)
            .open()
            .unwrap();
        opened.is_divisible()
    };
    assert!(is_divided(b"2 1 eni-1\n"));
    assert!(!is_divided(b""));
    assert!(!is_divided(br#"{"message": "2 1 eni-1"}"#));
    assert!(!is_divided(
        &zstd::encode_all(&b"2 1 eni-1\n"[..], 1).unwrap()
    ));
    let opened = OpenFile::new("x", io::empty(), Some(0)).unwrap();
    assert!(!opened.is_divisible());
}

#[test]
fn a_file_that_shrinks_is_read_as_far_as_it_goes() {
    let mut log = tempfile::NamedTempFile::new().unwrap();
    let text = "srcaddr dstport\n10.0.0.1 22\n10.0.0.2 23\n";
    log.write_all(text.as_bytes()).unwrap();
    let file = InputFile::new(log.path().to_owned(), 0);
    let opened = file.open().unwrap();
    let format = opened.format(None);
    let size_bytes = text.len() as u64;
    let raw = Arc::new(file.open_raw().unwrap());
    let divided = DividedFile::with_part_bytes(file.name, raw, size_bytes, &format, 20);
    log.as_file().set_len(28).unwrap();
    let (rows, rejects, _) = in_parts(&divided, &[]);
    assert_eq!((rows.num_rows(), rejects.num_rows()), (1, 0));
}
