//! SQL functions that know networks.
//!
//! | functions | file |
//! |---|---|
//! | `cidr_contains`, `ip_prefix`, `is_private`, `is_global`, `ip_family` | `addresses/` |
//! | `protocol_name`, `port_service`, `server_port`, `tcp_flags_text`, `has_tcp_flag`, `traffic_path_name`, `community_id`, `percent_decode` | `records/` |
//! | `aws_service`, `geo_country`, `geo_asn`, `network_of` | `lookups/` |
//!
//! Each function takes columns and constants in any mix, text of every Arrow
//! encoding, and gives NULL for NULL. Addresses are text, as in the records; an
//! IPv4 address and its IPv6-mapped form are two addresses. What is no address
//! is in no network and of no kind: predicates are false for it, other functions
//! NULL. A constant that makes no sense, such as a network that does not parse,
//! is an error before the query runs.
//!
//! The lookups read files that the user names: AWS's `ip-ranges.json`, databases
//! in MaxMind's format and lists of networks. [`Functions`] holds what was read.
//!
//! ```
//! use vpcflow_functions::Functions;
//!
//! let functions = Functions::new().scalar();
//! assert!(functions.iter().any(|function| function.name() == "cidr_contains"));
//! ```

#![deny(missing_docs)]

mod address;
mod addresses;
mod arguments;
mod error;
mod function;
mod iana;
mod ipv4_text;
mod lookups;
mod memo;
mod network;
mod prefix_map;
mod records;

pub use address::Address;
pub use addresses::implied_by_networks;
pub use error::Error;
pub use iana::{protocol as protocol_name, service as port_service};
pub use ipv4_text::short_text;
pub use lookups::{Functions, NetworkList, NetworkRow};
