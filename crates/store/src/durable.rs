//! Local files that are on the disk when a write returns.
//!
//! `object_store`'s local files survive the end of a process, not of the power:
//! neither the file nor the directory that names it is synchronised, so a log
//! entry could come back empty. Here a log entry gets its name only after its
//! bytes are on the disk, and directories follow.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use futures::{FutureExt, TryFutureExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result, UploadPart,
};
use uuid::Uuid;

/// Marks a file that is not complete; no listing shows names like this. The part
/// after it is a number, as `object_store` has it.
const STAGED: char = '#';

/// What this store is called in errors.
const NAME: &str = "DurableFiles";

/// Waits until a file's bytes, or a directory's names, are on the disk.
type Synchronise = fn(&FilePath) -> io::Result<()>;

/// The machine's files, from the root.
#[derive(Debug)]
pub(crate) struct DurableFiles {
    files: LocalFileSystem,
    disk: Arc<Disk>,
}

impl DurableFiles {
    pub(crate) fn new() -> DurableFiles {
        DurableFiles::on(Disk::new(synchronise))
    }

    fn on(disk: Disk) -> DurableFiles {
        DurableFiles {
            files: LocalFileSystem::new(),
            disk: Arc::new(disk),
        }
    }

    fn path(&self, location: &Path) -> Result<PathBuf> {
        self.files.path_to_filesystem(location)
    }
}

impl fmt::Display for DurableFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)
    }
}

