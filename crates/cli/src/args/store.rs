//! Stores on the command line.

use std::time::Duration;

use clap::{Args, Subcommand, ValueHint};
use vpcflow_ingest::Location;

use super::{AwsArgs, DecodeArgs, OutputArgs, calls_per_second, examples};
use crate::time::{Moment, days, duration, moment};

#[derive(Debug, Args)]
#[command(after_help = examples::INGEST)]
pub(crate) struct IngestArgs {
    /// Files, patterns, directories, `-` for standard input, `s3://BUCKET/PREFIX` or `logs:GROUP`
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::AnyPath)]
    pub(crate) sources: Vec<Location>,
    /// The store, made if it is not there: a directory or `s3://bucket/prefix`
    #[arg(long, value_name = "STORE", value_hint = ValueHint::DirPath)]
    pub(crate) store: String,
    /// Events of log groups, and AWS's files in S3, from this time on: `15m`, `7d` (ago), or a date
    /// in UTC [default: of log groups 1h, of S3 all]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Events of log groups, and AWS's files in S3, before this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    /// Calls to a log group, at most [default: six in ten of the region's quota]
    #[arg(long, value_name = "N", value_parser = calls_per_second)]
    pub(crate) max_calls_per_second: Option<f64>,
    /// Keep so many days, today among them, and drop older ones: `90d`
    #[arg(long, value_name = "DAYS", value_parser = days)]
    pub(crate) keep: Option<u32>,
    /// Commit what was read this often: a commit makes a file
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5s")]
    pub(crate) commit_every: Duration,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// What `tail` keeps.
#[derive(Debug, Clone, Args)]
pub(crate) struct KeepArgs {
    /// Keep the records in this store, each once, and print none: a directory or
    /// `s3://bucket/prefix`, made if it is not there
    #[arg(long, value_name = "STORE", conflicts_with = "where", value_hint = ValueHint::DirPath)]
    pub(crate) store: Option<String>,
    /// Keep so many days in the store, today among them, and drop older ones: `90d`
    #[arg(long, value_name = "DAYS", value_parser = days, requires = "store")]
    pub(crate) keep: Option<u32>,
    /// Commit what was read this often: a commit makes a file
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5s", requires = "store")]
    pub(crate) commit_every: Duration,
}

#[derive(Debug, Args)]
#[command(after_help = examples::STORE)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// What a store holds: days, files, rows, sources
    Info(StoreReadArgs),
    /// Read all of a store and check that it is whole
    Check(StoreReadArgs),
    /// Merge the files of each day into few; the rows stay the same
    Compact(StoreWriteArgs),
    /// Drop days before the last ones
    Expire {
        #[command(flatten)]
        store: StoreWriteArgs,
        /// Days that stay, today among them: `90d`
        #[arg(long, value_name = "DAYS", value_parser = days)]
        keep: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct StoreReadArgs {
    /// The store: a directory or `s3://bucket/prefix`
    #[arg(value_name = "STORE", value_hint = ValueHint::DirPath)]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StoreWriteArgs {
    /// The store: a directory or `s3://bucket/prefix`
    #[arg(value_name = "STORE", value_hint = ValueHint::DirPath)]
    pub(crate) store: String,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
