//! Finding files.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use object_store::ObjectMeta;

use super::{InputError, Location, OpenFile};
use crate::bucket::{Access, Bucket, BucketError, Object};

/// A file of flow log records, or an object of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is on this machine; the name of an object, which is not.
    pub path: PathBuf,
    /// What messages and `rejects.source` call it.
    pub name: String,
    /// Size as it is stored in bytes, compressed or not.
    pub size_bytes: u64,
    pub(crate) object: Option<Object>,
}

/// The files of a location, in order of their names: the file itself, those
/// that a pattern matches, or those in a directory, at any depth, that have the name of
/// a log file or of a Parquet file.
///
/// # Errors
/// When nothing is there, or it cannot be listed. For locations that are not on this
/// machine's disks the answer is no file: [`Bucket::list`] finds objects.
pub fn expand(location: &Location) -> Result<Vec<InputFile>, InputError> {
    match location {
        Location::Stdin | Location::LogGroup(_) | Location::S3 { .. } => Ok(Vec::new()),
        Location::Path(path) => {
            let metadata = path
                .metadata()
                .map_err(|error| InputError::io(path, error))?;
            if !metadata.is_dir() {
                return Ok(vec![InputFile::new(path.clone(), metadata.len())]);
            }
            let mut files = Vec::new();
            list(path, &mut files)?;
            if files.is_empty() {
                return Err(InputError::NoLogs(path.display().to_string()));
            }
            Ok(files)
        }
        Location::Glob(pattern) => {
            let paths = glob::glob(pattern).map_err(|error| InputError::Pattern {
                pattern: pattern.clone(),
                reason: error.msg,
            })?;
            let mut files = Vec::new();
            for path in paths {
                let path = path.map_err(|error| {
                    let path = error.path().to_owned();
                    InputError::io(&path, error.into())
                })?;
                let metadata = match path.metadata() {
                    Ok(metadata) => metadata,
                    // Rotated away since the pattern was matched.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(InputError::io(&path, error)),
                };
                if metadata.is_file() {
                    files.push(InputFile::new(path, metadata.len()));
                }
            }
            if files.is_empty() {
                return Err(InputError::NoMatch(pattern.clone()));
            }
            Ok(files)
        }
    }
}

/// How log files are named, for messages.
pub(crate) const LOG_NAMES: &str = "*.log, *.txt, *.gz, *.parquet, or without a dot";

/// Whether a file of a directory is taken for a log of text. Other files may lie beside
/// the logs, and reading them would fill `rejects` with their lines.
fn is_log(name: &str) -> bool {
    let hidden = name.starts_with(['.', '_']);
    let named = [".log", ".txt", ".gz"]
        .iter()
        .any(|ending| name.ends_with(ending));
    !hidden && (named || !name.contains('.'))
}

/// Whether a file of a directory is taken for one with records, as text or not.
pub(crate) fn is_records(name: &str) -> bool {
    is_log(name) || is_parquet(name)
}

/// Whether a file with records in Parquet has this name.
pub(crate) fn is_parquet(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    !name.starts_with(['.', '_']) && ending == Some("parquet")
}

fn list(directory: &Path, files: &mut Vec<InputFile>) -> Result<(), InputError> {
    let failed = |error| InputError::io(directory, error);
    let mut entries: Vec<_> = directory
        .read_dir()
        .map_err(failed)?
        .collect::<Result<_, _>>()
        .map_err(failed)?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        let metadata = match path.metadata() {
            Ok(metadata) => metadata,
            // Rotated away since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(InputError::io(&path, error)),
        };
        if metadata.is_dir() && !name.to_string_lossy().starts_with('.') {
            list(&path, files)?;
        } else if metadata.is_file() && is_records(&name.to_string_lossy()) {
            files.push(InputFile::new(path, metadata.len()));
        }
    }
    Ok(())
}

impl InputFile {
    /// The file at `path`, under that name.
    pub fn new(path: PathBuf, size_bytes: u64) -> InputFile {
        InputFile {
            name: path.display().to_string(),
            path,
            size_bytes,
            object: None,
        }
    }

    /// An object that a bucket was found to have.
    pub(crate) fn of_object(object: Object) -> InputFile {
        let name = object.name();
        InputFile {
            path: PathBuf::from(&name),
            name,
            size_bytes: object.meta().size,
            object: Some(object),
        }
    }

    /// The bucket that it is an object of, and what the bucket says of it; `None`: it
    /// is a file of this machine.
    pub fn object(&self) -> Option<(&Bucket, &ObjectMeta)> {
        let object = self.object.as_ref()?;
        Some((object.bucket(), object.meta()))
    }

