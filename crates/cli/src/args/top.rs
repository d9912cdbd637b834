//! Rankings on the command line.

use std::time::Duration;

use clap::{Args, ValueEnum};
use vpcflow_ingest::Location;
use vpcflow_query::{Key, Measure};

use super::{AwsArgs, FromArgs, OutputArgs, calls_per_second, examples};
use crate::time::duration;

#[derive(Debug, Args)]
#[command(after_help = examples::TOP)]
pub(crate) struct TopArgs {
    /// Columns that make a row, or networks of their addresses: `srcaddr/24` (IPv6 by 64 bits),
    /// `srcaddr/24/48` [default: srcaddr]
    #[arg(value_name = "KEY", value_delimiter = ',')]
    pub(crate) keys: Vec<Key>,
    /// What the ranking is by
    #[arg(long, value_name = "MEASURE", default_value = "bytes")]
    pub(crate) by: By,
    /// A ranking `KEY[,KEY]…[/MEASURE]`; repeatable: all are answered in one pass
    #[arg(long, value_name = "STAT", conflicts_with = "keys")]
    pub(crate) stat: Vec<String>,
    /// Rows at most
    #[arg(short, long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) n: u32,
    /// Only records for which this SQL condition holds
    #[arg(long, value_name = "SQL")]
    pub(crate) r#where: Option<String>,
    /// Count both directions of a conversation together: there are keys `client`, `client_port`,
    /// `server` and `server_port` [default: client,server,server_port]
    #[arg(long)]
    pub(crate) bidirectional: bool,
    /// Count a flow that two interfaces saw once: the data is read twice
    #[arg(long)]
    pub(crate) once: bool,
    /// Compare with the time right before `--since`, as long as the one that is ranked, or with
    /// the same time so much earlier
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true, value_parser = duration)]
    pub(crate) compare: Option<Option<Duration>>,
    /// Rank the records of a log group, directory, file or `-` while they come, on the terminal;
    /// repeatable
    #[arg(long, value_name = "SOURCE", conflicts_with_all = ["from", "store", "until", "once", "compare", "output", "out"])]
    pub(crate) follow: Vec<Location>,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// How records are followed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Following")]
pub(crate) struct LiveArgs {
    /// How far back from the newest record the ranking goes
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = duration, requires = "follow", conflicts_with_all = ["from", "store"])]
    pub(crate) window: Duration,
    /// How often to look for new records
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration, requires = "follow", conflicts_with_all = ["from", "store"])]
    pub(crate) poll: Duration,
    /// How long after its time a record may still arrive in a log group
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = duration, requires = "follow", conflicts_with_all = ["from", "store"])]
    pub(crate) lateness: Duration,
    /// Calls to a region's log groups, at most [default: six in ten of the region's quota]
    #[arg(long, value_name = "N", value_parser = calls_per_second, requires = "follow", conflicts_with_all = ["from", "store"])]
    pub(crate) max_calls_per_second: Option<f64>,
    /// End after this time
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "follow", conflicts_with_all = ["from", "store"])]
    pub(crate) r#for: Option<Duration>,
}

/// What a ranking is by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum By {
    Bytes,
    Packets,
    Flows,
}

impl From<By> for Measure {
    fn from(by: By) -> Measure {
        match by {
            By::Bytes => Measure::Bytes,
            By::Packets => Measure::Packets,
            By::Flows => Measure::Flows,
        }
    }
}
