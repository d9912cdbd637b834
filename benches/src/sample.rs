//! Inputs with known answers, and the decoder under test.

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_buffer::Buffer;
use vpcflow_record::{CpuLevel, DecodeOptions, Decoder, Format, flows_schema};
use vpcflow_synth::{Config, Flow, Generator, Layout, Record};

/// Text in memory, and what must be read from it.
#[derive(Debug)]
pub struct Sample {
    /// Lines without a header.
    pub text: Vec<u8>,
    /// The same, to share with batches.
    pub buffer: Buffer,
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
            buffer: Buffer::default(),
            answer: Answer::default(),
        };
        for record in Generator::new(&config) {
            sample.push(&record, layout);
        }
        sample.buffer = Buffer::from_slice_ref(&sample.text);
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
            answer.add(batch);
        }
        answer
    }

    /// Adds what is in a batch that has the column `bytes`.
    ///
    /// # Panics
    /// When it has not.
    pub fn add(&mut self, batch: &RecordBatch) {
        let bytes = batch
            .column_by_name("bytes")
            .expect("the column is never projected away")
            .as_primitive::<Int64Type>();
        self.rows += batch.num_rows() as u64;
        // NULL has 0.
        self.bytes += bytes.values().iter().sum::<i64>();
    }
}

/// A way to use the decoder: the format, the columns, the CPU level.
#[derive(Debug, Clone)]
pub struct Reading {
    format: Format,
    options: DecodeOptions,
}

impl Reading {
    /// All columns of a layout, at the best level that the CPU has.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            format: layout.format(),
            options: DecodeOptions::default(),
        }
    }

    /// At this level.
    #[must_use]
    pub fn at(mut self, cpu: CpuLevel) -> Self {
        self.options.cpu = cpu;
        self
    }

    /// Of these columns only.
    ///
    /// # Panics
    /// When the format does not have one of them.
    #[must_use]
    pub fn of(mut self, columns: &[&str]) -> Self {
        let table = flows_schema([&self.format]);
        let index_of = |name: &&str| table.index_of(name).expect("a column of the format");
        self.options.projection = Some(columns.iter().map(index_of).collect());
        self
    }

    /// With batches of so many rows.
    #[must_use]
    pub fn in_batches_of(mut self, rows: usize) -> Self {
        self.options.batch_rows = rows;
        self
    }

    /// Decodes a text into batches that are all held in memory, as other
    /// readers do.
    #[must_use]
    pub fn keep(&self, text: &[u8]) -> Vec<RecordBatch> {
        self.batches(text.len(), |decoder, used| decoder.decode(&text[used..]))
    }

    /// The same, with batches that refer to the text instead of a copy.
    #[must_use]
    pub fn keep_shared(&self, text: &Buffer) -> Vec<RecordBatch> {
        self.batches(text.len(), |decoder, used| {
            decoder.decode_buffer(&text.slice(used))
        })
    }

    fn batches(
        &self,
        len: usize,
        decode: impl Fn(&mut Decoder, usize) -> usize,
    ) -> Vec<RecordBatch> {
        let mut batches = Vec::new();
        self.read(len, decode, |batch| batches.push(batch));
        batches
    }

    /// Decodes a text into batches that are looked at and dropped.
    #[must_use]
    pub fn drop(&self, text: &[u8]) -> Answer {
        self.sum(text.len(), |decoder, used| decoder.decode(&text[used..]))
    }

    /// The same, with batches that refer to the text instead of a copy.
    #[must_use]
    pub fn drop_shared(&self, text: &Buffer) -> Answer {
        self.sum(text.len(), |decoder, used| {
            decoder.decode_buffer(&text.slice(used))
        })
    }

    fn sum(&self, len: usize, decode: impl Fn(&mut Decoder, usize) -> usize) -> Answer {
        let mut answer = Answer::default();
        self.read(len, decode, |batch| answer.add(&batch));
        answer
    }

    fn read(
        &self,
        len: usize,
        decode: impl Fn(&mut Decoder, usize) -> usize,
        mut take: impl FnMut(RecordBatch),
    ) {
        let mut decoder = Decoder::new(self.format.clone(), self.options.clone());
        let mut used = 0;
        while used < len {
            used += decode(&mut decoder, used);
            if let Some(batch) = decoder.flush().expect("the columns fit the schema") {
                take(batch);
            }
        }
        assert_eq!(decoder.counts().rejects, 0);
    }
}
