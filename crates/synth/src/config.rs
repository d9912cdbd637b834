//! What is asked of the generator.

use crate::layout::Layout;
use crate::network::MAX_INTERFACES;

/// What to generate. Equal configurations give equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Number of records, all kinds together. Met exactly.
    pub records: u64,
    /// Chooses the addresses, the identifiers and the traffic.
    pub seed: u64,
    /// Number of network interfaces, each of them a log stream. Taken as 1 if
    /// it is 0, and as 49,128 (what the subnets hold) if it is more.
    pub enis: u32,
    /// Start of the window, in Unix seconds.
    pub start: i64,
    /// Length of the window in seconds. Every record starts inside it; the
    /// last ones end up to 60 seconds later.
    pub duration_secs: u32,
    /// The owner of the interfaces: twelve digits, written as they are.
    pub account_id: String,
    /// The fields of a line.
    pub layout: Layout,
    /// Whether to plant [incidents](crate::Incident), if there
    /// [is room](Config::has_room_for_incidents).
    pub incidents: bool,
}

impl Default for Config {
    /// 100,000 version-2 records of 20 interfaces, in the first hour of 2026.
    fn default() -> Self {
        Self {
            records: 100_000,
            seed: 7,
            enis: 20,
            start: 1_767_225_600,
            duration_secs: 3600,
            account_id: "123456789012".to_owned(),
            layout: Layout::V2,
            incidents: true,
        }
    }
}

impl Config {
    /// Whether incidents fit and stay a small part of the traffic: from 10,000
    /// records, 8 interfaces and 10 minutes on. Otherwise none is planted.
    #[must_use]
    pub fn has_room_for_incidents(&self) -> bool {
        self.records >= 10_000 && self.enis >= 8 && self.duration_secs >= 600
    }

    /// The second after the last one of the window.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.start + i64::from(self.duration_secs)
    }

    /// The second at which `percent` of the window has passed.
    pub(crate) fn at_percent(&self, percent: i64) -> i64 {
        self.start + i64::from(self.duration_secs) * percent / 100
    }

    pub(crate) fn interface_count(&self) -> u32 {
        self.enis.clamp(1, MAX_INTERFACES)
    }
}
