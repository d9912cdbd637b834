//! An object store that fails where it is told to.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};

/// How a write fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// Nothing is written.
    Before,
    /// All is written, and the answer is an error.
    After,
    /// All is written, and a retry below met its own object.
    AlreadyExists,
    /// As [`FaultKind::Before`], and everything after fails too: the process died.
    CrashBefore,
    /// As [`FaultKind::After`], and everything after fails too.
    CrashAfter,
    /// All is written, and its name cannot be synchronised: the answer is an error,
    /// others see the object, and it is gone when the power fails before something
    /// else in its directory was synchronised.
    Unsynchronised,
}

impl FaultKind {
    pub(crate) const ALL: [FaultKind; 6] = [
        FaultKind::Before,
        FaultKind::After,
        FaultKind::AlreadyExists,
        FaultKind::CrashBefore,
        FaultKind::CrashAfter,
        FaultKind::Unsynchronised,
    ];
}

/// The write that fails, counted from now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) write: usize,
    pub(crate) kind: FaultKind,
}

#[derive(Debug)]
struct State {
    fault: Mutex<Option<Fault>>,
    writes: AtomicUsize,
    crashed: AtomicBool,
    /// Listings end with an error after so many objects.
    torn_lists: AtomicBool,
    /// Disk full.
    full: AtomicBool,
    /// Where random delays come from; 0 while all is fast.
    slowness: AtomicU64,
    /// Objects whose names were not synchronised.
    unsynchronised: Mutex<BTreeSet<Path>>,
}

/// A store above another.
#[derive(Debug, Clone)]
pub(crate) struct Faulty {
    inner: Arc<dyn ObjectStore>,
    state: Arc<State>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>) -> Faulty {
        Faulty {
            inner,
            state: Arc::new(State {
                fault: Mutex::new(None),
                writes: AtomicUsize::new(0),
                crashed: AtomicBool::new(false),
                torn_lists: AtomicBool::new(false),
                full: AtomicBool::new(false),
                slowness: AtomicU64::new(0),
                unsynchronised: Mutex::default(),
            }),
        }
    }

    /// The next fault; replaces the one before.
    pub(crate) fn set(&self, fault: Fault) {
        self.state.writes.store(0, Ordering::SeqCst);
        *self.state.fault.lock().unwrap() = Some(fault);
    }

    pub(crate) fn tear_lists(&self, torn: bool) {
        self.state.torn_lists.store(torn, Ordering::SeqCst);
    }

    pub(crate) fn fill(&self, full: bool) {
        self.state.full.store(full, Ordering::SeqCst);
    }

    /// From now on each call takes its time, which differs: what was asked first is
    /// not answered first. 0 ends that.
    pub(crate) fn slow_down(&self, seed: u64) {
        self.state.slowness.store(seed, Ordering::SeqCst);
    }

    /// The power fails: what was not synchronised is gone.
    pub(crate) async fn lose_power(&self) {
        let lost = std::mem::take(&mut *self.state.unsynchronised.lock().unwrap());
        for path in lost {
            // It may have been removed.
            let _ = self.inner.delete(&path).await;
        }
    }

    /// Lets others go first, some times.
    async fn delay(&self) {
        let next = |seed: u64| {
            let seed = seed ^ seed << 13;
            let seed = seed ^ seed >> 7;
            seed ^ seed << 17
        };
        let slowness = &self.state.slowness;
        let seed =
            slowness.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |seed| Some(next(seed)));
        for _ in 0..seed.unwrap_or_default() % 8 {
            tokio::task::yield_now().await;
        }
    }

    /// A put reached its directory: what is in it is synchronised with it, unless
    /// that is what failed.
    fn note_put(&self, path: &Path, kind: Option<FaultKind>) {
        let mut unsynchronised = self.state.unsynchronised.lock().unwrap();
        if kind == Some(FaultKind::Unsynchronised) {
            unsynchronised.insert(path.clone());
            return;
        }
        let directory = |path: &Path| path.as_ref().rsplit_once('/').map(|(d, _)| d.to_owned());
        unsynchronised.retain(|other| directory(other) != directory(path));
    }

    pub(crate) fn is_crashed(&self) -> bool {
        self.state.crashed.load(Ordering::SeqCst)
    }

    /// Writes since the last [`Faulty::set`].
    pub(crate) fn writes(&self) -> usize {
        self.state.writes.load(Ordering::SeqCst)
    }

    fn check(&self) -> Result<()> {
        if self.is_crashed() {
            return Err(failure("the process is dead"));
        }
        Ok(())
    }

    /// The fault of this write.
    fn next_write(&self) -> Result<Option<FaultKind>> {
        self.check()?;
        if self.state.full.load(Ordering::SeqCst) {
            return Err(failure("no space left on device"));
        }
        let write = self.state.writes.fetch_add(1, Ordering::SeqCst);
        let mut fault = self.state.fault.lock().unwrap();
        if fault.is_none_or(|fault| fault.write != write) {
            return Ok(None);
        }
        Ok(fault.take().map(|fault| fault.kind))
    }

    fn outcome<T>(&self, kind: Option<FaultKind>, path: &str, done: Result<T>) -> Result<T> {
        match kind {
            None | Some(FaultKind::Before | FaultKind::CrashBefore) => done,
            Some(FaultKind::After | FaultKind::Unsynchronised) => {
                done.and(Err(failure("the answer got lost")))
            }
            Some(FaultKind::AlreadyExists) => done.and(Err(Error::AlreadyExists {
                path: path.to_owned(),
                source: "a retry met its own object".into(),
            })),
            Some(FaultKind::CrashAfter) => {
                self.state.crashed.store(true, Ordering::SeqCst);
                done.and(Err(failure("the process dies")))
            }
        }
    }

    /// Fails before the write, if that is its fault.
    fn before(&self, kind: Option<FaultKind>) -> Result<()> {
        match kind {
            Some(FaultKind::Before) => Err(failure("nothing is written")),
            Some(FaultKind::CrashBefore) => {
                self.state.crashed.store(true, Ordering::SeqCst);
                Err(failure("the process dies"))
            }
            _ => Ok(()),
        }
    }
}

