//! The command line.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use vpcflow_ingest::Location;
use vpcflow_query::{Measure, OutputFormat};
use vpcflow_record::{Format, FormatField, Policy};
use vpcflow_setup::{Interval, Tag, Traffic, WishError};

use crate::time::{Moment, duration, moment};

/// AWS VPC flow logs: provision them, follow them without loss, ask them in SQL
#[derive(Debug, Parser)]
#[command(
    name = "vpcflow",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The whole path on this machine, without an AWS account
    Demo(DemoArgs),
    /// Switch flow logs on: role, policy, log group and flow logs, by a plan
    Setup(SetupArgs),
    /// What flow logs exist and whether AWS delivers
    Status(StatusArgs),
    /// Remove what `setup` made, and nothing else
    Teardown(TeardownArgs),
    /// Follow log groups or directories and print their records
    Tail(TailArgs),
    /// Answer SQL over the tables `flows`, `rejects`, `enis` and `ingest_log`
    Sql(SqlArgs),
    /// Rank records: the columns that make a row, by bytes, packets or flows
    Top(TopArgs),
    /// Run a query of the library, or list them
    Query(QueryArgs),
    /// Write synthetic flow logs with planted incidents, a file for each interface
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How to reach AWS.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "AWS")]
pub(crate) struct AwsArgs {
    /// Profile of the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// AWS Region
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// Endpoint to call in place of AWS's
    #[arg(long, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
}

/// What to read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sources")]
pub(crate) struct FromArgs {
    /// A file, pattern, directory, `-` for standard input, or `logs:GROUP`; repeatable
    #[arg(long, value_name = "SOURCE")]
    pub(crate) from: Vec<Location>,
    /// A store: a directory or `s3://bucket/prefix`; repeatable
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Vec<String>,
    /// Records that start at or after this time: `15m`, `7d` (ago), or a date in UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Records that start before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
}

impl FromArgs {
    /// Whether nothing was named to read.
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty() && self.store.is_empty()
    }
}

/// How lines are read as records.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sources")]
pub(crate) struct DecodeArgs {
    /// The fields of a record: `default`, names, or AWS's `${field}` string
    #[arg(long, value_name = "FORMAT", value_parser = Format::parse)]
    pub(crate) log_format: Option<Format>,
    /// What is refused: strict (what AWS does not document), default (what does not fit its
    /// column) or lenient (less: values after the last field are left out)
    #[arg(long, value_name = "POLICY", default_value = "default")]
    pub(crate) policy: Policy,
    /// End with exit status 1 if any line was refused
    #[arg(long)]
    pub(crate) strict: bool,
    /// Print no notes and no summary on standard error
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

/// How rows are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArgs {
    /// `table`, `json`, `ndjson`, `csv`, `tsv` or `markdown` [default: table on a terminal, else
    /// csv]
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        env = "VPCFLOW_OUTPUT",
        hide_env_values = true
    )]
    pub(crate) output: Option<OutputFormat>,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Records to make up
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10_000..=10_000_000))]
    pub(crate) records: u64,
    /// Seed of the traffic: the same seed gives the same records
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u64,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("resources").required(true).multiple(true)))]
pub(crate) struct SetupArgs {
    /// VPC to watch; repeatable
    #[arg(long, value_name = "ID", group = "resources")]
    pub(crate) vpc: Vec<String>,
    /// Subnet to watch; repeatable
    #[arg(long, value_name = "ID", group = "resources")]
    pub(crate) subnet: Vec<String>,
    /// Network interface to watch; repeatable
    #[arg(long, value_name = "ID", group = "resources")]
    pub(crate) eni: Vec<String>,
    /// Log group to deliver to [default: `/vpcflow/ID` for one resource]
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,
    /// Traffic to record: all, accept or reject
    #[arg(long, value_name = "TRAFFIC", default_value = "all", value_parser = wished::<Traffic>)]
    pub(crate) traffic: Traffic,
    /// Seconds that a record aggregates at most: 60 or 600
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = wished::<Interval>)]
    pub(crate) interval: Interval,
    /// Fields of a record: default, all, v3 to v11, or names
    #[arg(long, value_name = "FIELDS", default_value = "default", value_parser = fields)]
    pub(crate) fields: Format,
    /// Days that the log group keeps events [default: 30 for a new group]
    #[arg(long, value_name = "N")]
    pub(crate) retention_days: Option<u32>,
    /// Role that delivers [default: one made for the log group]
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
    /// Tag for everything that is made; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = wished::<Tag>)]
    pub(crate) tag: Vec<Tag>,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// Whether a plan is carried out.
