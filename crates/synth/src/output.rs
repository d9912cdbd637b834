//! Records as text: one file, or one file a log stream.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::generator::Generator;
use crate::incident::Incident;
use crate::layout::Layout;
use crate::network::Interface;
use crate::record::Record;

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Number of records, header lines not counted.
    pub records: u64,
    /// Number of bytes, header lines counted.
    pub bytes: u64,
    /// Number of interfaces that have records.
    pub streams: u64,
    /// What is planted in the records.
    pub incidents: Vec<Incident>,
}

/// Writes all records as one text, in order of delivery.
///
/// There is a header line, as in AWS's files in S3, unless the layout is
/// [`Layout::V2`], which readers take for granted.
///
/// # Errors
///
/// Those of the writer.
pub fn write_text(config: &Config, writer: &mut impl Write) -> io::Result<Summary> {
    const BLOCK_BYTES: usize = 256 * 1024;
    let generator = Generator::new(config);
    let mut has_records = vec![false; generator.interfaces().len()];
    let incidents = generator.incidents().to_vec();
    let mut block = header_line(config.layout);
    let mut bytes = 0;
    for record in generator {
        has_records[record.interface.index] = true;
        record.write_line(config.layout, &mut block);
        if block.len() >= BLOCK_BYTES {
            writer.write_all(&block)?;
            bytes += block.len() as u64;
            block.clear();
        }
    }
    writer.write_all(&block)?;
    writer.flush()?;
    Ok(Summary {
        records: config.records,
        bytes: bytes + block.len() as u64,
        streams: has_records.into_iter().filter(|&has| has).count() as u64,
        incidents,
    })
}

/// Writes a file `eni-…-all.log` for each interface that has records into
/// `directory`, which is created if need be. Files of the same name are
/// replaced, others left alone.
///
/// Each file is a log stream: mostly ordered by `start`, some records late.
/// It has a header line unless the layout is [`Layout::V2`]. One file is open
/// at a time, and all buffers together are bounded.
///
/// # Errors
///
/// Those of the file system.
pub fn write_directory(config: &Config, directory: &Path) -> io::Result<Summary> {
    fs::create_dir_all(directory)?;
    let generator = Generator::new(config);
    let incidents = generator.incidents().to_vec();
    let mut files: Vec<_> = generator
        .interfaces()
        .iter()
        .map(|interface| StreamFile::new(directory, interface))
        .collect();
    let buffer_bytes = buffer_bytes(files.len());
    for record in generator {
        files[record.interface.index].push(&record, config.layout, buffer_bytes)?;
    }
    for file in &mut files {
        file.flush()?;
    }
    Ok(Summary {
        records: config.records,
        bytes: files.iter().map(|file| file.bytes).sum(),
        streams: files.iter().filter(|file| file.bytes > 0).count() as u64,
        incidents,
    })
}

/// The size at which a stream's buffer goes to its file: 64 MiB for all
/// streams together, but not so little that files are opened all the time.
fn buffer_bytes(streams: usize) -> usize {
    const ALL_BYTES: usize = 64 * 1024 * 1024;
    (ALL_BYTES / streams.max(1)).clamp(4 * 1024, 256 * 1024)
}

fn header_line(layout: Layout) -> Vec<u8> {
    match layout {
        Layout::V2 => Vec::new(),
        Layout::V5 | Layout::V11 => format!("{}\n", layout.header()).into_bytes(),
    }
}

/// The file of one log stream, open only while its buffer is written.
#[derive(Debug)]
struct StreamFile {
    path: PathBuf,
    buffer: Vec<u8>,
    /// Bytes written to the file so far.
    bytes: u64,
}

impl StreamFile {
    fn new(directory: &Path, interface: &Interface) -> Self {
        Self {
            path: directory.join(format!("{}.log", interface.stream_name())),
            buffer: Vec::new(),
            bytes: 0,
        }
    }

    fn push(&mut self, record: &Record, layout: Layout, buffer_bytes: usize) -> io::Result<()> {
        let is_new = self.bytes == 0 && self.buffer.is_empty();
        if is_new {
            self.buffer = header_line(layout);
        }
        record.write_line(layout, &mut self.buffer);
        if self.buffer.len() >= buffer_bytes {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut file = if self.bytes == 0 {
            File::create(&self.path)?
        } else {
            OpenOptions::new().append(true).open(&self.path)?
        };
        file.write_all(&self.buffer)?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
