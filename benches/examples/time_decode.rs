//! Times the decoder on a file of version-2 records and prints what it found,
//! for `scripts/bench-peers`: a JSON object a line.
//!
//! Arguments: the file, and how often to repeat.

use std::env;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use vpcflow_benches::{Answer, Reading};
use vpcflow_synth::Layout;

#[expect(clippy::print_stdout, reason = "the answer of this program")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments.next().ok_or("name a file")?;
    let repeats: usize = arguments.next().ok_or("say how often")?.parse()?;
    let text = Buffer::from_vec(fs::read(path)?);
    let all = Reading::new(Layout::V2);
    let three = all.clone().of(&["srcaddr", "bytes", "action"]);
    for (name, reading) in [("all columns", all), ("3 columns", three)] {
        for _ in 0..repeats {
            let start = Instant::now();
            let batches: Vec<RecordBatch> = black_box(reading.keep_shared(&text));
            let seconds = start.elapsed().as_secs_f64();
            let answer = Answer::of(&batches);
            println!(
                "{{\"case\": \"{name}\", \"seconds\": {seconds}, \"rows\": {}, \"bytes\": {}}}",
                answer.rows, answer.bytes
            );
        }
    }
    Ok(())
}
