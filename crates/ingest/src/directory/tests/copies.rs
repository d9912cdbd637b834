//! Copies beside their originals, and files that are truncated.

use std::fs::{self, File};
use std::io::{self, Read};
use std::time::SystemTime;

use vpcflow_record::{DecodeOptions, Format};

use super::*;
use crate::directory::checkpoint::FileState;
use crate::directory::identity::Head;
use crate::directory::listing::refresh;
use crate::directory::reading::Reading;

/// What was kept after each settling, and the next thing to do to the files.
struct Kept<'a> {
    store: Store,
    steps: std::vec::IntoIter<Box<dyn FnMut() + Send + 'a>>,
}

#[async_trait]
impl Sink for Kept<'_> {
    async fn write(&mut self, batch: Decoded) -> Result<(), SinkError> {
        self.store.write(batch).await
    }

    async fn checkpoint(&mut self, sequence: u64, step: CheckpointDelta) -> Result<(), SinkError> {
        self.store.checkpoint(sequence, step).await
    }

    async fn settle(&mut self) -> Result<(), SinkError> {
        match self.steps.next() {
            Some(mut step) => step(),
            None => self.store.stop.cancel(),
        }
        Ok(())
    }

    fn notice(&mut self, message: &str) {
        self.store.notice(message);
    }
}

/// Follows the files, which change so after each poll.
async fn keep<'a>(root: &Path, steps: Vec<Box<dyn FnMut() + Send + 'a>>) -> Store {
    let mut kept = Kept {
        store: Store::default(),
        steps: steps.into_iter(),
    };
    let stop = kept.store.stop.clone();
    let locations = vec![Location::Path(root.into())];
    let mut follower = DirectoryFollower::new(locations, None, Policy::Default).unwrap();
    let clock = SimulatedClock::new(0);
    let poll = Duration::from_secs(5);
    follower
        .follow(&clock, poll, &mut kept, &stop, None, None)
        .await
        .unwrap();
    kept.store
}

/// Copying takes as long as it takes, and so does what comes before truncating.
#[tokio::test]
async fn a_copy_is_read_once_however_late_its_original_is_truncated() {
    for copy in ["0.log", "b.log"] {
        let root = tempfile::tempdir().unwrap();
        let (a, copy) = (&root.path().join("a.log"), &root.path().join(copy));
        append(a, &lines(0..200));
        let all = lines(0..203);
        let (half, end) = all.split_at(10_000);
        let store = keep(
            root.path(),
            vec![
                Box::new(|| append(copy, half)),
                Box::new(|| {}),
                Box::new(|| append(a, &lines(200..203))),
                Box::new(|| append(copy, end)),
                Box::new(|| {}),
                Box::new(|| {}),
                Box::new(|| fs::write(a, lines(203..205)).unwrap()),
                Box::new(|| append(a, &lines(205..206))),
            ],
        )
        .await;
        store.assert_has(0..206);
    }
}

/// The inode of a file of which nothing could be read yet, its first line not being
/// whole, is that of a copy at the next poll: what the system does with the inode of a
/// file that was removed.
#[tokio::test]
async fn a_copy_with_the_inode_of_a_file_that_was_not_read_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    let path = |name| root.path().join(name);
    let (a, b, old) = (&path("a.log"), &path("b.log"), &path("old.log"));
    append(a, &lines(0..50));
    append(b, &lines(50..51)[..20]);
    let store = keep(
        root.path(),
        vec![
            Box::new(|| {
                fs::write(b, lines(0..50)).unwrap();
                fs::rename(b, old).unwrap();
                fs::write(a, lines(60..63)).unwrap();
            }),
            Box::new(|| {}),
            Box::new(|| {}),
        ],
    )
    .await;
    store.assert_has((0..50).chain(60..63));
}

