//! What the partitions of a scan share.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::RecordBatch;
use tokio::sync::Notify;
use vpcflow_ingest::{DividedFile, FETCHED_AHEAD, InputError, TakenPart};
use vpcflow_record::DecodeCounts;

use crate::sources::{SourceFile, Sources};
use crate::table::Kind;

/// What there is to read in one execution of a scan: whoever is idle takes some.
#[derive(Debug)]
pub(super) struct Work {
    queue: Mutex<Queue>,
    /// Rows that are still wanted, where not all are.
    wanted: Option<AtomicU64>,
    /// A part was reported, or there is nothing more to do.
    changed: Notify,
}

#[derive(Debug)]
struct Queue {
    batches: VecDeque<RecordBatch>,
    /// Those to be read from start to end first, the largest first: of the
    /// others everybody can take a share at the end.
    files: VecDeque<SourceFile>,
    /// Of which parts are not settled.
    divided: Vec<Arc<SharedFile>>,
    failed: bool,
}

/// A file that several partitions read.
#[derive(Debug)]
pub(super) struct SharedFile {
    pub(super) divided: DividedFile,
    source: SourceFile,
    /// What was read in this execution.
    read: Mutex<DecodeCounts>,
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Task {
    Batch(RecordBatch),
    /// A file to be read from its start to its end.
    Whole(SourceFile),
    Part(Arc<SharedFile>, TakenPart),
    /// Others are about to tell whether there is more.
    Wait,
    End,
}

impl Work {
    pub(super) fn new(sources: &Sources, kind: Kind, fetch: Option<usize>) -> Work {
        let mut files: Vec<SourceFile> = sources.files.clone();
        files.sort_by_key(|file| (file.is_divisible(), Reverse(file.file.size_bytes)));
        Work {
            queue: Mutex::new(Queue {
                batches: sources.batches(kind).iter().cloned().collect(),
                files: files.into(),
                divided: Vec::new(),
                failed: false,
            }),
            wanted: fetch.map(|rows| AtomicU64::new(rows as u64)),
            changed: Notify::new(),
        }
    }

    /// The next thing to do; nothing new for who has enough that waits for others.
    ///
    /// # Errors
    /// When a file cannot be opened.
    pub(super) fn next(&self, has_enough: bool) -> Result<Task, InputError> {
        let mut queue = self.queue();
        if queue.failed || !self.wants_rows() {
            return Ok(Task::End);
        }
        if has_enough {
            let again = |file: &Arc<SharedFile>| {
                let taken = file.divided.take_again()?;
                Some(Task::Part(Arc::clone(file), taken))
            };
            return Ok(queue.divided.iter().find_map(again).unwrap_or(Task::Wait));
        }
        if let Some(batch) = queue.batches.pop_front() {
            return Ok(Task::Batch(batch));
        }
        queue.divided.retain(|file| !file.divided.is_settled());
        loop {
            let part = |file: &Arc<SharedFile>| {
                let taken = file.divided.take()?;
                Some(Task::Part(Arc::clone(file), taken))
            };
            if let Some(task) = queue.divided.iter().find_map(part) {
                return Ok(task);
            }
            for next in queue.files.iter_mut().take(FETCHED_AHEAD) {
                next.file.fetch_ahead();
            }
            let Some(file) = queue.files.pop_front() else {
                return Ok(match queue.divided.is_empty() {
                    true => Task::End,
                    false => Task::Wait,
                });
            };
            match file.divide()? {
                Some(divided) => queue.divided.push(Arc::new(SharedFile {
                    divided,
                    source: file,
                    read: Mutex::default(),
                })),
                None => return Ok(Task::Whole(file)),
            }
        }
    }

    /// Parts were reported: who waits for their verdicts looks again.
    pub(super) fn report(&self) {
        self.changed.notify_waiters();
    }

    /// Somebody failed: what the others wait for does not come.
    pub(super) fn fail(&self) {
        self.queue().failed = true;
        self.changed.notify_waiters();
    }

    /// Is woken by [`Work::report`] and [`Work::fail`].
    pub(super) fn changed(&self) -> &Notify {
        &self.changed
    }

    /// How many of so many rows are wanted.
    pub(super) fn want(&self, rows: usize) -> usize {
        let Some(wanted) = &self.wanted else {
            return rows;
        };
        let take = |left: u64| Some(left.saturating_sub(rows as u64));
        let left = wanted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let left = left.map_or(0, |left| usize::try_from(left).unwrap_or(usize::MAX));
        if left <= rows {
            self.changed.notify_waiters();
        }
        rows.min(left)
    }

    /// How many rows are still wanted, if not all are.
    pub(super) fn wanted(&self) -> Option<u64> {
        self.wanted
            .as_ref()
            .map(|wanted| wanted.load(Ordering::Relaxed))
    }

    pub(super) fn wants_rows(&self) -> bool {
        self.wanted() != Some(0)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedFile {
    /// A part counts.
    pub(super) fn count(&self, part: DecodeCounts) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.records += part.records;
        read.rejects += part.rejects;
        read.bytes += part.bytes;
        read.skipped += part.skipped;
        read.cut += part.cut;
        self.source.counts.reached(*read);
    }
}
