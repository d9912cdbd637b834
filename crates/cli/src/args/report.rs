//! Arguments of `vpcflow report`.

use std::path::PathBuf;

use clap::Args;

use super::top::By;
use super::{AwsArgs, FromArgs};

/// What to do with it, by example.
const EXAMPLES: &str = "\
Examples:
  vpcflow report --from logs --out report.html
  vpcflow report --store flows --since 7d --title 'Last week' --out week.html
  vpcflow report --from logs --where \"dstport = 22\" --by flows -n 20 > ssh.html";

/// A page about the traffic.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct PageArgs {
    /// Headline of the page
    #[arg(long, value_name = "TEXT", default_value = "VPC flow logs")]
    pub(crate) title: String,
    /// What rankings are by; those of rejected traffic are by flows
    #[arg(long, value_name = "MEASURE", default_value = "bytes")]
    pub(crate) by: By,
    /// Rows of a ranking at most
    #[arg(short, long = "limit", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) n: u16,
    /// Length of the IPv4 networks of the matrix; 32 for addresses
    #[arg(long, value_name = "BITS", default_value_t = 24, value_parser = clap::value_parser!(u8).range(1..=32))]
    pub(crate) network_bits: u8,
    /// Only records for which this SQL condition holds
    #[arg(long, value_name = "SQL")]
    pub(crate) r#where: Option<String>,
    #[command(flatten)]
    pub(crate) from: FromArgs,
    /// Write the page to a file instead of standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) aws: AwsArgs,
}
