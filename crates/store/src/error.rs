//! What can go wrong with a store.

use std::io;

use arrow_schema::{ArrowError, DataType};
use deltalake_core::DeltaTableError;
use parquet::errors::ParquetError;

use crate::durable::DiskError;

/// Why a store cannot be opened, written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no store at the location.
    #[error("there is no store at `{store}`")]
    Missing {
        /// The location.
        store: String,
    },
    /// The location is no directory, or not one that can be named.
    #[error("`{store}` is no place for a store: {reason}")]
    Location {
        /// The location.
        store: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A Delta table of somebody else.
    #[error("`{store}` holds a Delta table that vpcflow did not make")]
    Foreign {
        /// The location.
        store: String,
    },
    /// A store of another layout version than this program knows.
    #[error("the store `{store}` has layout {found}, and this vpcflow knows layout {known}")]
    Layout {
        /// The location.
        store: String,
        /// The store's layout version.
        found: u32,
        /// The only one known here.
        known: u32,
    },
    /// A process that writes the store holds its lock.
    #[error("the store `{store}` is written by another process{}", owner(.process))]
    Locked {
        /// The location.
        store: String,
        /// The owner's process id, where it wrote one.
        process: Option<u32>,
    },
    /// Somebody else committed: this process owns the store no longer.
    #[error(
        "another process took over the store `{store}`: version {version} of its log is not ours"
    )]
    OtherOwner {
        /// The location.
        store: String,
        /// The version that this process was about to write.
        version: u64,
    },
    /// This process no longer writes the store, after it met another owner.
    #[error("the store `{store}` is no longer written by this process")]
    Closed {
        /// The location.
        store: String,
    },
    /// An object of the store cannot be read or written.
    #[error("cannot {action} `{path}` of the store")]
    Object {
        /// What was tried: `read`, `write`, `list` or `remove`.
        action: &'static str,
        /// The object, relative to the store.
        path: String,
        /// Why not.
        source: object_store::Error,
    },
    /// A file of the operating system cannot be used.
    #[error("cannot {action} `{path}`")]
    File {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// The log of the table cannot be read, or no checkpoint of it written.
    #[error("cannot {action} the log of the store")]
    Log {
        /// What was tried.
        action: &'static str,
        /// Why not.
        source: Box<DeltaTableError>,
    },
    /// Something that the store wrote does not read back.
    #[error("`{path}` of the store is damaged: {reason}")]
    Damaged {
        /// The object, relative to the store.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Rows have a column of another type than the table.
    #[error("the column `{column}` is {found}, and {expected} in the store")]
    ColumnType {
        /// The column.
        column: String,
        /// The type of the rows.
        found: DataType,
        /// The type of the table.
        expected: DataType,
    },
    /// Two sources have the same key, which their names should make impossible.
    #[error("the sources `{first}` and `{second}` cannot be told apart")]
    SameKey {
        /// The source that the store knows.
        first: String,
        /// The source that was given.
        second: String,
    },
    /// Columns that do not fit together. Not known to happen.
    #[error("cannot lay out rows")]
    Arrow(#[from] ArrowError),
    /// A Parquet file cannot be written, or not be read.
    #[error("cannot {action} the Parquet file `{path}`")]
    Parquet {
        /// `read` or `write`.
        action: &'static str,
        /// The file, relative to the store.
        path: String,
        /// Why not.
        source: ParquetError,
    },
    /// A background task of the store came to a premature end.
    #[error("a task of the store failed")]
    Task(#[from] tokio::task::JoinError),
    /// Compaction would have changed the rows: nothing was committed.
    #[error("compacting {date} would have changed its rows: {reason}")]
    Unequal {
        /// The day, or `no date`.
        date: String,
        /// What differs.
        reason: String,
    },
}

/// What the functions of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// The way out, where there is one to name.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Error::Missing { store } => format!(
                "`vpcflow ingest SOURCE --store {store}` or `vpcflow tail SOURCE --store {store}` makes one"
            ),
            Error::Foreign { .. } | Error::Location { .. } => {
                "name an empty or new directory, or one that vpcflow made".to_owned()
            }
            Error::Layout { found, known, .. } if found > known => {
                "a newer vpcflow wrote it: use that one, or write to a new store".to_owned()
            }
            Error::Layout { .. } => {
                "an older vpcflow wrote it: read its records with that one into a new store"
                    .to_owned()
            }
            Error::Locked { .. } => {
                "one process writes a store, many may read it: end the other, or name another store"
                    .to_owned()
            }
            Error::OtherOwner { .. } | Error::Closed { .. } => {
                "nothing that was committed is lost: let one process write the store, and start again"
                    .to_owned()
            }
            Error::Damaged { .. } => {
                "`vpcflow store check` lists all damage".to_owned()
            }
            Error::File { source, .. } => return disk_hint(source.kind()).map(str::to_owned),
            _ => return None,
        };
        Some(hint)
    }

    /// The message with its causes.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut source = std::error::Error::source(self);
        while let Some(cause) = source {
            let said = cause.to_string();
            // Some libraries say their cause themselves.
            if !text.ends_with(&said) {
                text = format!("{text}: {said}");
            }
            source = cause.source();
        }
        text
    }

    /// Whether the same call may succeed later, as after a full disk or a network
    /// failure. Nothing that was handed over is lost then.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Error::Object { .. } | Error::File { .. } | Error::Log { .. } | Error::Parquet { .. }
        )
    }
}

