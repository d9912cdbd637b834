//! Files that grow, move and change under a follower.

mod copies;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;
use vpcflow_record::Policy;

use super::listing::list;
use super::*;
use crate::checkpoint::CheckpointDelta;
use crate::clock::SimulatedClock;
use crate::input::Location;
use crate::sink::{Decoded, Sink, SinkError};

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
        .follow(&clock, poll, &mut script, &stop, None, None)
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
            // Not as `c.log` begins: that would be its copy.
            Box::new(move || {
                std::fs::write(a, format!("{}\n", LINE.replace("OK", "SKIPDATA"))).unwrap()
            }),
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

/// Keeps rows and checkpoint, in one commit a delivery.
#[derive(Default)]
struct Store {
    rows: Vec<String>,
    uncommitted: Vec<String>,
    notices: Vec<String>,
    checkpoint: FilesCheckpoint,
    /// Deliveries after which the process ends.
    ends_after: Option<u64>,
    stop: CancellationToken,
}

#[async_trait]
impl Sink for Store {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        let ports = batch.rows.column_by_name("bytes").unwrap();
        let ports: &arrow_array::Int64Array = ports.as_any().downcast_ref().unwrap();
        let rows = ports.iter().map(|bytes| bytes.unwrap().to_string());
        self.uncommitted.extend(rows);
        let rejects = batch.rejects.column_by_name("position").unwrap();
        let rejects: &arrow_array::Int64Array = rejects.as_any().downcast_ref().unwrap();
        let rejects = rejects
            .iter()
            .map(|at| format!("reject at {}", at.unwrap()));
        self.uncommitted.extend(rejects);
        Ok(())
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        if self.ends_after.is_some_and(|most| sequence > most) {
            self.stop.cancel();
            self.uncommitted.clear();
            return Ok(());
        }
        let json = serde_json::to_string(&step).unwrap();
        let CheckpointDelta::Files(step) = serde_json::from_str(&json).unwrap() else {
            panic!("{step:?}")
        };
        self.checkpoint.apply(&step);
        self.rows.append(&mut self.uncommitted);
        Ok(())
    }

    fn notice(&mut self, message: &str) {
        self.notices.push(message.to_owned());
    }
}

impl Store {
    /// Reads what is there, as a process of its own does.
    async fn read(&mut self, root: &Path) {
        let locations = vec![Location::Path(root.into())];
        let checkpoint = self.checkpoint.clone();
        let mut follower =
            DirectoryFollower::resume(locations, None, Policy::Default, &checkpoint).unwrap();
        self.stop = CancellationToken::new();
        let stop = self.stop.clone();
        follower.read_once(self, &stop).await.unwrap();
    }

    /// Asserts that each of these records was kept once.
    #[track_caller]
    fn assert_has(&self, records: impl IntoIterator<Item = u32>) {
        let mut rows: Vec<u32> = self.rows.iter().map(|row| row.parse().unwrap()).collect();
        rows.sort_unstable();
        assert_eq!(rows, Vec::from_iter(records));
    }
}

/// Lines of records that are told apart by their bytes.
fn lines(records: impl IntoIterator<Item = u32>) -> String {
    let line = |number| LINE.replace(" 40 ", &format!(" {number} ")) + "\n";
    records.into_iter().map(line).collect()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn what_was_read_before_is_skipped_however_it_was_moved() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let mut store = Store::default();
    append(&at("a.log"), &lines(0..3));
    store.read(root.path()).await;
    store.read(root.path()).await;
    store.assert_has(0..3);

    // Rotated by renaming, with more at both ends.
    append(&at("a.log"), &lines(3..5));
    std::fs::rename(at("a.log"), at("a.log.1.log")).unwrap();
    append(&at("a.log"), &lines(5..8));
    store.read(root.path()).await;
    store.assert_has(0..8);

    // Compressed since, the original removed.
    std::fs::write(at("a.log.1.gz"), gzip(&lines(0..5))).unwrap();
    std::fs::remove_file(at("a.log.1.log")).unwrap();
    store.read(root.path()).await;
    store.assert_has(0..8);

    // Compressed with a line more than was read, the original still there.
    std::fs::write(at("a.log.2.gz"), gzip(&lines(5..9))).unwrap();
    store.read(root.path()).await;
    store.assert_has(0..9);

    // Copied and truncated: both go on.
    std::fs::remove_file(at("a.log.2.gz")).unwrap();
    std::fs::remove_file(at("a.log.1.gz")).unwrap();
    std::fs::write(at("0.log"), lines(5..10)).unwrap();
    std::fs::write(at("a.log"), lines(20..21)).unwrap();
    let before = store.rows.len();
    store.read(root.path()).await;
    // Record 8 was in the compressed copy.
    assert_eq!(store.rows[before..], ["9", "20"]);
    assert!(
        store.notices[0].contains("a.log` got shorter"),
        "{:?}",
        store.notices
    );
}