/// A copy was listed when a part of it was there, and its original when it was truncated.
#[test]
fn the_size_of_a_new_file_is_that_after_known_files_were_looked_at() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("a.log");
    append(&log, &lines(0..1));
    let (inode, mut file) = list(&[Location::Path(log.clone())]).unwrap().remove(0);
    append(&log, &lines(1..3));
    assert!(refresh(inode, &mut file));
    assert_eq!(file.size_bytes, lines(0..3).len() as u64);
    fs::remove_file(&log).unwrap();
    assert!(!refresh(inode, &mut file));
}

/// The process begins between copying and truncating.
#[tokio::test]
async fn an_original_and_its_copy_that_are_both_new_are_read_once() {
    for copy in ["0.log", "b.log"] {
        let root = tempfile::tempdir().unwrap();
        let (a, copy) = (&root.path().join("a.log"), &root.path().join(copy));
        append(a, &lines(0..3));
        fs::copy(a, copy).unwrap();
        let store = keep(
            root.path(),
            vec![
                Box::new(|| fs::write(a, lines(3..5)).unwrap()),
                Box::new(|| {}),
                Box::new(|| {}),
            ],
        )
        .await;
        store.assert_has(0..5);
    }
}

#[tokio::test]
async fn a_truncated_file_may_grow_to_the_size_that_it_had() {
    let root = tempfile::tempdir().unwrap();
    let (a, copy) = (&root.path().join("a.log"), &root.path().join("0.log"));
    append(a, &lines(10..13));
    let store = keep(
        root.path(),
        vec![
            Box::new(|| {
                fs::copy(a, copy).unwrap();
                fs::write(a, lines(13..16)).unwrap();
                // What the clock of files tells apart is not for this test.
                let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
                File::options()
                    .append(true)
                    .open(a)
                    .unwrap()
                    .set_modified(later)
                    .unwrap();
            }),
            Box::new(|| {}),
            Box::new(|| {}),
        ],
    )
    .await;
    store.assert_has(10..16);
}

/// A copy of one that is there begins with what the other has, compressed or not: what
/// neither was read of is read of one of them.
#[tokio::test]
async fn what_a_copy_and_its_original_have_more_is_read_once() {
    let root = tempfile::tempdir().unwrap();
    let (a, copy) = (&root.path().join("a.log"), &root.path().join("a.log.gz"));
    append(a, &lines(0..3));
    let store = keep(
        root.path(),
        vec![
            Box::new(|| fs::write(copy, gzip(&lines(0..5))).unwrap()),
            Box::new(|| append(a, &lines(3..5))),
            Box::new(|| fs::remove_file(a).unwrap()),
            Box::new(|| {}),
        ],
    )
    .await;
    store.assert_has(0..5);
}

/// Truncates a file when another, which it is read from, has ended.
struct ThenTruncate<'a>(&'a [u8], &'a Path);

impl Read for ThenTruncate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        if read == 0 {
            File::create(self.1)?;
        }
        Ok(read)
    }
}

#[tokio::test]
async fn the_head_of_a_file_that_is_truncated_in_its_first_reading_is_what_was_read() {
    let root = tempfile::tempdir().unwrap();
    let log = root.path().join("a.log");
    let text = lines(0..3);
    append(&log, &text);
    let (inode, file) = list(&[Location::Path(log.clone())]).unwrap().remove(0);
    let mut reading = Reading {
        state: FileState {
            path: file.name.clone(),
            inode,
            head: Head::default(),
            offset: 0,
            wrapped_bytes: None,
            format: String::new(),
            commas: false,
            gone: false,
        },
        file,
        to_end: false,
    };
    let format = Format::default();
    let options = DecodeOptions::default();
    let input = &mut ThenTruncate(text.as_bytes(), &log);
    reading
        .decode(input, Vec::new(), format, false, options, |_, _| true)
        .unwrap();
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
    assert_eq!(reading.state.offset, text.len() as u64);
    assert!(reading.state.head.fits(text.as_bytes()));
}