    /// Why it cannot be read, by what an object store says of it.
    pub fn failure(&self, error: &object_store::Error) -> InputError {
        if let Some(object) = &self.object {
            return BucketError::new(Access::Read, object.bucket().name(), &self.name, error)
                .into();
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                let same = error.raw_os_error().map(io::Error::from_raw_os_error);
                return self.error(same.unwrap_or_else(|| error.kind().into()));
            }
            cause = error.source();
        }
        self.error(io::Error::other(error.to_string()))
    }

    /// The first and the last time that a record in it may have started, in milliseconds
    /// since the Unix epoch: of AWS's files in S3, by the time in their names and as
    /// generous as [`Times`](crate::Times). `None`: that is not known.
    pub fn starts_ms(&self) -> Option<(i64, i64)> {
        self.object.as_ref()?.starts_ms()
    }

    /// Whether it has records in Parquet rather than as text, by its name.
    pub fn is_parquet(&self) -> bool {
        is_parquet(self.name.rsplit('/').next().unwrap_or_default())
    }

    /// Opens the file and looks at what it is. To open an object blocks until its
    /// start was fetched: that is for a thread of its own, of a runtime that fetches
    /// it.
    ///
    /// # Errors
    /// When it cannot be opened, or is not text.
    pub fn open(&self) -> Result<OpenFile, InputError> {
        if let Some(object) = &self.object {
            let bytes = object.read().map_err(|error| self.error(error))?;
            return OpenFile::new(self.name.clone(), bytes, Some(self.size_bytes));
        }
        let file = self.open_raw()?;
        let metadata = file.metadata().map_err(|error| self.error(error))?;
        match metadata.is_file() {
            true => OpenFile::of_disk(self.name.clone(), file, metadata.len()),
            // A pipe has no size.
            false => OpenFile::new(self.name.clone(), file, None),
        }
    }

    /// Opens the file as the bytes that it has: one of this machine, no object.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_raw(&self) -> Result<File, InputError> {
        File::open(&self.path).map_err(|error| InputError::io(&self.path, error))
    }

    /// Whether the file is compressed.
    pub(crate) fn is_compressed(&self) -> Result<bool, InputError> {
        Ok(self.open()?.compression().is_some())
    }

    /// The error of a read from this file.
    pub(crate) fn error(&self, source: io::Error) -> InputError {
        InputError::Io {
            path: self.name.clone(),
            source,
        }
    }
}

/// Copies an input that can be read only once, such as standard input, to the
/// file `path`, so that a query may read it more often. Messages and rejects
/// call it `name`.
///
/// # Errors
/// When the input cannot be read or the file not be written.
pub fn spool(mut input: impl Read, name: &str, path: PathBuf) -> Result<InputFile, InputError> {
    let failed = |source| InputError::Io {
        path: name.to_owned(),
        source,
    };
    let mut file = File::create(&path).map_err(failed)?;
    let size_bytes = io::copy(&mut input, &mut file).map_err(failed)?;
    Ok(InputFile {
        path,
        name: name.to_owned(),
        size_bytes,
        object: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[InputFile], root: &Path) -> Vec<String> {
        let relative = |file: &InputFile| file.path.strip_prefix(root).unwrap().to_owned();
        files
            .iter()
            .map(|file| relative(file).display().to_string())
            .collect()
    }

    #[test]
    fn a_directory_is_its_log_files_at_any_depth() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("2026/11")).unwrap();
        std::fs::create_dir_all(root.path().join(".cache")).unwrap();
        for name in [
            "b.log",
            "2026/11/a.log.gz",
            "000000",
            "flows.parquet",
            "README.md",
            "_x.log",
            ".cache/c.log",
        ] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let files = expand(&Location::Path(root.path().into())).unwrap();
        assert_eq!(
            names(&files, root.path()),
            ["000000", "2026/11/a.log.gz", "b.log", "flows.parquet"]
        );

        let pattern = root.path().join("**/*.log*").display().to_string();
        let files = expand(&Location::Glob(pattern)).unwrap();
        assert!(names(&files, root.path()).contains(&"2026/11/a.log.gz".to_owned()));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let root = tempfile::tempdir().unwrap();
        let error = expand(&Location::Path(root.path().into())).unwrap_err();
        assert!(error.to_string().starts_with("no log file in `"), "{error}");
        assert!(error.hint().unwrap().contains("*.log"));
        let missing = root.path().join("missing.log");
        let error = expand(&Location::Path(missing)).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("missing.log`: no such file or directory"),
            "{error}"
        );
        let error = expand(&Location::Glob(format!("{}/*.x", root.path().display()))).unwrap_err();
        assert!(
            error.to_string().starts_with("no file matches `"),
            "{error}"
        );
        let error = expand(&Location::Glob("a/***".into())).unwrap_err();
        assert!(
            error.to_string().starts_with("`a/***` is no pattern: "),
            "{error}"
        );
    }
}
