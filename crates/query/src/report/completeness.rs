//! What of the traffic the records may not tell.

use super::rows::Rows;
use crate::error::Error;

/// The records by status, interfaces that fell silent, gaps, and refused lines.
#[derive(Debug, Clone)]
pub(super) struct Completeness {
    pub(super) statuses_sql: String,
    pub(super) records: i64,
    pub(super) ok: i64,
    pub(super) nodata: i64,
    pub(super) skipdata: i64,
    pub(super) interfaces: i64,
    pub(super) first_start: Option<i64>,
    pub(super) last_end: Option<i64>,
    pub(super) interfaces_sql: String,
    /// Those whose last record is the oldest.
    pub(super) quiet: Vec<Interface>,
    /// The end of the newest record of any interface.
    pub(super) newest: Option<i64>,
    /// Interfaces that were silent at the end.
    pub(super) silent: i64,
    pub(super) gaps_sql: String,
    /// The longest times without a record: the last minute before, the first after.
    pub(super) gaps: Vec<(i64, i64)>,
    /// How many there are.
    pub(super) gap_count: i64,
    /// Lines refused, by reason, most first; asked only if there are any.
    pub(super) rejects: Vec<(Option<String>, i64)>,
    /// Log groups of a store, and up to when each is complete.
    pub(super) complete_to: Vec<(Option<String>, Option<i64>)>,
}

/// A network interface.
#[derive(Debug, Clone)]
pub(super) struct Interface {
    pub(super) id: Option<String>,
    pub(super) records: i64,
    pub(super) nodata: i64,
    pub(super) skipdata: i64,
    pub(super) seen_to: Option<i64>,
}

impl Completeness {
    /// Of the statements with their answers: statuses, interfaces, gaps.
    pub(super) fn new(
        statuses: (String, &Rows),
        interfaces: (String, &Rows),
        gaps: (String, &Rows),
    ) -> Result<Completeness, Error> {
        let (statuses_sql, rows) = statuses;
        let count = |name| -> Result<i64, Error> { Ok(rows.number(name)?.unwrap_or_default()) };
        let completeness = Completeness {
            records: count("records")?,
            ok: count("ok")?,
            nodata: count("nodata")?,
            skipdata: count("skipdata")?,
            interfaces: count("interfaces")?,
            first_start: rows.number("first_start")?,
            last_end: rows.number("last_end")?,
            statuses_sql,
            quiet: quiet(interfaces.1)?,
            newest: interfaces.1.number("newest")?,
            silent: interfaces.1.number("silent")?.unwrap_or_default(),
            interfaces_sql: interfaces.0,
            gaps: pairs(
                &gaps.1.numbers("last_before")?,
                &gaps.1.numbers("first_after")?,
            ),
            gap_count: gaps.1.number("groups")?.unwrap_or_default(),
            gaps_sql: gaps.0,
            rejects: Vec::new(),
            complete_to: Vec::new(),
        };
        Ok(completeness)
    }

    /// Records whose status is none that AWS documents, or missing.
    pub(super) fn other(&self) -> i64 {
        self.records - self.ok - self.nodata - self.skipdata
    }

    /// Lines refused.
    pub(super) fn refused(&self) -> i64 {
        self.rejects.iter().map(|(_, lines)| lines).sum()
    }
}

fn pairs(from: &[Option<i64>], to: &[Option<i64>]) -> Vec<(i64, i64)> {
    let pairs = from.iter().zip(to);
    pairs.filter_map(|(from, to)| from.zip(*to)).collect()
}

fn quiet(rows: &Rows) -> Result<Vec<Interface>, Error> {
    let ids = rows.texts("interface_id")?;
    let (records, nodata) = (rows.numbers("records")?, rows.numbers("nodata")?);
    let skipdata = rows.numbers("skipdata")?;
    let seen_to = rows.numbers("seen_to")?;
    let interfaces = ids.into_iter().enumerate().map(|(row, id)| Interface {
        id,
        records: records[row].unwrap_or_default(),
        nodata: nodata[row].unwrap_or_default(),
        skipdata: skipdata[row].unwrap_or_default(),
        seen_to: seen_to[row],
    });
    Ok(interfaces.collect())
}
