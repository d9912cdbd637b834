//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use vpcflow_ingest::Location;
use vpcflow_query::OutputFormat;
use vpcflow_record::{Format, Policy};

use crate::prompt;
use crate::time::{Moment, duration, moment};

mod examples;
mod limits;
mod report;
mod setup;
mod store;
mod top;
pub(crate) use limits::{LimitArgs, TimeoutArgs};
pub(crate) use report::PageArgs;
pub(crate) use setup::{Emit, ResourceArgs, SetupArgs};
pub(crate) use store::{
    IngestArgs, KeepArgs, StoreArgs, StoreCommand, StoreReadArgs, StoreWriteArgs,
};
pub(crate) use top::TopArgs;

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
    /// What flow logs exist, whether records arrive, what is wrong and the way out
    Status(StatusArgs),
    /// Remove what `setup` made, and nothing else
    Teardown(TeardownArgs),
    /// Follow log groups, directories or standard input: print their records, or keep them in a store
    Tail(TailArgs),
    /// Read files, objects of S3 or log groups into a store, each record once
    Ingest(IngestArgs),
    /// Look after a store
    Store(StoreArgs),
    /// Answer SQL over the tables `flows`, `rejects`, `enis` and `ingest_log`
    Sql(SqlArgs),
    /// Rank records: the columns that make a row, by bytes, packets or flows
    Top(TopArgs),
    /// Write a page of HTML about the traffic: figures, charts, rankings, completeness
    Report(PageArgs),
    /// Run a query of the library, or list them
    Query(QueryArgs),
    /// Write synthetic flow logs with planted incidents, a file for each interface
    Generate(GenerateArgs),
    /// Print a completion script for a shell
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a page of the manual, or write all of them to a directory
    Man(ManArgs),
}

impl Command {
    /// What it may take of the machine, if it answers queries.
    pub(crate) fn limits(&self) -> Option<&LimitArgs> {
        match self {
            Command::Sql(SqlArgs { from, .. })
            | Command::Top(TopArgs { from, .. })
            | Command::Report(PageArgs { from, .. })
            | Command::Query(QueryArgs { from, .. }) => Some(&from.limits),
            Command::Tail(args) => Some(&args.limits),
            _ => None,
        }
    }

    /// How long it may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        match self {
            // That is for each statement.
            Command::Sql(args) if args.is_prompt() => None,
            Command::Sql(SqlArgs { from, .. })
            | Command::Top(TopArgs { from, .. })
            | Command::Report(PageArgs { from, .. })
            | Command::Query(QueryArgs { from, .. }) => from.timeout.timeout,
            _ => None,
        }
    }
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
    /// Read public buckets of S3 without credentials
    #[arg(long, conflicts_with_all = ["profile", "assume_role"])]
    pub(crate) no_sign_request: bool,
    /// Role to assume first, as of another account
    #[arg(long, value_name = "ARN")]
    pub(crate) assume_role: Option<String>,
    /// External id that the role asks for
    #[arg(long, value_name = "ID", requires = "assume_role")]
    pub(crate) external_id: Option<String>,
}

/// What to read.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sources")]
pub(crate) struct FromArgs {
    /// A file, pattern, directory, `-` for standard input, `s3://BUCKET/PREFIX` or `logs:GROUP`;
    /// repeatable
    #[arg(long, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(crate) from: Vec<Location>,
    /// A store: a directory or `s3://bucket/prefix`; repeatable
    #[arg(long, value_name = "STORE", value_hint = ValueHint::DirPath)]
    pub(crate) store: Vec<String>,
    /// Records that start at or after this time: `15m`, `7d` (ago), or a date in UTC
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) since: Option<Moment>,
    /// Records that start before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) until: Option<Moment>,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) functions: FunctionArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) timeout: TimeoutArgs,
}

