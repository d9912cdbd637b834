//! Memory that files are encoded with, one after the other.

use std::sync::{Mutex, PoisonError};

use parquet::basic::ZstdLevel;
use parquet::errors::{ParquetError, Result};
use zstd::bulk::Compressor;

use super::column::OpenPage;

/// Left by files before: as many as were encoded at the same time, by whichever
/// threads.
static IDLE: Mutex<Vec<Tools>> = Mutex::new(Vec::new());

/// What a file is encoded with: fresh memory costs as much as filling it does.
pub(super) struct Tools {
    pub(super) zstd: Compressor<'static>,
    /// Of one column, each.
    pub(super) codes: Vec<u32>,
    pub(super) numbers32: Vec<i32>,
    pub(super) numbers64: Vec<i64>,
    /// A page before it is compressed.
    pub(super) raw: Vec<u8>,
    /// Empty ones.
    pub(super) pages: Vec<OpenPage>,
}

impl Tools {
    /// Those that another file has left, or new ones.
    pub(super) fn take() -> Result<Tools> {
        let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(tools) => Ok(tools),
            None => Ok(Tools {
                zstd: Compressor::new(0).map_err(failed)?,
                codes: Vec::new(),
                numbers32: Vec::new(),
                numbers64: Vec::new(),
                raw: Vec::new(),
                pages: Vec::new(),
            }),
        }
    }

    /// What is compressed next is so at this level.
    pub(super) fn set_level(&mut self, level: ZstdLevel) -> Result<()> {
        let level = level.compression_level();
        self.zstd.set_compression_level(level).map_err(failed)
    }

    /// Leaves them to the next file.
    pub(super) fn give_back(self) {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(self);
    }
}

fn failed(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
