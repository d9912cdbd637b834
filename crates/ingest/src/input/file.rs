//! Finding files and opening them as text.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::Location;
use super::envelope::{EnvelopeReader, is_json};

/// Bytes looked at to tell what a file is.
const MAGIC_BYTES: usize = 8 * 1024;
/// What some editors write before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
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
            format!("damaged compressed data ({error})")
        }
        io::ErrorKind::UnexpectedEof => "the compressed data ends early".to_owned(),
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

    /// Opens the file as flow log text: gzip and zstd, of any number of members
    /// and frames, and JSON envelopes are undone.
    ///
    /// # Errors
    /// When it cannot be opened, or is not text.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, InputError> {
        let io_error = |error| InputError::io(&self.path, error);
        let mut file = self.open_raw()?;
        let start = start_of(&mut file, io_error)?;
        let compression = Compression::of(&start);
        // Chained rather than sought back, so that a named pipe works too.
        let bytes = io::Cursor::new(start).chain(file);
        let mut reader: Box<dyn Read + Send> = match compression {
            None => Box::new(bytes),
            Some(Compression::Gzip) => Box::new(MultiGzDecoder::new(BufReader::with_capacity(
                READ_BYTES, bytes,
            ))),
            Some(Compression::Zstd) => Box::new(zstd::Decoder::new(bytes).map_err(io_error)?),
        };
        let mut start = start_of(&mut reader, |error| self.error(error))?;
        if start.starts_with(BYTE_ORDER_MARK) {
            // Spaces in its place: they count for nothing, and places stay.
            start[..BYTE_ORDER_MARK.len()].fill(b' ');
        }
        if let Some(kind) = other_than_text(&start) {
            return Err(InputError::NotText {
                path: self.name.clone(),
                kind,
            });
        }
        let json = is_json(&start);
        let text = io::Cursor::new(start).chain(reader);
        if json {
            Ok(Box::new(EnvelopeReader::new(text)))
        } else {
            Ok(Box::new(text))
        }
    }

    /// Opens the file as the bytes that it has.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open_raw(&self) -> Result<File, InputError> {
        File::open(&self.path).map_err(|error| InputError::io(&self.path, error))
    }

    /// Whether the file is compressed.
    pub(crate) fn is_compressed(&self) -> Result<bool, InputError> {
        let io_error = |error| InputError::io(&self.path, error);
        let mut file = self.open_raw()?;
        Ok(Compression::of(&start_of(&mut file, io_error)?).is_some())
    }

    /// The error of a read from this file.
    pub(crate) fn error(&self, source: io::Error) -> InputError {
        InputError::Io {
            path: self.name.clone(),
            source,
        }
    }
}

enum Compression {
    Gzip,
    Zstd,
}

impl Compression {
    /// How a file that begins so is compressed.
    fn of(start: &[u8]) -> Option<Compression> {
        if start.starts_with(b"\x1f\x8b") {
            Some(Compression::Gzip)
        } else if start.starts_with(b"\x28\xb5\x2f\xfd") {
            Some(Compression::Zstd)
        } else {
            None
        }
    }
}

/// What decompressed bytes that begin so are, if they are no text.
fn other_than_text(start: &[u8]) -> Option<&'static str> {
    if start.starts_with(b"PAR1") {
        Some("a Parquet file")
    } else if start.contains(&0) {
        Some("binary data")
    } else {
        None
    }
}

/// The first bytes of an input, taken from it.
fn start_of<R: Read>(
    input: &mut R,
    error: impl Fn(io::Error) -> InputError,
) -> Result<Vec<u8>, InputError> {
    let mut start = Vec::with_capacity(MAGIC_BYTES);
    input
        .take(MAGIC_BYTES as u64)
        .read_to_end(&mut start)
        .map_err(error)?;
    Ok(start)
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

    /// What reading a file of these bytes to its end gives.
    fn read(bytes: &[u8]) -> Result<String, String> {
        let root = tempfile::tempdir().unwrap();
        let file = InputFile::new(root.path().join("x"), 0);
        std::fs::write(&file.path, bytes).unwrap();
        let mut text = String::new();
        let mut reader = file.open().map_err(|error| error.to_string())?;
        match reader.read_to_string(&mut text) {
            Ok(_) => Ok(text),
            Err(error) => Err(file.error(error).to_string()),
        }
    }

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn gzip_members_and_zstd_frames_are_read_one_after_the_other() {
        let zstd = |text: &str| zstd::encode_all(text.as_bytes(), 1).unwrap();
        for compress in [gzip as fn(&str) -> Vec<u8>, zstd] {
            let mut bytes = compress("first\n");
            bytes.extend(compress("second\n"));
            assert_eq!(read(&bytes).unwrap(), "first\nsecond\n");
            let error = read(&bytes[..bytes.len() - 3]).unwrap_err();
            assert!(error.ends_with("the compressed data ends early"), "{error}");
        }
        let mut damaged = gzip(&"text\n".repeat(1000));
        damaged[12] ^= 0xff;
        assert!(
            read(&damaged)
                .unwrap_err()
                .contains("damaged compressed data")
        );
    }

    #[test]
    fn envelopes_are_undone_inside_of_gzip() {
        let bytes = gzip(r#"{"message":"srcaddr action"}{"message":"10.0.0.1 ACCEPT"}"#);
        assert_eq!(read(&bytes).unwrap(), "srcaddr action\n10.0.0.1 ACCEPT\n");
    }

    #[test]
    fn what_is_not_text_is_told() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("x.log");
        for (bytes, kind) in [
            (&b"PAR1\0\0"[..], "a Parquet file"),
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
