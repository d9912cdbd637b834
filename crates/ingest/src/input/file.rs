//! Finding files and opening them as text.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::Location;

/// Bytes looked at to tell what a file is.
const MAGIC_BYTES: usize = 8 * 1024;
/// Size of the reads from a file.
const READ_BYTES: usize = 256 * 1024;

/// A file of flow log records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// What messages and `rejects.source` call it.
    pub name: String,
    /// Size on disk in bytes, compressed or not.
    pub size_bytes: u64,
}

/// Why a source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The file or directory is missing, or reading failed.
    #[error("cannot read `{path}`: {}", describe(source))]
    Io {
        /// The file or directory.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// A pattern that cannot be read.
    #[error("`{pattern}` is no pattern: {reason}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong, and where.
        reason: &'static str,
    },
    /// A pattern that no file matches.
    #[error("no file matches `{0}`")]
    NoMatch(String),
    /// A directory without a log file.
    #[error("no log file in `{0}`")]
    NoLogs(String),
    /// A file that is not text.
    #[error("`{path}` is {kind}, not flow log text")]
    NotText {
        /// The file.
        path: String,
        /// What it seems to be.
        kind: &'static str,
    },
}

/// The system's text without the number of the error.
fn describe(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            format!("damaged gzip data ({error})")
        }
        io::ErrorKind::UnexpectedEof => "the gzip data ends early".to_owned(),
        _ => error.to_string(),
    }
}

impl InputError {
    fn io(path: &Path, source: io::Error) -> InputError {
        InputError::Io {
            path: path.display().to_string(),
            source,
        }
    }

    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        match self {
            InputError::NoLogs(_) => Some(format!("log files are those named {LOG_NAMES}")),
            InputError::NoMatch(_) => Some("quote the pattern, so that the shell leaves it".into()),
            InputError::NotText {
                path,
                kind: "zstd data",
            } => Some(format!(
                "decompress it: `zstd -dc {path} | vpcflow … --from -`"
            )),
            _ => None,
        }
    }
}

/// The files of a location, in order of their names: the file itself, those
/// that a pattern matches, or the log files in a directory, at any depth.
///
/// # Errors
/// When nothing is there, or it cannot be listed. For [`Location::Stdin`] and
/// [`Location::LogGroup`], which are no files, the answer is no file.
pub fn expand(location: &Location) -> Result<Vec<InputFile>, InputError> {
    match location {
        Location::Stdin | Location::LogGroup(_) => Ok(Vec::new()),
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
                let metadata = path
                    .metadata()
                    .map_err(|error| InputError::io(&path, error))?;
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

const LOG_NAMES: &str = "*.log, *.txt, *.gz, or without a dot";

/// Whether a file of a directory is taken for a log. Other files may lie beside
/// the logs, and reading them would fill `rejects` with their lines.
fn is_log(name: &str) -> bool {
    let hidden = name.starts_with(['.', '_']);
    let named = [".log", ".txt", ".gz"]
        .iter()
        .any(|ending| name.ends_with(ending));
    !hidden && (named || !name.contains('.'))
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
        } else if metadata.is_file() && is_log(&name.to_string_lossy()) {
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
        }
    }

    /// Opens the file as text: gzip, of any number of members, is undone.
    ///
    /// # Errors
    /// When it cannot be opened, or is not text.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, InputError> {
        let mut file = File::open(&self.path).map_err(|error| InputError::io(&self.path, error))?;
        let start = self.start_of(&mut file)?;
        let not_text = |kind| InputError::NotText {
            path: self.name.clone(),
            kind,
        };
        if start.starts_with(b"\x1f\x8b") {
            file.seek(SeekFrom::Start(0))
                .map_err(|error| InputError::io(&self.path, error))?;
            let reader = BufReader::with_capacity(READ_BYTES, file);
            return Ok(Box::new(MultiGzDecoder::new(reader)));
        }
        if start.starts_with(b"\x28\xb5\x2f\xfd") {
            return Err(not_text("zstd data"));
        }
        if start.starts_with(b"PAR1") {
            return Err(not_text("a Parquet file"));
        }
        if start.contains(&0) {
            return Err(not_text("binary data"));
        }
        // Chained rather than sought back, so that a named pipe works too.
        Ok(Box::new(io::Cursor::new(start).chain(file)))
    }

    fn start_of(&self, file: &mut File) -> Result<Vec<u8>, InputError> {
        let mut start = Vec::with_capacity(MAGIC_BYTES);
        file.take(MAGIC_BYTES as u64)
            .read_to_end(&mut start)
            .map_err(|error| InputError::io(&self.path, error))?;
        Ok(start)
    }

    /// The error of a read from this file.
    pub(crate) fn error(&self, source: io::Error) -> InputError {
        InputError::Io {
            path: self.name.clone(),
            source,
        }
    }
}

/// Copies standard input to a file in `directory`, so that a query may read it
/// more than once. The file is called `-` in messages.
///
/// # Errors
/// When standard input cannot be read or the file not be written.
pub fn spool(mut input: impl Read, directory: &Path) -> Result<InputFile, InputError> {
    let path = directory.join("stdin");
    let failed = |error| InputError::Io {
        path: "standard input".to_owned(),
        source: error,
    };
    let mut file = File::create(&path).map_err(failed)?;
    let size_bytes = io::copy(&mut input, &mut file).map_err(failed)?;
    Ok(InputFile {
        path,
        name: "-".to_owned(),
        size_bytes,
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

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
            "README.md",
            "_x.log",
            ".cache/c.log",
        ] {
            std::fs::write(root.path().join(name), "").unwrap();
        }
        let files = expand(&Location::Path(root.path().into())).unwrap();
        assert_eq!(
            names(&files, root.path()),
            ["000000", "2026/11/a.log.gz", "b.log"]
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

    #[test]
    fn gzip_members_are_read_one_after_the_other() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("two.gz");
        let mut bytes = Vec::new();
        for text in ["first\n", "second\n"] {
            let mut encoder =
                flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap();
        }
        std::fs::write(&path, &bytes).unwrap();
        let mut text = String::new();
        InputFile::new(path.clone(), 0)
            .open()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, "first\nsecond\n");

        std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
        let file = InputFile::new(path, 0);
        let error = file.open().unwrap().read_to_string(&mut text).unwrap_err();
        assert!(
            file.error(error)
                .to_string()
                .ends_with("the gzip data ends early")
        );
    }

    #[test]
    fn what_is_not_text_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.log");
        for (bytes, kind) in [
            (&b"PAR1\0\0"[..], "a Parquet file"),
            (b"\x28\xb5\x2f\xfd\x00", "zstd data"),
            (b"\x7fELF\x02\x01\x01\x00", "binary data"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let Err(error) = InputFile::new(path.clone(), 0).open() else {
                panic!("{kind}")
            };
            assert!(error.to_string().contains(kind), "{error}");
        }
    }
}
