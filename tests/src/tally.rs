//! What went in and what is in a store, to be compared.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tokio::runtime::Runtime;
use vpcflow_store::{Location, Reader, read_rejects};

/// Records, told apart by their `bytes`, and refused lines: how often each is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    records: BTreeMap<i64, u32>,
    rejects: BTreeMap<String, u32>,
}

impl Tally {
    /// Notes a record with these `bytes`.
    pub fn record(&mut self, bytes: i64) {
        *self.records.entry(bytes).or_default() += 1;
    }

    /// Notes a line that is to be refused.
    pub fn reject(&mut self, line: &str) {
        *self.rejects.entry(line.to_owned()).or_default() += 1;
    }

    /// Records and refused lines together.
    #[must_use]
    pub fn events(&self) -> u64 {
        let counts = self.records.values().chain(self.rejects.values());
        counts.map(|times| u64::from(*times)).sum()
    }

    /// What is committed to a store: read from the files that it names, not by the
    /// way that queries take. A store that is not there has nothing.
    ///
    /// # Panics
    ///
    /// When a store is there and cannot be read.
    #[must_use]
    #[track_caller]
    pub fn of_store(directory: &Path) -> Tally {
        let mut tally = Tally::default();
        if !directory.join("_delta_log").is_dir() {
            return tally;
        }
        let runtime = Runtime::new().expect("threads can be started");
        let location = Location::directory(directory).expect("a directory is a place");
        let snapshot = runtime.block_on(async {
            let mut reader = match Reader::open(&location).await {
                // Killed before the first entry.
                Err(vpcflow_store::Error::Missing { .. }) => return None,
                reader => reader.expect("the store opens"),
            };
            Some(reader.snapshot().await.expect("the store is read"))
        });
        let Some(snapshot) = snapshot else {
            return tally;
        };
        for file in snapshot.files() {
            tally.take_file(&directory.join(file.path.as_ref()));
        }
        for file in snapshot.rejects_files() {
            let read = read_rejects(location.store().as_ref(), file);
            let rejects = runtime.block_on(read).expect("rejects are read");
            let lines = rejects.column_by_name("line").expect("rejects have lines");
            for line in lines.as_string_view().iter().flatten() {
                tally.reject(line);
            }
        }
        tally
    }

    fn take_file(&mut self, path: &Path) {
        let file = File::open(path).expect("a committed file is there");
        let builder =
            ParquetRecordBatchReaderBuilder::try_new(file).expect("a committed file is whole");
        let bytes = ProjectionMask::columns(builder.parquet_schema(), ["bytes"]);
        let reader = builder.with_projection(bytes).build();
        for batch in reader.expect("a committed file is read") {
            let batch = batch.expect("a committed file is read");
            let bytes = batch.column(0).as_primitive::<Int64Type>();
            assert_eq!(bytes.null_count(), 0, "a record that nobody made");
            bytes.values().iter().for_each(|bytes| self.record(*bytes));
        }
    }

    /// Asserts that nothing is here more often than it was `given`.
    ///
    /// # Panics
    ///
    /// When something is.
    #[track_caller]
    pub fn assert_has_nothing_twice(&self, given: &Tally, when: &str) {
        let (records, rejects) = (
            more(&self.records, &given.records),
            more(&self.rejects, &given.rejects),
        );
        assert!(
            records.is_empty() && rejects.is_empty(),
            "{when}: more often in the store than given: {records:?} {rejects:?}"
        );
    }

    /// Asserts that what was `given` is here, each once for each time.
    ///
    /// # Panics
    ///
    /// When something is not.
    #[track_caller]
    pub fn assert_has_all(&self, given: &Tally, when: &str) {
        self.assert_has_nothing_twice(given, when);
        let (records, rejects) = (
            more(&given.records, &self.records),
            more(&given.rejects, &self.rejects),
        );
        assert!(
            records.is_empty() && rejects.is_empty(),
            "{when}: given and not in the store: {records:?} {rejects:?}"
        );
    }
}

/// What is in one more often than in the other, and how often in each.
fn more<K: Ord + Clone>(one: &BTreeMap<K, u32>, other: &BTreeMap<K, u32>) -> Vec<(K, u32, u32)> {
    let times = |key| other.get(key).copied().unwrap_or_default();
    one.iter()
        .map(|(key, count)| (key.clone(), *count, times(key)))
        .filter(|(_, count, other)| count > other)
        .collect()
}
