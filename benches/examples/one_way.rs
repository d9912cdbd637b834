//! scratch
use vpcflow_benches::{Reading, Sample};
use vpcflow_record::CpuLevel;
use vpcflow_synth::Layout;
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let layout = match a[1].as_str() {
        "v5" => Layout::V5,
        "v11" => Layout::V11,
        _ => Layout::V2,
    };
    let cpu = CpuLevel::supported().find(|c| c.name() == a[2]).unwrap();
    let n: usize = a[4].parse().unwrap();
    let sample = Sample::new(layout, 200_000 * 14 / layout.format().fields().len() as u64);
    let mut r = Reading::new(layout).at(cpu);
    if a[3] == "three" {
        r = r.of(&["srcaddr", "dstport", "bytes"]);
    }
    let mut best = f64::MAX;
    for _ in 0..n {
        let t = std::time::Instant::now();
        let answer = match a[3].as_str() {
            "kept" => {
                let b = r.keep_shared(&sample.buffer);
                best = best.min(t.elapsed().as_secs_f64());
                vpcflow_benches::Answer::of(&b)
            }
            "copied" => r.drop(&sample.text),
            _ => r.drop_shared(&sample.buffer),
        };
        if a[3] != "kept" {
            best = best.min(t.elapsed().as_secs_f64());
        }
        assert_eq!(answer, sample.answer);
    }
    eprintln!(
        "{} {} {}: {:.2} GB/s {:.1} ns",
        a[1],
        a[2],
        a[3],
        sample.text.len() as f64 / best / 1e9,
        best / sample.answer.rows as f64 * 1e9
    );
}
