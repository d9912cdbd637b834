//! What a query may take of the machine.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use vpcflow_query::Size;

use crate::time::duration;

/// How much of the machine.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Memory that sorts, joins and groups may hold before they go on in files: `500MB`, `2GB`
    /// [default: 60 percent of the machine's, or of the container's]
    #[arg(long, value_name = "SIZE")]
    pub(crate) memory_limit: Option<Size>,
    /// Threads that work on a query [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZero<u16>>,
    /// Directory for the files of what memory does not hold, which are removed at the end
    /// [default: TMPDIR, else /tmp]
    #[arg(long, value_name = "DIR")]
    pub(crate) temp_dir: Option<PathBuf>,
    /// What these files may take [default: 100GB]
    #[arg(long, value_name = "SIZE")]
    pub(crate) temp_limit: Option<Size>,
}

/// How long.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct TimeoutArgs {
    /// Time that the command may take, to its last row: `30s`, `5m`
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}
