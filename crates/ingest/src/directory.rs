//! Following files that grow, each a log stream.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow_schema::SchemaRef;
use tokio_util::sync::CancellationToken;
use vpcflow_record::{DecodeOptions, Decoder, Format, Policy, flows_schema};

use crate::clock::Clock;
use crate::input::{FileDecoder, FileFormat, InputError, InputFile, Location, expand, take};
use crate::sink::{Decoded, Sink, SinkError};

/// Where a follower of files stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FilesCheckpoint {}
/// A step of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FilesDelta {}
impl FilesCheckpoint {
    /// Applies.
    pub fn apply(&mut self, _delta: &FilesDelta) {}
}
impl FilesDelta {
    /// Empty.
    pub fn is_empty(&self) -> bool {
        true
    }
}

/// Size of the pieces that are read and decoded.
const CHUNK_BYTES: usize = 256 * 1024;

/// Follows the files of directories, patterns and paths: what is there, what is
/// appended, and new files.
///
/// A file is known by its device and inode, so that a renamed file is not read
/// twice. A file that got shorter is read again from its start, and said to be.
/// A compressed file is read once, when its size has stood still from one poll to the
/// next. A last line without a line feed waits for its end.
#[derive(Debug)]
pub struct DirectoryFollower {
    locations: Vec<Location>,
    declared: Option<Format>,
    policy: Policy,
    table: SchemaRef,
    files: HashMap<Identity, Followed>,
}

type Identity = (u64, u64);

#[derive(Debug)]
struct Followed {
    file: InputFile,
    /// Bytes of the file that were handed to the decoder.
    offset: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Too short to tell its format, or compressed and perhaps still growing.
    Waiting { size_bytes: u64 },
    /// Text in the middle of being followed.
    Text(Box<Decoder>),
    /// A compressed file that was read to its end.
    Done,
}

impl DirectoryFollower {
    /// Follows these locations. The table's columns are those of the formats
    /// that the present files have, or of the declared one; the policy says what
    /// is refused.
    ///
    /// # Errors
    /// When a location cannot be listed or a file cannot be read. A directory
    /// without log files is no error: they may come.
    pub fn new(
        locations: Vec<Location>,
        declared: Option<Format>,
        policy: Policy,
    ) -> Result<DirectoryFollower, InputError> {
        let mut formats = Vec::new();
        for (_, file) in list(&locations)? {
            formats.push(FileFormat::resolve(&file, declared.as_ref())?.format);
        }
        formats.extend(declared.clone());
        let table = flows_schema(&formats);
        Ok(DirectoryFollower {
            locations,
            declared,
            policy,
            table,
            files: HashMap::new(),
        })
    }

    /// The schema of the rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.table
    }

    /// Files being followed.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Follows until `stop` is cancelled or the clock shows `until_ms`.
    ///
    /// # Cancel safety
    /// Not cancel safe: use `stop`.
    ///
    /// # Errors
    /// When a file cannot be read or the sink fails.
    pub async fn follow(
        &mut self,
        clock: &dyn Clock,
        poll: Duration,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
        until_ms: Option<i64>,
    ) -> Result<(), SinkError> {
        let poll_ms = i64::try_from(poll.as_millis()).unwrap_or(i64::MAX).max(1);
        loop {
            self.poll(sink, stop).await?;
            sink.settle().await?;
            let now_ms = clock.now_ms();
            if stop.is_cancelled() || until_ms.is_some_and(|until_ms| now_ms >= until_ms) {
                break;
            }
            let next_ms = until_ms
                .unwrap_or(i64::MAX)
                .min(now_ms.saturating_add(poll_ms));
            tokio::select! {
                () = clock.sleep_until_ms(next_ms) => {}
                () = stop.cancelled() => break,
            }
        }
        for followed in self.files.values() {
            if let Some(message) = followed.unread() {
                sink.notice(&message);
            }
        }
        Ok(())
    }

    /// Reads all that is new, once.
    async fn poll(
        &mut self,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
    ) -> Result<(), SinkError> {
        for (identity, file) in list(&self.locations)? {
            let followed = self.files.remove(&identity).unwrap_or_else(|| Followed {
                file: file.clone(),
                offset: 0,
                state: State::Waiting {
                    size_bytes: u64::MAX,
                },
            });
            let followed = Followed { file, ..followed };
            let followed = self.read(followed, sink, stop).await?;
            self.files.insert(identity, followed);
            if stop.is_cancelled() {
                break;
            }
        }
        Ok(())
    }

    /// Reads one file to its present end, a batch at a time: the blocking part
    /// on a thread for it, the write to the sink here.
    async fn read(
        &self,
        mut followed: Followed,
        sink: &mut dyn Sink,
        stop: &CancellationToken,
    ) -> Result<Followed, SinkError> {
        if followed.file.size_bytes < followed.offset {
            sink.notice(&format!(
                "`{}` got shorter: it is read again from its start",
                followed.file.name
            ));
            followed.offset = 0;
            followed.state = State::Waiting {
                size_bytes: u64::MAX,
            };
        }
        while !stop.is_cancelled() {
            let declared = self.declared.clone();
            let options = DecodeOptions {
                table: Some(Arc::clone(&self.table)),
                policy: self.policy,
                ..DecodeOptions::default()
            };
            let task = tokio::task::spawn_blocking(move || {
                let result = followed.advance(declared.as_ref(), options);
                (followed, result)
            });
            let (returned, batches) = task.await?;
            followed = returned;
            let batches = batches?;
            if batches.is_empty() {
                break;
            }
            for batch in batches {
                sink.write(batch).await?;
            }
        }
        Ok(followed)
    }
}

