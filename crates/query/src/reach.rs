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
        let mut reach = Reach {
            total_bytes: Some(0),
            ..Reach::default()
        };
        let mut add = |done_bytes: u64, total_bytes: Option<u64>| {
            reach.done_bytes += done_bytes;
            reach.total_bytes = reach.total_bytes.zip(total_bytes).map(|(a, b)| a + b);
        };
        for file in &self.files {
            let total_bytes = Some(file.file.size_bytes).filter(|_| !file.is_compressed);
            add(read_of(file).bytes, total_bytes);
        }
        for store in &self.stores {
            let (done_bytes, total_bytes) = store.flows.reach();
            add(done_bytes, Some(total_bytes));
        }
        reach
    }
}

/// What was read of a file.
fn read_of(file: &SourceFile) -> ReadCounts {
    let mut counts = ReadCounts::default();
    file.counts.add_to(&mut counts);
    counts
}
