//! Text in memory to typed columns in memory, on one core.
//!
//! Every way must give the generator's own row count and sum of bytes. The
//! figures to compare are those of one run: absolute ones drift with the
//! machine.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use vpcflow_benches::{Answer, NaiveColumns, Sample, decode, decode_with_arrow_csv};
use vpcflow_synth::Layout;

const RECORDS: u64 = 100_000;

/// The default format, beside other ways to read it.
fn default_format(criterion: &mut Criterion) {
    let sample = Sample::new(Layout::V2, RECORDS);
    let mut group = group(criterion, "decode/v2", &sample);
    bench(&mut group, "vpcflow", &sample, |text| {
        Answer::of(&decode(text, Layout::V2.format(), None))
    });
    bench(&mut group, "vpcflow-3-columns", &sample, |text| {
        let columns = ["srcaddr", "dstport", "bytes"];
        Answer::of(&decode(text, Layout::V2.format(), Some(&columns)))
    });
    bench(&mut group, "naive", &sample, |text| {
        NaiveColumns::parse(text).answer()
    });
    bench(&mut group, "arrow-csv", &sample, |text| {
        Answer::of(&decode_with_arrow_csv(text))
    });
    group.finish();
}

/// All 29 fields of version 5, all 54 of version 11.
fn wider_formats(criterion: &mut Criterion) {
    for (name, layout) in [("decode/v5", Layout::V5), ("decode/v11", Layout::V11)] {
        let sample = Sample::new(layout, RECORDS);
        let mut group = group(criterion, name, &sample);
        bench(&mut group, "vpcflow", &sample, |text| {
            Answer::of(&decode(text, layout.format(), None))
        });
        group.finish();
    }
}

fn group<'a>(
    criterion: &'a mut Criterion,
    name: &str,
    sample: &Sample,
) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::ElementsAndBytes {
        elements: sample.answer.rows,
        bytes: sample.text.len() as u64,
    });
    group.sample_size(20);
    group
}

/// Times one way to read the sample, and checks each answer.
fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    sample: &Sample,
    read: impl Fn(&[u8]) -> Answer,
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| assert_eq!(read(&sample.text), sample.answer));
    });
}

criterion_group!(benches, default_format, wider_formats);
criterion_main!(benches);