impl Followed {
    /// Reads on; no batch means that there is nothing more for now.
    fn advance(
        &mut self,
        declared: Option<&Format>,
        options: DecodeOptions,
    ) -> Result<Vec<Decoded>, SinkError> {
        match &mut self.state {
            State::Done => Ok(Vec::new()),
            State::Text(decoder) => read_text(&self.file, &mut self.offset, decoder),
            State::Waiting { .. } if self.file.size_bytes == 0 => Ok(Vec::new()),
            State::Waiting { size_bytes } => {
                if self.file.is_compressed()? {
                    if *size_bytes != self.file.size_bytes {
                        *size_bytes = self.file.size_bytes;
                        return Ok(Vec::new());
                    }
                    self.state = State::Done;
                    self.offset = self.file.size_bytes;
                    let format = FileFormat::resolve(&self.file, declared)?;
                    return FileDecoder::open(&self.file, &format, options)?.collect();
                }
                let format = FileFormat::resolve(&self.file, declared)?;
                let options = DecodeOptions {
                    headers: !format.declared,
                    ..options
                };
                let mut decoder = Box::new(Decoder::new(format.format, options));
                let batches = read_text(&self.file, &mut self.offset, &mut decoder);
                self.state = State::Text(decoder);
                batches
            }
        }
    }

    /// What is left of the file at the end, in words.
    fn unread(&self) -> Option<String> {
        let name = &self.file.name;
        match &self.state {
            State::Text(decoder) if decoder.partial_bytes() > 0 => Some(format!(
                "`{name}` ends in a line without its line feed: its {} bytes were not decoded",
                decoder.partial_bytes()
            )),
            State::Waiting { .. } if self.file.size_bytes > 0 => {
                Some(format!("`{name}` was not read: it may still be growing"))
            }
            _ => None,
        }
    }
}

/// Reads text from `offset` on until a batch is full or the file ends.
fn read_text(
    file: &InputFile,
    offset: &mut u64,
    decoder: &mut Decoder,
) -> Result<Vec<Decoded>, SinkError> {
    let mut handle = File::open(&file.path).map_err(|error| file.error(error))?;
    handle
        .seek(SeekFrom::Start(*offset))
        .map_err(|error| file.error(error))?;
    let before = decoder.counts();
    let mut chunk = vec![0; CHUNK_BYTES];
    while !decoder.is_full() {
        let read = handle.read(&mut chunk).map_err(|error| file.error(error))?;
        if read == 0 {
            break;
        }
        *offset += decoder.decode(&chunk[..read]) as u64;
    }
    let decoded = take(decoder, &file.name, before)?;
    Ok(decoded.into_iter().collect())
}

