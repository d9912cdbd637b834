//! Text in memory to typed columns in memory, on one core.
//!
//! Every way must give the generator's own row count and sum of bytes. The ways
//! take turns, round after round, and the best round of each counts: the
//! machine's moods then touch all of them. The figures to compare are those of
//! one run: absolute ones drift with the machine.
//!
//! `cargo bench -p vpcflow-benches --bench decode -- [--seconds N] [TABLE…]`
//! prints the tables `v2`, `v5`, `v11` and `batches`, or those named.

use std::hint::black_box;
use std::time::{Duration, Instant};

use arrow_array::RecordBatch;
use vpcflow_benches::{
    Answer, NaiveColumns, Reading, Sample, decode_with_arrow_csv, parse_with_nom,
};
use vpcflow_record::CpuLevel;
use vpcflow_synth::Layout;

/// Text of about 23 MB for each layout: more than a core's own caches.
const BYTES: u64 = 23_000_000;

const THREE: [&str; 3] = ["srcaddr", "dstport", "bytes"];

/// How often a way is timed in its turn: the first time is never the best.
const IN_A_ROW: usize = 5;

/// A way to read the sample; what it holds at the end is dropped with the clock
/// stopped, as what is kept is not dropped in earnest either.
type Way<'a> = Box<dyn Fn() -> (Answer, Vec<RecordBatch>) + 'a>;

/// A table's name, and what measures it for so many seconds.
type Table = (&'static str, fn(f64));

/// A row of a table: a name, and a way for each column.
type Row<'a> = (String, Vec<Way<'a>>);

fn main() {
    let mut seconds = 20.0;
    let mut wanted = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What cargo adds.
            "--bench" => {}
            "--seconds" => {
                let value = arguments.next().and_then(|value| value.parse().ok());
                seconds = value.expect("a number after --seconds");
            }
            _ => wanted.push(argument),
        }
    }
    let tables: [Table; 4] = [
        ("v2", default_format),
        ("v5", version_5),
        ("v11", version_11),
        ("batches", batch_sizes),
    ];
    for (name, table) in tables {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            table(seconds);
        }
    }
}

/// The default format, at every CPU level and beside other ways to read it.
fn default_format(seconds: f64) {
    let sample = sample(Layout::V2);
    let mut rows = levels(&sample, Layout::V2);
    let text = &sample.text;
    let others: [(&str, Way<'_>); 3] = [
        ("arrow-csv", Box::new(|| kept(decode_with_arrow_csv(text)))),
        (
            "split_whitespace",
            Box::new(|| dropped(NaiveColumns::parse(text).answer())),
        ),
        ("nom, plain", Box::new(|| dropped(parse_with_nom(text)))),
    ];
    rows.extend(others.map(|(name, way)| (name.to_owned(), vec![way])));
    print(
        "version 2, 14 columns",
        &LEVEL_COLUMNS,
        &sample,
        &rows,
        seconds,
    );
}

fn version_5(seconds: f64) {
    let sample = sample(Layout::V5);
    let rows = levels(&sample, Layout::V5);
    print(
        "version 5, 29 columns",
        &LEVEL_COLUMNS,
        &sample,
        &rows,
        seconds,
    );
}

fn version_11(seconds: f64) {
    let sample = sample(Layout::V11);
    let rows = levels(&sample, Layout::V11);
    print(
        "version 11, 54 columns",
        &LEVEL_COLUMNS,
        &sample,
        &rows,
        seconds,
    );
}

/// What is done with the batches: whether they share the text or hold a copy,
/// and whether they are held to the end.
const LEVEL_COLUMNS: [&str; 5] = [
    "kept",
    "dropped",
    "3 columns",
    "kept, copied",
    "dropped, copied",
];

fn levels(sample: &Sample, layout: Layout) -> Vec<Row<'_>> {
    let row = |cpu: CpuLevel| {
        let all = Reading::new(layout).at(cpu);
        (cpu.to_string(), ways(sample, all))
    };
    CpuLevel::supported().map(row).collect()
}

fn ways(sample: &Sample, all: Reading) -> Vec<Way<'_>> {
    let three = all.clone().of(&THREE);
    let [kept_shared, dropped_shared, kept_copied, dropped_copied] = [(); 4].map(|()| all.clone());
    vec![
        Box::new(move || kept(kept_shared.keep_shared(&sample.buffer))),
        Box::new(move || dropped(dropped_shared.drop_shared(&sample.buffer))),
        Box::new(move || dropped(three.drop_shared(&sample.buffer))),
        Box::new(move || kept(kept_copied.keep(&sample.text))),
        Box::new(move || dropped(dropped_copied.drop(&sample.text))),
    ]
}

fn batch_sizes(seconds: f64) {
    let sample = sample(Layout::V2);
    let row = |rows: usize| {
        let all = Reading::new(Layout::V2).in_batches_of(rows);
        (format!("{rows} rows a batch"), ways(&sample, all))
    };
    let rows: Vec<Row<'_>> = [1_024, 8_192, 65_536].map(row).into();
    print(
        "batch sizes, version 2",
        &LEVEL_COLUMNS,
        &sample,
        &rows,
        seconds,
    );
}

fn sample(layout: Layout) -> Sample {
    let few = Sample::new(layout, 1_000);
    Sample::new(layout, BYTES * few.answer.rows / few.text.len() as u64)
}

fn kept(batches: Vec<RecordBatch>) -> (Answer, Vec<RecordBatch>) {
    (Answer::of(&batches), batches)
}

fn dropped(answer: Answer) -> (Answer, Vec<RecordBatch>) {
    (answer, Vec::new())
}

/// Times every way of a table and prints it, in GB/s of text.
#[expect(clippy::print_stdout, reason = "the answer of this program")]
fn print(title: &str, columns: &[&str], sample: &Sample, rows: &[Row<'_>], seconds: f64) {
    let best = time(sample, rows, seconds);
    let bytes = sample.text.len() as f64;
    let record = bytes / sample.answer.rows as f64;
    println!("\n{title}, {record:.0} bytes a record: GB/s of text\n");
    println!("| | {} |", columns.join(" | "));
    println!("|---|{}", "---:|".repeat(columns.len()));
    for ((name, _), best) in rows.iter().zip(best) {
        let speeds = best
            .iter()
            .map(|best| format!("{:.2}", bytes / best.as_secs_f64() / 1e9));
        let speeds: Vec<String> = speeds.collect();
        println!("| {name} | {} |", speeds.join(" | "));
    }
}

/// The best time of each way, in rounds for about so long.
fn time(sample: &Sample, rows: &[Row<'_>], seconds: f64) -> Vec<Vec<Duration>> {
    let mut best: Vec<Vec<Duration>> = rows
        .iter()
        .map(|(_, ways)| vec![Duration::MAX; ways.len()])
        .collect();
    let begin = Instant::now();
    loop {
        for ((name, ways), best) in rows.iter().zip(&mut best) {
            for (way, best) in ways.iter().zip(best) {
                for _ in 0..IN_A_ROW {
                    let start = Instant::now();
                    let (answer, batches) = black_box(way());
                    *best = start.elapsed().min(*best);
                    assert_eq!(answer, sample.answer, "{name}");
                    drop(batches);
                }
            }
        }
        if begin.elapsed().as_secs_f64() > seconds {
            return best;
        }
    }
}
