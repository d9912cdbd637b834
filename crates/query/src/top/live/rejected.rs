//! The newest rejected flows.

use std::collections::VecDeque;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};

/// Rejected flows that are remembered.
pub const MAX_REJECTED: usize = 100;
/// Characters of a text that are remembered: no more fit beside each other.
const MAX_CHARACTERS: usize = 64;

/// A record of rejected traffic. Texts are as they stand in the log, shortened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedFlow {
    /// When it began, in microseconds since 1970.
    pub start_us: Option<i64>,
    /// The interface that saw it.
    pub interface: Option<String>,
    /// Where it came from.
    pub source: Option<String>,
    /// The port there.
    pub source_port: Option<i32>,
    /// Where it went.
    pub target: Option<String>,
    /// The port there.
    pub target_port: Option<i32>,
    /// The protocol, by IANA's number.
    pub protocol: Option<i32>,
    /// Packets of it.
    pub packets: Option<i64>,
}

/// The last that came.
#[derive(Debug, Default)]
pub(super) struct Newest(VecDeque<RejectedFlow>);

impl Newest {
    /// Remembers the rejected flows among records.
    pub(super) fn take(&mut self, rows: &RecordBatch) {
        let Some(action) = rows.column_by_name("action") else {
            return;
        };
        let Some(action) = action.as_string_view_opt() else {
            return;
        };
        let rejected: Vec<usize> = (0..rows.num_rows())
            .rev()
            .filter(|row| action.is_valid(*row) && action.value(*row) == "REJECT")
            .take(MAX_REJECTED)
            .collect();
        for row in rejected.into_iter().rev() {
            self.0.push_front(flow(rows, row));
        }
        self.0.truncate(MAX_REJECTED);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RejectedFlow> {
        self.0.iter()
    }
}

fn flow(rows: &RecordBatch, row: usize) -> RejectedFlow {
    let text = |name: &str| {
        let column = rows.column_by_name(name)?.as_string_view_opt()?;
        let text = column.is_valid(row).then(|| column.value(row))?;
        Some(text.chars().take(MAX_CHARACTERS).collect())
    };
    let number = |name: &str| {
        let column = rows.column_by_name(name)?;
        let column = column.as_primitive_opt::<Int32Type>()?;
        column.is_valid(row).then(|| column.value(row))
    };
    let packets = rows
        .column_by_name("packets")
        .and_then(|column| column.as_primitive_opt::<Int64Type>());
    let start = rows
        .column_by_name("start")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    RejectedFlow {
        start_us: start.and_then(|start| start.is_valid(row).then(|| start.value(row))),
        interface: text("interface_id"),
        source: text("srcaddr"),
        source_port: number("srcport"),
        target: text("dstaddr"),
        target_port: number("dstport"),
        protocol: number("protocol"),
        packets: packets.and_then(|packets| packets.is_valid(row).then(|| packets.value(row))),
    }
}
