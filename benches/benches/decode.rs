//! Text in memory to typed columns in memory, on one core.
//!
//! Every way must give the generator's own row count and sum of bytes. The
//! figures to compare are those of one run: absolute ones drift with the
//! machine.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use vpcflow_benches::{Answer, NaiveColumns, Reading, Sample, decode_with_arrow_csv};
use vpcflow_record::CpuLevel;
use vpcflow_synth::Layout;

const RECORDS: u64 = 200_000;

const THREE: [&str; 3] = ["srcaddr", "dstport", "bytes"];

/// The default format, at every CPU level and beside other ways to read it.
fn default_format(criterion: &mut Criterion) {
    let sample = Sample::new(Layout::V2, RECORDS);
    let mut group = group(criterion, "decode/v2", &sample);
    for cpu in CpuLevel::supported() {
        let all = Reading::new(Layout::V2).at(cpu);
        let three = all.clone().of(&THREE);
        let answer = |reading: &Reading| Answer::of(&reading.keep(&sample.text));
        bench(&mut group, &format!("{cpu}/kept"), &sample, |_| {
            answer(&all)
        });
        bench(&mut group, &format!("{cpu}/dropped"), &sample, |text| {
            all.drop(text)
        });
        bench(&mut group, &format!("{cpu}/shared-kept"), &sample, |_| {
            Answer::of(&all.keep_shared(&sample.buffer))
        });
        bench(
            &mut group,
            &format!("{cpu}/3-columns-dropped"),
            &sample,
            |text| three.drop(text),
        );
    }
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
        let sample = Sample::new(layout, RECORDS / 2);
        let mut group = group(criterion, name, &sample);
        for cpu in CpuLevel::supported() {
            let all = Reading::new(layout).at(cpu);
            bench(&mut group, &format!("{cpu}/kept"), &sample, |text| {
                Answer::of(&all.keep(text))
            });
            bench(&mut group, &format!("{cpu}/dropped"), &sample, |text| {
                all.drop(text)
            });
        }
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