#[tokio::test]
async fn a_file_that_was_replaced_is_another_file() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("a.log");
    let mut store = Store::default();
    append(&log, &lines(0..2));
    store.read(root.path()).await;
    // In place, and longer than before.
    std::fs::write(&log, lines(10..20)).unwrap();
    store.read(root.path()).await;
    store.assert_has((0..2).chain(10..20));
    assert!(store.notices[0].ends_with("a.log` was replaced: it is read again from its start"));
}

#[tokio::test]
async fn a_process_that_ends_in_the_middle_goes_on_there() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("a.log");
    let header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol \
                  packets bytes start end action log-status\n";
    append(&log, &format!("{header}bad line\n{}", lines(0..50_000)));
    let mut store = Store {
        ends_after: Some(3),
        ..Store::default()
    };
    store.read(root.path()).await;
    assert_eq!(store.rows.len(), 3 * 8192 + 1);
    assert_eq!(store.checkpoint.iter().count(), 1);
    store.ends_after = None;
    append(&log, "worse\n");
    let end = std::fs::metadata(&log).unwrap().len() - 6;
    store.read(root.path()).await;
    let rejects: Vec<_> = store
        .rows
        .iter()
        .filter(|row| row.starts_with('r'))
        .collect();
    assert_eq!(
        rejects,
        [
            &format!("reject at {}", header.len()),
            &format!("reject at {end}")
        ]
    );
    store.rows.retain(|row| !row.starts_with('r'));
    store.assert_has(0..50_000);
}

#[tokio::test]
async fn a_copy_that_is_truncated_later_is_waited_for() {
    let root = tempfile::tempdir().unwrap();
    let (a, copy) = (root.path().join("a.log"), root.path().join("0.log"));
    let (a, copy) = (&a, &copy);
    append(a, &lines(0..3));
    let script = run(
        root.path(),
        vec![
            Box::new(move || assert!(std::fs::copy(a, copy).unwrap() > 0)),
            Box::new(move || std::fs::write(a, lines(3..5)).unwrap()),
            // One that is never truncated is a copy still.
            Box::new(move || std::fs::write(copy.with_extension("txt"), lines(3..5)).unwrap()),
            Box::new(|| {}),
        ],
    )
    .await;
    assert_eq!(script.rows, [3, 0, 2, 0, 0]);
}

#[tokio::test]
async fn a_damaged_file_is_told_and_read_when_it_is_whole() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.log.gz");
    let bytes = gzip(&lines(0..100));
    let (path, bytes) = (&path, &bytes);
    let script = run(
        root.path(),
        vec![
            Box::new(move || std::fs::write(path, &bytes[..bytes.len() - 20]).unwrap()),
            Box::new(|| {}),
            Box::new(|| {}),
            Box::new(move || std::fs::write(path, bytes).unwrap()),
            Box::new(|| {}),
            Box::new(|| {}),
        ],
    )
    .await;
    assert_eq!(script.rows.iter().sum::<usize>(), 100, "{:?}", script.rows);
    assert_eq!(script.notices.len(), 1, "{:?}", script.notices);
    assert!(
        script.notices[0].contains("a.log.gz`"),
        "{:?}",
        script.notices
    );
}

/// Rotation compresses a file and removes it then: a reading in between meets both.
#[tokio::test]
async fn a_compressed_copy_beside_its_original_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    let text = format!("{LINE}\n").repeat(100);
    append(&root.path().join("flow.log"), &text);
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    // One that sorts before the original, and one after it.
    for name in ["a.log.gz", "flow.log.gz"] {
        std::fs::write(root.path().join(name), gzip(&text)).unwrap();
    }
    let other = text.replace("10.0.0.1", "10.0.0.3");
    std::fs::write(root.path().join("other.log.gz"), gzip(&other)).unwrap();
    let stop = CancellationToken::new();
    let mut script = Script {
        rows: Vec::new(),
        rejects: 0,
        notices: Vec::new(),
        written: 0,
        steps: vec![Box::new(|| {}), Box::new(|| {})],
        stop: stop.clone(),
    };
    let locations = vec![Location::Path(root.path().into())];
    let mut follower = DirectoryFollower::new(locations, None, Policy::Default).unwrap();
    for expected in [200, 0] {
        follower.read_once(&mut script, &stop).await.unwrap();
        assert_eq!(script.rows.pop(), Some(expected));
    }
}
