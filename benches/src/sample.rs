//! Inputs with known answers, and the decoder under test.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use vpcflow_record::{DecodeOptions, Decoder, Format, flows_schema};
use vpcflow_synth::{Config, Flow, Generator, Layout, Record};

/// Text in memory, and what must be read from it.
#[derive(Debug)]
pub struct Sample {
    /// Lines without a header.
    pub text: Vec<u8>,
    /// Known from the generator, not from any parser.
    pub answer: Answer,
}

/// What a reader found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answer {
    /// Number of records.
    pub rows: u64,
    /// Sum of the field `bytes`.
    pub bytes: i64,
}

impl Sample {
    /// So many records of 200 interfaces.
    #[must_use]
    pub fn new(layout: Layout, records: u64) -> Self {
        let config = Config {
            records,
            enis: 200,
            ..Config::default()
        };
        let mut sample = Self {
            text: Vec::new(),
            answer: Answer::default(),
        };
        for record in Generator::new(&config) {
            sample.push(&record, layout);
        }
        sample
    }

    fn push(&mut self, record: &Record, layout: Layout) {
        record.write_line(layout, &mut self.text);
        self.answer.rows += 1;
        self.answer.bytes += record.flow().map_or(0, |flow: &Flow| flow.bytes as i64);
    }
}

impl Answer {
    /// What is in batches that have the column `bytes`.
    #[must_use]
    pub fn of(batches: &[RecordBatch]) -> Self {
        let mut answer = Self::default();
        for batch in batches {
            let bytes = batch
                .column_by_name("bytes")
                .expect("the column is never projected away")
                .as_primitive::<Int64Type>();
            answer.rows += batch.num_rows() as u64;
            answer.bytes += bytes.iter().flatten().sum::<i64>();
        }
        answer
    }
}

/// Decodes a whole text, of all columns those named, into batches that are all
/// held in memory, as other readers do.
#[must_use]
pub fn decode(text: &[u8], format: Format, columns: Option<&[&str]>) -> Vec<RecordBatch> {
    let table = flows_schema([&format]);
    let index_of = |name: &&str| table.index_of(name).expect("a column of the format");
    let projection = columns.map(|names| names.iter().map(index_of).collect());
    let options = DecodeOptions {
        projection,
        ..DecodeOptions::default()
    };
    let mut decoder = Decoder::new(format, options);
    let mut batches = Vec::new();
    let mut used = 0;
    while used < text.len() {
        used += decoder.decode(&text[used..]);
        batches.extend(decoder.flush().expect("the columns fit the schema"));
    }
    assert_eq!(decoder.counts().rejects, 0);
    batches
}