/// The way out when a file cannot be written.
fn disk_hint(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::StorageFull => "make room on the disk of the store",
        io::ErrorKind::QuotaExceeded => "make room: the user of this process has used up a quota",
        io::ErrorKind::FileTooLarge => {
            "a limit on the size of this process's files is in force: raise it (`ulimit -f`)"
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let this process write there"
        }
        _ => return None,
    })
}

fn owner(process: &Option<u32>) -> String {
    process.map_or_else(String::new, |id| format!(" (process {id})"))
}

/// For `map_err`: an object that cannot be read, written, listed or removed.
pub(crate) fn object(
    action: &'static str,
    path: &object_store::path::Path,
) -> impl FnOnce(object_store::Error) -> Error {
    let path = path.to_string();
    move |source| match DiskError::of(source) {
        Ok(DiskError { path, source }) => Error::File {
            action,
            path,
            source,
        },
        Err(source) => Error::Object {
            action,
            path,
            source,
        },
    }
}

/// For `map_err`: an object that is written through a buffer, which hides what
/// failed.
pub(crate) fn buffered(
    action: &'static str,
    path: &object_store::path::Path,
) -> impl FnOnce(io::Error) -> Error {
    let path = path.clone();
    move |error| {
        let inner = error.downcast::<object_store::Error>();
        match inner {
            Ok(source) => object(action, &path)(source),
            Err(source) => Error::File {
                action,
                path: path.to_string(),
                source,
            },
        }
    }
}

/// For `map_err`: the log of the table.
pub(crate) fn log(action: &'static str) -> impl FnOnce(DeltaTableError) -> Error {
    move |source| Error::Log {
        action,
        source: Box::new(source),
    }
}

/// For `map_err`: a Parquet file.
pub(crate) fn parquet(
    action: &'static str,
    path: &str,
) -> impl FnOnce(ParquetError) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Parquet {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `/dev/full` answers: the message has the file, the reason and the way out, and
    /// nothing of the layers between.
    #[test]
    fn a_full_disk_is_told_with_its_file() {
        let full = || object_store::Error::Generic {
            store: "DurableFiles",
            source: Box::new(DiskError {
                path: "/srv/flows/date=2026-01-01/part-1.parquet".to_owned(),
                source: io::Error::from_raw_os_error(28),
            }),
        };
        let path = object_store::path::Path::from("date=2026-01-01/part-1.parquet");
        let expected = "cannot write `/srv/flows/date=2026-01-01/part-1.parquet`: No space left on \
                        device (os error 28)";
        for error in [
            object("write", &path)(full()),
            buffered("write", &path)(full().into()),
        ] {
            assert_eq!(error.with_causes(), expected);
            assert_eq!(
                error.hint().as_deref(),
                Some("make room on the disk of the store")
            );
            assert!(error.is_transient());
        }
    }
}
