//! How far the reading of sources has come.

use crate::sources::{ReadCounts, SourceFile, Sources};

/// How far the reading has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reach {
    /// Bytes of files behind it.
    pub done_bytes: u64,
    /// Bytes of all files, where what is read of them can be compared with it:
    /// the text of a compressed file is of another size than the file.
    pub total_bytes: Option<u64>,
}

impl Sources {
    /// The files of which every line that was read was refused.
    pub(crate) fn refused_files(&self) -> Vec<&str> {
        let refused = self.files.iter().filter(|file| {
            let counts = read_of(file);
            counts.records == 0 && counts.rejects > 0
        });
        refused.map(|file| file.file.name.as_str()).collect()
    }

    pub(crate) fn reach(&self) -> Reach {
        let mut reach = Reach::of(0, Some(0));
        for file in &self.files {
            let total_bytes = Some(file.file.size_bytes).filter(|_| file.is_divisible());
            reach.add(Reach::of(read_of(file).bytes, total_bytes));
        }
        for table in &self.parquet {
            reach.add(table.reach());
        }
        for store in &self.stores {
            reach.add(store.flows.reach());
        }
        reach
    }
}

impl Reach {
    pub(crate) fn of(done_bytes: u64, total_bytes: Option<u64>) -> Reach {
        Reach {
            done_bytes,
            total_bytes,
        }
    }

    /// Adds how far other files are read.
    pub(crate) fn add(&mut self, other: Reach) {
        self.done_bytes += other.done_bytes;
        self.total_bytes = self.total_bytes.zip(other.total_bytes).map(|(a, b)| a + b);
    }
}

/// What was read of a file.
fn read_of(file: &SourceFile) -> ReadCounts {
    let mut counts = ReadCounts::default();
    file.counts.add_to(&mut counts);
    counts
}
