//! Synthetic VPC flow logs: the same seed gives the same bytes, everywhere.
//!
//! The traffic is that of a small VPC: clients reach web servers through a
//! load balancer, these reach application servers, a database and a cache,
//! private interfaces reach the Internet through a NAT gateway, and scanners
//! knock on whatever has a public address. Conversations are recorded as AWS
//! records them: each direction by itself, in intervals of at most 60 seconds,
//! and on both interfaces when both are in the VPC. Some records come late,
//! idle interfaces report `NODATA`, and busy ones now and then `SKIPDATA`.
//!
//! Into this traffic four [incidents](Incident) are planted, each with the
//! figures that a query must find. Nothing in the background comes near them
//! on those measures.
//!
//! ```
//! use vpcflow_synth::{Config, Generator, Incident, Layout};
//!
//! let generator = Generator::new(&Config { records: 20_000, ..Config::default() });
//! let scanned_ports = generator.incidents().iter().find_map(|incident| match incident {
//!     Incident::PortScan(scan) => Some(scan.ports),
//!     _ => None,
//! });
//! assert_eq!(scanned_ports, Some(400));
//!
//! let mut text = Vec::new();
//! for record in generator {
//!     record.write_line(Layout::V2, &mut text);
//! }
//! assert_eq!(text.iter().filter(|&&byte| byte == b'\n').count(), 20_000);
//! ```
//!
//! # What it is not
//!
//! A model of one network, not of networks: addresses, shares and sizes are
//! plausible, not measured. The clock is never read; the window of time is
//! part of the [`Config`]. Public addresses are random, except that planted
//! ones come from the ranges kept for documentation (RFC 5737), which the
//! background never uses.
//!
//! # Modules
//!
//! `config` what is asked for, `network` the VPC, `internet` the rest of the
//! world, `scenario` who talks to whom, `legs` where that is recorded,
//! `traffic` the background, `incident` what is planted, `generator` all of it
//! in order of delivery, `record` one record, `layout` and `line` its text,
//! `output` files, `sampling` random draws.

mod config;
mod generator;
mod incident;
mod internet;
mod layout;
mod legs;
mod line;
mod network;
mod output;
mod record;
mod sampling;
mod scenario;
mod traffic;

pub use config::Config;
pub use generator::Generator;
pub use incident::{BruteForce, Incident, LargeTransfer, PortScan, SilentInterface};
pub use layout::Layout;
pub use network::{Interface, Role};
pub use output::{Summary, write_directory, write_text};
pub use record::{Action, AwsService, Direction, Flow, Observation, Record};
