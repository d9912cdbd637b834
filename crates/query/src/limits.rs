//! What a session may take of the machine.

mod machine;
mod pool;

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use datafusion::config::SpillCompression;
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::SessionConfig;

use self::pool::LimitedPool;
use crate::error::Error;
use crate::size::Size;

/// How much memory, how many threads and how much disk the queries of a session
/// may take.
///
/// Sorts, joins and groups count what they hold: where that would be more than
/// `memory_bytes`, they write to files what they can, and fail if they cannot.
/// What is being read and decoded does not count; it is bounded by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that sorts, joins and groups may hold together.
    pub memory_bytes: u64,
    /// Parts of a query that run at the same time.
    pub threads: NonZero<usize>,
    /// Where files for what memory does not hold are made, in a directory of
    /// their own that goes with the session. Without one nothing is written, and
    /// a query that needs more memory fails.
    pub spill_directory: Option<PathBuf>,
    /// Bytes that these files may take.
    pub spill_bytes: u64,
}

impl Limits {
    /// The share of the machine's memory that queries may take unless the user
    /// says, in percent: the rest is for what does not count, and for others.
    pub const MEMORY_PERCENT: u64 = 60;

    /// What the files may take unless the user says.
    pub const SPILL: Size = Size(100_000_000_000);

    /// The memory that queries may take unless the user says: a share of that of
    /// the machine, or of the control group that the process is in.
    pub fn usual_memory() -> Size {
        Size(machine::memory_bytes() / 100 * Limits::MEMORY_PERCENT)
    }

    /// Tells the engine how to share the work, and the memory of a sort.
    pub(crate) fn configure(&self, config: SessionConfig) -> SessionConfig {
        let threads = self.threads.get();
        let mut config = config.with_target_partitions(threads);
        let execution = &mut config.options_mut().execution;
        // Each sort keeps so much for the merging of what it has written: of a low
        // limit nothing else would be left.
        let share = usize::try_from(self.memory_bytes).unwrap_or(usize::MAX) / threads / 4;
        let reserved = &mut execution.sort_spill_reservation_bytes;
        *reserved = share.min(*reserved);
        execution.spill_compression = SpillCompression::Lz4Frame;
        config
    }

    /// The engine's environment with these limits.
    ///
    /// # Errors
    /// When no file can be made in the directory.
    pub(crate) fn environment(&self) -> Result<Arc<RuntimeEnv>, Error> {
        let mode = match &self.spill_directory {
            Some(directory) => DiskManagerMode::Directories(vec![directory.clone()]),
            None => DiskManagerMode::Disabled,
        };
        let disk = DiskManagerBuilder::default()
            .with_mode(mode)
            .with_max_temp_directory_size(self.spill_bytes);
        let memory_bytes = usize::try_from(self.memory_bytes).unwrap_or(usize::MAX);
        let pool = LimitedPool::new(memory_bytes);
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(pool))
            .with_disk_manager_builder(disk)
            .build_arc();
        environment.map_err(|error| match (&self.spill_directory, error.find_root()) {
            (Some(directory), DataFusionError::IoError(error)) => {
                Error::spill_directory(directory, error)
            }
            _ => error.into(),
        })
    }
}

/// A share of the machine's memory, all of its processors, the usual directory for
/// temporary files.
impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: Limits::usual_memory().0,
            threads: thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            spill_directory: Some(std::env::temp_dir()),
            spill_bytes: Limits::SPILL.0,
        }
    }
}
