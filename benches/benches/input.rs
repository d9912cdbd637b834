//! Files to typed columns in memory, on one core: plain, gzip and zstd.
//!
//! The files are in memory, as a file that was read before is. Throughput is in
//! bytes of text, whatever the file has. Every way must give the generator's own
//! row count and sum of bytes.

use std::hint::black_box;
use std::io::{Cursor, Write, sink};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use vpcflow_benches::{Answer, Sample};
use vpcflow_ingest::OpenFile;
use vpcflow_record::DecodeOptions;
use vpcflow_synth::Layout;

/// About as much text as AWS puts into one object at most: 75 MB.
const RECORDS: u64 = 600_000;
/// gzip's own default.
const GZIP_LEVEL: u32 = 6;
/// Files that others have put together: text of each member.
const MEMBER_BYTES: usize = 64 * 1024;

fn files(criterion: &mut Criterion) {
    let sample = Sample::new(Layout::V2, RECORDS);
    let one_member = gzip(&sample.text);
    let members: Vec<Vec<u8>> = sample.text.chunks(MEMBER_BYTES).map(gzip).collect();
    let zstd = zstd::encode_all(sample.text.as_slice(), 3).expect("memory suffices");
    let mut group = criterion.benchmark_group("input");
    group.throughput(Throughput::ElementsAndBytes {
        elements: sample.answer.rows,
        bytes: sample.text.len() as u64,
    });
    group.sample_size(10);
    for (name, file) in [
        ("plain", sample.text.clone()),
        ("gzip", one_member),
        ("gzip of small members", members.concat()),
        ("zstd", zstd),
    ] {
        let file = Bytes::from(file);
        // Of a file whose size is unknown, gzip is undone in pieces.
        let sizes = match name.starts_with("gzip") {
            true => vec![("whole", Some(file.len() as u64)), ("in pieces", None)],
            false => vec![("in pieces", None)],
        };
        for (way, size_bytes) in sizes {
            bench(
                &mut group,
                &format!("{name}, {way}"),
                &sample,
                &file,
                size_bytes,
            );
        }
    }
    group.finish();
}

/// Times a file's way to text, to batches that are dropped, and to batches that
/// are kept.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    sample: &Sample,
    file: &Bytes,
    size_bytes: Option<u64>,
) {
    let open = || {
        let input = Cursor::new(file.clone());
        OpenFile::new("sample", input, size_bytes).expect("the file is text")
    };
    group.bench_function(format!("{name}/text"), |bencher| {
        bencher.iter(|| {
            let text = std::io::copy(&mut open().into_reader(), &mut sink());
            assert_eq!(text.expect("the file is whole"), sample.text.len() as u64);
        });
    });
    let batches = || {
        let file = open();
        let format = file.format(None);
        let decoded = file.decode(&format, DecodeOptions::default());
        decoded.map(|decoded| decoded.expect("the file is whole").rows)
    };
    group.bench_function(format!("{name}/dropped"), |bencher| {
        bencher.iter(|| {
            let mut answer = Answer::default();
            for batch in batches() {
                answer.add(&batch);
            }
            assert_eq!(answer, sample.answer);
        });
    });
    group.bench_function(format!("{name}/kept"), |bencher| {
        bencher.iter(|| {
            let kept: Vec<_> = black_box(batches().collect());
            assert_eq!(Answer::of(&kept), sample.answer);
        });
    });
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let level = flate2::Compression::new(GZIP_LEVEL);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(text).expect("memory suffices");
    encoder.finish().expect("memory suffices")
}

criterion_group!(benches, files);
criterion_main!(benches);