/// Removes what a killed process left half-written below `directory`. Only its
/// owner may do that.
pub(crate) fn remove_staged(directory: &FilePath) -> io::Result<u64> {
    let mut removed = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_staged(&entry.path())?;
        } else if is_staged(&entry.file_name().to_string_lossy()) {
            fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn is_staged(name: &str) -> bool {
    name.rsplit_once(STAGED).is_some_and(|(_, number)| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn synchronise(path: &FilePath) -> io::Result<()> {
    fail::fail_point!("store-synchronise", |_| Err(io::Error::other(
        "the disk does not answer"
    )));
    File::open(path)?.sync_all()
}

/// Where files and their names last.
#[derive(Debug)]
struct Disk {
    synchronise: Synchronise,
    /// Directories whose own names are known to last.
    lasting: Mutex<HashSet<PathBuf>>,
}

impl Disk {
    fn new(synchronise: Synchronise) -> Disk {
        Disk {
            synchronise,
            lasting: Mutex::default(),
        }
    }

    /// Makes a directory and its parents last. One that is there may have been made
    /// by a process that ended before it synchronised the name, or by a try of this
    /// one whose synchronising failed: that it is there says nothing.
    fn make_directory(&self, path: &FilePath) -> io::Result<()> {
        let lasting = || self.lasting.lock().unwrap_or_else(PoisonError::into_inner);
        if lasting().contains(path) {
            return Ok(());
        }
        let parent = path.parent();
        let was_there = path.is_dir();
        if !was_there {
            if let Some(parent) = parent {
                self.make_directory(parent)?;
            }
            match fs::create_dir(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        match parent.map_or(Ok(()), |parent| (self.synchronise)(parent)) {
            // Whoever may not look into the parent did not make this directory.
            Err(error) if was_there && error.kind() == io::ErrorKind::PermissionDenied => {}
            synchronised => synchronised?,
        }
        lasting().insert(path.to_owned());
        Ok(())
    }

    /// Writes all of a file, then gives it its name.
    fn write(&self, path: &FilePath, payload: &PutPayload, mode: &PutMode) -> io::Result<()> {
        let directory = path.parent().unwrap_or(FilePath::new("/"));
        self.make_directory(directory)?;
        let mut staged = path.as_os_str().to_owned();
        staged.push(format!("{STAGED}{}", Uuid::new_v4().as_u128()));
        let staged = PathBuf::from(staged);
        let outcome = (|| {
            let mut file = File::create_new(&staged)?;
            for bytes in payload {
                file.write_all(bytes)?;
            }
            drop(file);
            (self.synchronise)(&staged)?;
            match mode {
                // Fails when there is such a file, unlike a rename.
                PutMode::Create => fs::hard_link(&staged, path),
                _ => fs::rename(&staged, path),
            }
        })();
        if outcome.is_err() || matches!(mode, PutMode::Create) {
            // A leftover is harmless, and removed at the next start.
            let _ = fs::remove_file(&staged);
        }
        match outcome {
            // Whoever relies on the existing file finds it on the disk.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                (self.synchronise)(directory)?;
                Err(error)
            }
            Err(error) => Err(error),
            Ok(()) => (self.synchronise)(directory),
        }
    }
}

fn failed(path: &FilePath, source: io::Error) -> Error {
    let name = path.display().to_string();
    match source.kind() {
        io::ErrorKind::AlreadyExists => Error::AlreadyExists {
            path: name,
            source: source.into(),
        },
        io::ErrorKind::PermissionDenied => Error::PermissionDenied {
            path: name,
            source: source.into(),
        },
        _ => Error::Generic {
            store: NAME,
            source: Box::new(DiskError { path: name, source }),
        },
    }
}

/// What the operating system said, and of which file.
#[derive(Debug, thiserror::Error)]
#[error("`{path}`: {source}")]
pub(crate) struct DiskError {
    pub(crate) path: String,
    pub(crate) source: io::Error,
}

impl DiskError {
    /// What a failure of these files comes from; other failures come back.
    pub(crate) fn of(error: Error) -> Result<DiskError> {
        match error {
            Error::PermissionDenied { path, source } => match source.downcast() {
                Ok(source) => Ok(DiskError {
                    path,
                    source: *source,
                }),
                Err(source) => Err(Error::PermissionDenied { path, source }),
            },
            Error::Generic { store, source } => match source.downcast() {
                Ok(disk) => Ok(*disk),
                Err(source) => Err(Error::Generic { store, source }),
            },
            other => Err(other),
        }
    }
}

/// A failure of `object_store`'s own files, which says no more than which of its
/// steps failed.
fn of_part(path: &FilePath, error: Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(error) = cause {
        let code = error.downcast_ref::<io::Error>();
        if let Some(code) = code.and_then(io::Error::raw_os_error) {
            return failed(path, io::Error::from_raw_os_error(code));
        }
        cause = error.source();
    }
    error
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|source| Error::JoinError { source })?
}

#[async_trait]
impl ObjectStore for DurableFiles {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if matches!(options.mode, PutMode::Update(_)) {
            return self.files.put_opts(location, payload, options).await;
        }
        let path = self.path(location)?;
        let disk = Arc::clone(&self.disk);
        blocking(move || {
            disk.write(&path, &payload, &options.mode)
                .map_err(|error| failed(&path, error))
        })
        .await?;
        Ok(PutResult {
            e_tag: None,
            version: None,
        })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.path(location)?;
        let directory = path.parent().unwrap_or(FilePath::new("/")).to_owned();
        let disk = Arc::clone(&self.disk);
        blocking(move || {
            disk.make_directory(&directory)
                .map_err(|error| failed(&directory, error))
        })
        .await?;
        let upload = self.files.put_multipart_opts(location, options).await?;
        let disk = Arc::clone(&self.disk);
        Ok(Box::new(DurableUpload { upload, path, disk }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

/// A large file, written in parts: on the disk when it is complete.
#[derive(Debug)]
struct DurableUpload {
    upload: Box<dyn MultipartUpload>,
    path: PathBuf,
    disk: Arc<Disk>,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, path) = (self.upload.put_part(data), self.path.clone());
        part.map_err(move |error| of_part(&path, error)).boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let completed = self.upload.complete().await;
        let result = completed.map_err(|error| of_part(&self.path, error))?;
        let (path, disk) = (self.path.clone(), Arc::clone(&self.disk));
        blocking(move || {
            (disk.synchronise)(&path)
                .and_then(|()| path.parent().map_or(Ok(()), disk.synchronise))
                .map_err(|error| failed(&path, error))
        })
        .await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.upload.abort().await
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use object_store::ObjectStoreExt;

    use super::*;

    fn location(directory: &tempfile::TempDir, name: &str) -> Path {
        Path::from_absolute_path(directory.path().join(name)).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_made_once() {
        let directory = tempfile::tempdir().unwrap();
        let (files, path) = (DurableFiles::new(), location(&directory, "a/b/entry"));
        let create = || PutOptions::from(PutMode::Create);
        files
            .put_opts(&path, "first".into(), create())
            .await
            .unwrap();
        let again = files.put_opts(&path, "second".into(), create()).await;
        assert!(matches!(again, Err(Error::AlreadyExists { .. })));
        assert_eq!(
            files.get(&path).await.unwrap().bytes().await.unwrap(),
            "first"
        );
        let names: Vec<_> = fs::read_dir(directory.path().join("a/b"))
            .unwrap()
            .collect();
        assert_eq!(names.len(), 1, "{names:?}");
    }

    #[test]
    fn half_written_files_are_told_from_others() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["a#1", "b#", "c#1d", "d", "#5"] {
            fs::write(directory.path().join(name), "").unwrap();
        }
        assert_eq!(remove_staged(directory.path()).unwrap(), 2);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
    }

    thread_local! {
        /// What was synchronised, and the number of the one that fails.
        static SYNCHRONISED: RefCell<(Vec<PathBuf>, Option<usize>)> = RefCell::default();
    }

    fn synchronise_or_fail(path: &FilePath) -> io::Result<()> {
        SYNCHRONISED.with_borrow_mut(|(done, fails)| {
            if *fails == Some(done.len()) {
                *fails = None;
                return Err(io::Error::other("the disk does not answer"));
            }
            done.push(path.to_owned());
            Ok(())
        })
    }

    /// A put whose n-th synchronising fails, then the same put again: what is
    /// synchronised then.
    fn failing_at(
        number: usize,
        mode: &PutMode,
    ) -> (io::Result<()>, Vec<PathBuf>, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("store/day/file");
        let disk = Disk::new(synchronise_or_fail);
        SYNCHRONISED.set((Vec::new(), Some(number)));
        let failed = disk.write(&path, &"text".into(), mode);
        let (_, left) = SYNCHRONISED.take();
        assert_eq!(failed.is_err(), left.is_none(), "{failed:?}");
        let again = disk.write(&path, &"text".into(), mode);
        (again, SYNCHRONISED.take().0, directory)
    }

    /// Whichever synchronising fails: after the put that follows, all that failed to
    /// be synchronised has been.
    #[test]
    fn what_could_not_be_synchronised_is_synchronised_by_the_next_try() {
        for mode in [PutMode::Create, PutMode::Overwrite] {
            // The names of two directories, the bytes, the name of the file.
            for number in 0..4 {
                let (again, done, directory) = failing_at(number, &mode);
                let root = directory.path();
                let names = |path: &str| done.contains(&root.join(path));
                if number == 0 {
                    assert!(names(""), "the name of the store: {done:?}");
                }
                if number <= 1 {
                    assert!(names("store"), "the name of the day: {done:?}");
                }
                assert!(names("store/day"), "the name of the file: {done:?}");
                match again {
                    // The file had its name by then.
                    Err(error) => {
                        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
                        assert!(number == 3 && matches!(mode, PutMode::Create));
                    }
                    Ok(()) => assert!(done.iter().any(|path| is_staged(&path.to_string_lossy()))),
                }
                assert_eq!(fs::read(root.join("store/day/file")).unwrap(), b"text");
                assert_eq!(remove_staged(root).unwrap(), 0);
            }
        }
    }

    /// A process that was killed after it made a directory did not synchronise it.
    #[test]
    fn a_directory_that_is_there_is_synchronised_once() {
        let directory = tempfile::tempdir().unwrap();
        let day = directory.path().join("day");
        fs::create_dir(&day).unwrap();
        let disk = Disk::new(synchronise_or_fail);
        SYNCHRONISED.take();
        for _ in 0..2 {
            disk.write(&day.join("file"), &"text".into(), &PutMode::Overwrite)
                .unwrap();
        }
        let (done, _) = SYNCHRONISED.take();
        let names = done.iter().filter(|path| *path == directory.path());
        assert_eq!(names.count(), 1, "{done:?}");
    }
}