#[derive(Debug, Clone, Args)]
pub(crate) struct ChangeArgs {
    /// Show the plan and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Carry the plan out without asking
    #[arg(long, short, conflicts_with = "dry_run")]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// The log group [default: all that vpcflow made]
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TeardownArgs {
    /// The log group whose flow logs end
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: String,
    /// Keep the log group and its events
    #[arg(long)]
    pub(crate) keep_logs: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// `logs:GROUP`, or directories, patterns and files, each file a log stream
    #[arg(value_name = "SOURCE", required = true)]
    pub(crate) sources: Vec<Location>,
    /// Records that start at or after this time: `15m`, `7d` (ago), or a date in UTC
    #[arg(long, value_name = "TIME", default_value = "15m", value_parser = moment)]
    pub(crate) since: Moment,
    /// How often to look for new records
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub(crate) poll: Duration,
    /// How long after its time a record may still arrive in a log group
    #[arg(long, value_name = "DURATION", default_value = "2h", value_parser = duration)]
    pub(crate) lateness: Duration,
    /// Calls to a region's log groups, at most [default: six in ten of the region's quota]
    #[arg(long, value_name = "N", value_parser = calls_per_second)]
    pub(crate) max_calls_per_second: Option<f64>,
    /// How to tell on standard error how far the reading has come [default: a line that is
    /// redrawn, on a terminal that no records are printed to]
    #[arg(long, value_name = "HOW")]
    pub(crate) progress: Option<ProgressStyle>,
    /// End after this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) r#for: Option<Duration>,
    /// Only records for which this SQL condition holds
    #[arg(long, value_name = "SQL")]
    pub(crate) r#where: Option<String>,
    /// Print the answer of this statement over the records so far, instead of the records
    #[arg(long, value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// How often the statement is answered
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, requires = "sql")]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// How a tail tells how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    /// One line, redrawn
    Line,
    /// An object a line, every ten seconds and at the end
    Json,
    /// Not at all
    None,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("statement").required(true)))]
pub(crate) struct SqlArgs {
    /// One statement
    #[arg(value_name = "SQL", group = "statement")]
    pub(crate) sql: Option<String>,
    /// A file of statements, each ended by `;`; `-` for standard input
    #[arg(long, short, value_name = "FILE", group = "statement")]
    pub(crate) file: Option<PathBuf>,
    /// Value of a `$key` in the statement; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) param: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Columns that make a row of the ranking
    #[arg(value_name = "KEY", value_delimiter = ',', default_value = "srcaddr")]
    pub(crate) keys: Vec<String>,
    /// What the ranking is by
    #[arg(long, value_name = "MEASURE", default_value = "bytes")]
    pub(crate) by: By,
    /// Rows at most
    #[arg(short, long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) n: u32,
    /// Only records for which this SQL condition holds
    #[arg(long, value_name = "SQL")]
    pub(crate) r#where: Option<String>,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
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

#[derive(Debug, Args)]
pub(crate) struct QueryArgs {
    /// The query; without one, the library is listed
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Value of a parameter; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value, requires = "name")]
    pub(crate) param: Vec<(String, String)>,
    /// Print what the query is and its SQL, instead of running it
    #[arg(long, requires = "name")]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// The directory to write to; made if it is not there
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
    /// Records to write
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    pub(crate) records: u64,
    /// Seed: the same seed gives the same files
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Network interfaces, each with a file of its own
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) enis: u32,
}

fn calls_per_second(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(calls) if calls > 0.0 && calls <= 1_000.0 => Ok(calls),
        _ => Err("it is a number above 0, such as 2.5".to_owned()),
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    let pair = text
        .split_once('=')
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    pair.ok_or_else(|| "write it as KEY=VALUE".to_owned())
}

/// A value that the crate `setup` reads, with its hint when it is none.
fn wished<T: FromStr<Err = WishError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: WishError| match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    })
}

/// `default`, `all`, a version such as `v5`, or names. AWS refuses unknown
/// names only after the rest is set up, so they are refused here, unless they
/// are written as AWS does: `${name}` may be newer than this program.
fn fields(text: &str) -> Result<Format, String> {
    if text == "all" {
        return Ok(Format::up_to_version(11));
    }
    match text.strip_prefix('v').map(str::parse) {
        Some(Ok(6)) => return Err("version 6 is of transit gateways".to_owned()),
        Some(Ok(version @ 2..=11)) => return Ok(Format::up_to_version(version)),
        Some(Ok(_)) => return Err("the versions are v2 to v11".to_owned()),
        Some(Err(_)) | None => {}
    }
    let format = Format::parse(text).map_err(|error| error.to_string())?;
    if let Some(name) = format.unknown().next()
        && !text.contains("${")
    {
        return Err(format!("`{name}` is no field that is known"));
    }
    match format
        .fields()
        .iter()
        .find(|field| is_of_transit_gateways(field))
    {
        Some(field) => Err(format!("`{}` is a field of transit gateways", field.name())),
        None => Ok(format),
    }
}

fn is_of_transit_gateways(field: &FormatField) -> bool {
    matches!(field, FormatField::Known(field) if field.version() == 6)
}
