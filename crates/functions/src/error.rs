//! Why a file that functions look things up in cannot be used.

use std::path::PathBuf;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not AWS's list of its address ranges.
    #[error("`{}` is not AWS's ip-ranges.json: {reason}", path.display())]
    NotIpRanges {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// It is not a database in MaxMind's format.
    #[error("`{}` is not a database in MaxMind's format (.mmdb)", path.display())]
    NotMaxMind {
        /// The file.
        path: PathBuf,
        /// What the reader says.
        source: maxminddb::MaxMindDbError,
    },
    /// A list of networks is not CSV.
    #[error("`{}` is not a list of networks", path.display())]
    NotList {
        /// The file.
        path: PathBuf,
        /// What the reader says, with the line.
        source: csv::Error,
    },
    /// A line of a list of networks has none.
    #[error("line {line} of `{}`: `{text}` is not a network", path.display())]
    NotNetwork {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What stands where a network should.
        text: String,
    },
    /// A list of networks has none at all.
    #[error("`{}` lists no network", path.display())]
    EmptyList {
        /// The file.
        path: PathBuf,
    },
}

impl Error {
    /// The whole of it in a line: what caused it, and the way out.
    pub fn explained(&self) -> String {
        let cause = std::error::Error::source(self);
        let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{self}{cause}; {}", self.hint())
    }

    /// The way out.
    pub fn hint(&self) -> &'static str {
        match self {
            Error::Unreadable { .. } => "name a file that is there and may be read",
            Error::NotIpRanges { .. } => {
                "AWS publishes it at https://ip-ranges.amazonaws.com/ip-ranges.json"
            }
            Error::NotMaxMind { .. } => {
                "GeoLite2-Country.mmdb, GeoLite2-ASN.mmdb and their like are, once unpacked"
            }
            Error::NotList { .. } | Error::NotNetwork { .. } | Error::EmptyList { .. } => {
                "a list has a network a line, such as `10.0.0.0/8`, or is CSV with a column \
                 `network`; lines that begin with `#` are comments"
            }
        }
    }
}