fn failure(message: &'static str) -> Error {
    Error::Generic {
        store: "Faulty",
        source: message.into(),
    }
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Faulty({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.delay().await;
        let kind = self.next_write()?;
        self.before(kind)?;
        // A retry meets its own object only if it must not overwrite it.
        let kind = match (kind, &options.mode) {
            (Some(FaultKind::AlreadyExists), object_store::PutMode::Overwrite) => None,
            (kind, _) => kind,
        };
        let done = self.inner.put_opts(location, payload, options).await;
        // Whoever meets an object synchronises its directory.
        if done.is_ok() || matches!(done, Err(Error::AlreadyExists { .. })) {
            self.note_put(location, kind.filter(|_| done.is_ok()));
        }
        self.delay().await;
        self.outcome(kind, location.as_ref(), done)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.check()?;
        let upload = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(FaultyUpload {
            upload,
            store: self.clone(),
        }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.delay().await;
        self.check()?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.delay().await;
        self.check()?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let store = self.clone();
        let checked = locations.map(move |location| store.check().and(location));
        self.inner.delete_stream(checked.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if let Err(error) = self.check() {
            return futures::stream::iter([Err(error)]).boxed();
        }
        let list = self.inner.list(prefix);
        if self.state.torn_lists.load(Ordering::SeqCst) {
            let torn = futures::stream::iter([Err(failure("the connection was lost"))]);
            return list.take(1).chain(torn).boxed();
        }
        let store = self.clone();
        list.then(move |found| {
            let store = store.clone();
            async move {
                store.delay().await;
                found
            }
        })
        .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.delay().await;
        self.check()?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.check()?;
        self.inner.copy_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct FaultyUpload {
    upload: Box<dyn MultipartUpload>,
    store: Faulty,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.upload.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let kind = self.store.next_write()?;
        self.store.before(kind)?;
        let done = self.upload.complete().await;
        self.store.outcome(kind, "upload", done)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}