/// The files of all locations, in order of their paths; each once, whatever
/// names it has.
fn list(locations: &[Location]) -> Result<Vec<(Identity, InputFile)>, InputError> {
    let mut found: BTreeMap<PathBuf, InputFile> = BTreeMap::new();
    for location in locations {
        let files = match expand(location) {
            Err(InputError::NoLogs(_) | InputError::NoMatch(_)) => continue,
            files => files?,
        };
        found.extend(files.into_iter().map(|file| (file.path.clone(), file)));
    }
    let mut known = HashSet::new();
    let mut files = Vec::new();
    for (path, file) in found {
        // Gone since it was listed: nothing to follow.
        let Ok(metadata) = path.metadata() else {
            continue;
        };
        let identity = identity(&metadata);
        if known.insert(identity) {
            files.push((identity, file));
        }
    }
    Ok(files)
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::Path;

    use async_trait::async_trait;

    use super::*;
    use crate::clock::SimulatedClock;

    /// Counts what comes, and at each settling does the next thing to the files.
    struct Script<'a> {
        rows: Vec<usize>,
        rejects: usize,
        notices: Vec<String>,
        written: usize,
        steps: Vec<Box<dyn FnMut() + Send + 'a>>,
        stop: CancellationToken,
    }

    #[async_trait]
    impl Sink for Script<'_> {
        async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
            self.written += batch.rows.num_rows();
            self.rejects += batch.rejects.num_rows();
            Ok(())
        }

        async fn settle(&mut self) -> Result<(), SinkError> {
            self.rows.push(std::mem::take(&mut self.written));
            if self.steps.is_empty() {
                self.stop.cancel();
            } else {
                self.steps.remove(0)();
            }
            Ok(())
        }

        fn notice(&mut self, message: &str) {
            self.notices.push(message.to_owned());
        }
    }

    const LINE: &str = "2 1 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 40 1418530010 1418530070 ACCEPT OK";

    fn append(path: &Path, text: &str) {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    async fn run<'a>(root: &Path, steps: Vec<Box<dyn FnMut() + Send + 'a>>) -> Script<'a> {
        let stop = CancellationToken::new();
        let mut script = Script {
            rows: Vec::new(),
            rejects: 0,
            notices: Vec::new(),
            written: 0,
            steps,
            stop: stop.clone(),
        };
        let locations = vec![Location::Path(root.into())];
        let mut follower = DirectoryFollower::new(locations, None, Policy::Default).unwrap();
        let clock = SimulatedClock::new(0);
        let poll = Duration::from_secs(5);
        follower
            .follow(&clock, poll, &mut script, &stop, None)
            .await
            .unwrap();
        script
    }

    #[test]
    fn files_come_in_order_of_their_paths_and_once() {
        let root = tempfile::tempdir().unwrap();
        for name in ["c.log", "a.log", "b.log"] {
            append(&root.path().join(name), LINE);
        }
        std::fs::hard_link(root.path().join("c.log"), root.path().join("aa.log")).unwrap();
        let location = Location::Path(root.path().into());
        let files = list(&[location.clone(), location]).unwrap();
        let names: Vec<_> = files
            .iter()
            .map(|(_, file)| file.path.file_name().unwrap())
            .collect();
        assert_eq!(names, ["a.log", "aa.log", "b.log"]);
    }

    #[tokio::test]
    async fn growing_new_renamed_and_truncated_files() {
        let root = tempfile::tempdir().unwrap();
        let (a, b, c) = (
            root.path().join("a.log"),
            root.path().join("b.log"),
            root.path().join("c.log"),
        );
        append(&a, &format!("{LINE}\n{LINE}\n"));
        let (a, b, c) = (&a, &b, &c);
        let script = run(
            root.path(),
            vec![
                // A line in two pieces counts once it has ended.
                Box::new(move || append(a, &LINE[..30])),
                Box::new(move || append(a, &format!("{}\nbad line\n", &LINE[30..]))),
                Box::new(move || append(b, &format!("{LINE}\n"))),
                Box::new(move || std::fs::rename(b, c).unwrap()),
                Box::new(move || std::fs::write(a, format!("{LINE}\n")).unwrap()),
                Box::new(move || append(c, "no end")),
            ],
        )
        .await;
        assert_eq!(script.rows, [2, 0, 1, 1, 0, 1, 0]);
        assert_eq!(script.rejects, 1);
        assert_eq!(script.notices.len(), 2, "{:?}", script.notices);
        assert!(script.notices[0].ends_with("a.log` got shorter: it is read again from its start"));
        assert!(script.notices[1].ends_with("its 6 bytes were not decoded"));
    }

    #[tokio::test]
    async fn a_gzip_file_is_read_once_it_stands_still() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a.log.gz");
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder
            .write_all(format!("{LINE}\n").repeat(100).as_bytes())
            .unwrap();
        let bytes = encoder.finish().unwrap();
        let (path, bytes) = (&path, &bytes);
        let script = run(
            root.path(),
            vec![
                Box::new(move || std::fs::write(path, &bytes[..40]).unwrap()),
                Box::new(move || std::fs::write(path, bytes).unwrap()),
                Box::new(|| {}),
                Box::new(|| {}),
            ],
        )
        .await;
        assert_eq!(script.rows, [0, 0, 0, 100, 0]);
    }
}
