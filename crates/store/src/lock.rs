//! One process writes a store: on this machine, the one that holds the lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// The system releases the lock when the process ends, however it does.
const LOCK_FILE: &str = "_vpcflow.lock";

/// Held for as long as the value lives.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of the store in `directory`, which is made if need be.
    pub(crate) fn take(directory: &Path, store: &str) -> Result<Lock> {
        let path = directory.join(LOCK_FILE);
        let failed = |action| {
            let path = path.display().to_string();
            move |source| Error::File {
                action,
                path,
                source,
            }
        };
        fs::create_dir_all(directory).map_err(failed("make the directory of"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // Only for the message.
                let _ = file.read_to_string(&mut owner);
                return Err(Error::Locked {
                    store: store.to_owned(),
                    process: owner.trim().parse().ok(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed("lock")(source)),
        }
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(failed("write"))?;
        Ok(Lock { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_owner_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = Lock::take(directory.path(), "store").unwrap();
        let second = Lock::take(directory.path(), "store").unwrap_err();
        let process = Some(std::process::id());
        assert!(matches!(second, Error::Locked { process: p, .. } if p == process));
        drop(first);
        Lock::take(directory.path(), "store").unwrap();
    }
}