/// Files that functions look addresses up in.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Functions")]
pub(crate) struct FunctionArgs {
    /// AWS's ip-ranges.json, for `aws_service`
    #[arg(
        long,
        value_name = "FILE",
        env = "VPCFLOW_IP_RANGES",
        hide_env_values = true
    )]
    pub(crate) ip_ranges: Option<PathBuf>,
    /// A database in MaxMind's format, for `geo_country` and `geo_asn`; repeatable
    #[arg(
        long,
        value_name = "FILE",
        env = "VPCFLOW_GEO",
        value_delimiter = ',',
        hide_env_values = true
    )]
    pub(crate) geo: Vec<PathBuf>,
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
    /// `table`, `json`, `ndjson`, `csv`, `tsv`, `markdown`, `parquet` or `arrow` [default: by the
    /// name of the file, else VPCFLOW_OUTPUT, else table on a terminal, else csv]
    #[arg(long, short, value_name = "FORMAT")]
    pub(crate) output: Option<OutputFormat>,
    /// Write rows to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// What the environment says, which a file's name has precedence over
    #[arg(long, env = "VPCFLOW_OUTPUT", hide = true)]
    pub(crate) usual_output: Option<OutputFormat>,
}

impl OutputArgs {
    /// Whether the user says how rows are to be printed.
    pub(crate) fn names_format(&self) -> bool {
        self.output.is_some() || self.out.is_some() || self.usual_output.is_some()
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::DEMO)]
pub(crate) struct DemoArgs {
    /// Records to make up
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(10_000..=10_000_000))]
    pub(crate) records: u64,
    /// Seed of the traffic: the same seed gives the same records
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u64,
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

/// How a plan or a status is printed.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArgs {
    /// `text`, or `json` for programs
    #[arg(
        long,
        short,
        value_name = "FORMAT",
        default_value = "text",
        hide_possible_values = true
    )]
    pub(crate) output: ReportFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    Text,
    Json,
}

#[derive(Debug, Args)]
#[command(after_help = examples::STATUS)]
pub(crate) struct StatusArgs {
    /// A log group, also one that vpcflow did not make; repeatable [default: all that vpcflow made]
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Vec<String>,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = examples::TEARDOWN)]
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
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = examples::TAIL)]
pub(crate) struct TailArgs {
    /// `logs:GROUP`, directories, patterns and files, each file a log stream, or `-` for standard
    /// input
    #[arg(value_name = "SOURCE", required = true, value_hint = ValueHint::AnyPath)]
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
    /// Tell on standard error how far the reading has come, in a line that is redrawn or as JSON
    /// [default: line on a terminal that no records are printed to]
    #[arg(long, value_name = "HOW")]
    pub(crate) progress: Option<ProgressStyle>,
    /// End after this time
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) r#for: Option<Duration>,
    /// Only records for which this SQL condition holds
    #[arg(long, value_name = "SQL")]
    pub(crate) r#where: Option<String>,
    #[command(flatten)]
    pub(crate) keep: KeepArgs,
    /// Print the answer of this statement over the records so far, or over all of the store,
    /// instead of the records
    #[arg(long, value_name = "SQL")]
    pub(crate) sql: Option<String>,
    /// How often the statement is answered
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration, requires = "sql")]
    pub(crate) every: Duration,
    #[command(flatten)]
    pub(crate) decode: DecodeArgs,
    #[command(flatten)]
    pub(crate) functions: FunctionArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// How a tail tells how far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProgressStyle {
    // Words that explain these would make the help of every option longer.
    Line,
    Json,
    None,
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("statement")), after_help = examples::SQL)]
pub(crate) struct SqlArgs {
    /// One statement; without one, a prompt on a terminal, else statements of standard input
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

impl SqlArgs {
    /// Whether statements are asked for, one after the other.
    pub(crate) fn is_prompt(&self) -> bool {
        self.sql.is_none() && self.file.is_none() && prompt::is_possible()
    }
}

#[derive(Debug, Args)]
#[command(after_help = examples::QUERY)]
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
    /// A folder of queries of your own, `PACK/NAME.sql` or `NAME.sql`, which join the library
    #[arg(
        long,
        value_name = "DIR",
        env = "VPCFLOW_LIBRARY",
        hide_env_values = true
    )]
    pub(crate) library: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

#[derive(Debug, Args)]
#[command(after_help = examples::GENERATE)]
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

#[derive(Debug, Args)]
#[command(after_help = examples::MAN)]
pub(crate) struct ManArgs {
    /// The command whose page it is, such as `sql` or `store check`; without one, of all together
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// Write the pages of all commands to this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) out: Option<PathBuf>,
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
