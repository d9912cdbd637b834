//! The arguments of `vpcflow setup`.

use std::str::FromStr;

use clap::{Args, ValueEnum};
use vpcflow_setup::{Fields, Interval, LogClass, Tag, TagField, TagFilter, Traffic, WishError};

use super::{AwsArgs, ChangeArgs, ReportArgs, examples};

#[derive(Debug, Args)]
#[command(after_help = examples::SETUP)]
pub(crate) struct SetupArgs {
    /// Role that delivers [default: one made for the log group]
    #[arg(long, value_name = "NAME")]
    pub(crate) role_name: Option<String>,
    /// Tag for everything that is made; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = wished::<Tag>)]
    pub(crate) tag: Vec<Tag>,
    /// Let an old flow log go before its replacement is there, if AWS does not take both at once
    #[arg(long)]
    pub(crate) allow_gap: bool,
    /// After a failure, keep what this run made instead of taking it back
    #[arg(long)]
    pub(crate) keep_partial: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
    /// Write the same set-up as a template and change nothing: cloudformation
    #[arg(
        long,
        value_name = "KIND",
        hide_possible_values = true,
        conflicts_with_all = ["yes", "dry_run", "output"]
    )]
    pub(crate) emit: Option<Emit>,
    /// Print the IAM policy that the caller needs, to set up, look after, read and tear down, and
    /// call nothing
    #[arg(long, conflicts_with_all = ["emit", "yes", "dry_run", "output"])]
    pub(crate) print_permissions: bool,
    #[command(flatten)]
    pub(crate) resources: ResourceArgs,
    #[command(flatten)]
    pub(crate) records: RecordArgs,
    #[command(flatten)]
    pub(crate) log_group: LogGroupArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}

/// What is watched.
#[derive(Debug, Args)]
#[command(next_help_heading = "What is watched")]
pub(crate) struct ResourceArgs {
    /// VPC to watch; repeatable
    #[arg(long, value_name = "ID")]
    pub(crate) vpc: Vec<String>,
    /// Subnet to watch; repeatable
    #[arg(long, value_name = "ID")]
    pub(crate) subnet: Vec<String>,
    /// Network interface to watch; repeatable
    #[arg(long, value_name = "ID")]
    pub(crate) eni: Vec<String>,
    /// Every VPC with this tag; repeatable: those that have them all
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = wished::<TagFilter>)]
    pub(crate) vpc_tag: Vec<TagFilter>,
    /// Every subnet with this tag; repeatable
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = wished::<TagFilter>)]
    pub(crate) subnet_tag: Vec<TagFilter>,
    /// Every network interface with this tag; repeatable
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = wished::<TagFilter>)]
    pub(crate) eni_tag: Vec<TagFilter>,
}

/// What a record tells.
#[derive(Debug, Args)]
#[command(next_help_heading = "Records")]
pub(crate) struct RecordArgs {
    /// Traffic to record: all, accept or reject
    #[arg(long, value_name = "TRAFFIC", default_value = "all", value_parser = wished::<Traffic>)]
    pub(crate) traffic: Traffic,
    /// Seconds that a record aggregates at most: 60 or 600
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = wished::<Interval>)]
    pub(crate) interval: Interval,
    /// Fields of a record: default, all, v3 to v11, or names
    #[arg(long, value_name = "FIELDS", default_value = "default", value_parser = wished::<Fields>)]
    pub(crate) fields: Fields,
    /// Tag whose value a record has: `instance:KEY`, `interface:KEY` or `asg:KEY`; repeatable
    #[arg(long, value_name = "KIND:KEY", value_parser = wished::<TagField>)]
    pub(crate) tag_field: Vec<TagField>,
}

/// Where the records go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Log group")]
pub(crate) struct LogGroupArgs {
    /// Log group to deliver to [default: `/vpcflow/ID` for one resource]
    #[arg(long, value_name = "NAME")]
    pub(crate) log_group: Option<String>,
    /// Days that it keeps events [default: 30 for a new group]
    #[arg(long, value_name = "N")]
    pub(crate) retention_days: Option<u32>,
    /// KMS key that encrypts it
    #[arg(long, value_name = "ARN")]
    pub(crate) kms_key: Option<String>,
    /// Class of a new group: standard or infrequent-access
    #[arg(long, value_name = "CLASS", value_parser = wished::<LogClass>)]
    pub(crate) log_class: Option<LogClass>,
}

/// The kinds of template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    Cloudformation,
}

/// A value that the crate `setup` reads, with its hint when it is none.
fn wished<T: FromStr<Err = WishError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: WishError| match error.hint() {
        Some(hint) => format!("{error}: {hint}"),
        None => error.to_string(),
    })
}
