//! Rankings over the last minutes of records that are still coming.

mod recent;
mod rejected;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef, TimestampMicrosecondType};
use datafusion::common::DFSchema;
use datafusion::physical_plan::PhysicalExpr;
use vpcflow_functions::Functions;

use self::recent::{Amounts, Recent};
pub use self::rejected::{MAX_REJECTED, RejectedFlow};
use super::statement::{key_sql, with_ends};
use super::trend::usual_width;
use super::{Ranked, Ranking, Stat};
use crate::error::{Error, SqlError};
use crate::limits::Limits;
use crate::session::{new_context, parse_condition};

/// What a live ranking shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveOptions {
    /// The rankings, all of which are kept.
    pub stats: Vec<Stat>,
    /// Rows of each at most.
    pub limit: usize,
    /// How far back from the newest record they go, in seconds.
    pub window_s: i64,
    /// Both directions of a conversation count together.
    pub bidirectional: bool,
    /// Memory that the keys of a ranking may take, in bytes.
    pub key_bytes: usize,
}

impl LiveOptions {
    /// Memory for the keys of a ranking, unless somebody says.
    pub const USUAL_KEY_BYTES: usize = 64 * 1024 * 1024;
}

/// What became of the records so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LiveCounts {
    /// Records that were accepted.
    pub accepted: u64,
    /// Records that were rejected.
    pub rejected: u64,
    /// Records that say that there was no traffic.
    pub nodata: u64,
    /// Records that say that AWS skipped some.
    pub skipdata: u64,
    /// Records from before the window when they came.
    pub late: u64,
    /// Records without a start, or that start in the future: they are in no window.
    pub astray: u64,
}

/// How far after now a record may start: clocks differ.
const AHEAD_US: i64 = 600 * 1_000_000;

/// Rankings over a window that ends with the newest record.
///
/// Records are counted in steps of time, so that those that the window has left
/// behind can be taken out again. What it shows is exact, but for keys that came when
/// [`LiveOptions::key_bytes`] were used up: those are counted together, and a row that
/// may lack some of them says so ([`super::Line::at_least`]).
#[derive(Debug)]
pub struct LiveTop {
    options: LiveOptions,
    /// The keys of each ranking.
    keys: Vec<Vec<Arc<dyn PhysicalExpr>>>,
    /// Whether a record went from the client to the server.
    is_request: Option<Arc<dyn PhysicalExpr>>,
    rankings: Vec<Recent>,
    counts: LiveCounts,
    rejected: rejected::Newest,
    /// The step of the newest record.
    newest: Option<i64>,
    step_s: i64,
    step_count: usize,
}

impl LiveTop {
    /// Of records of this schema.
    ///
    /// # Errors
    /// When a key is no column of theirs.
    pub fn new(
        schema: &SchemaRef,
        options: LiveOptions,
        functions: &Functions,
    ) -> Result<LiveTop, Error> {
        // Keys take no memory that counts, and write nothing.
        let limits = Limits {
            spill_directory: None,
            ..Limits::default()
        };
        let context = new_context(functions, &limits)?;
        let columns = DFSchema::try_from(Arc::clone(schema))?;
        let physical = |sql: &str| -> Result<Arc<dyn PhysicalExpr>, Error> {
            let expression = parse_condition(&context, sql, &columns)?;
            let physical = context.create_physical_expr(expression, &columns);
            Ok(physical.map_err(|error| Box::new(SqlError::new(sql, &error)))?)
        };
        let known = with_ends(schema, options.bidirectional);
        let mut keys = Vec::new();
        let mut rankings = Vec::new();
        for stat in &options.stats {
            let of_stat = stat.keys.iter().map(|key| {
                let sql = key_sql(key, &known, options.bidirectional)?;
                physical(&sql)
            });
            let of_stat = of_stat.collect::<Result<Vec<_>, _>>()?;
            let types = of_stat.iter().map(|key| key.data_type(schema));
            let types = types.collect::<Result<Vec<_>, _>>()?;
            rankings.push(Recent::new(types, options.key_bytes)?);
            keys.push(of_stat);
        }
        let is_request = match options.bidirectional {
            true => Some(physical(super::statement::IS_REQUEST)?),
            false => None,
        };
        let step_s = usual_width(options.window_s);
        let step_count = (options.window_s / step_s).max(1) as usize;
        Ok(LiveTop {
            options,
            keys,
            is_request,
            rankings,
            counts: LiveCounts::default(),
            rejected: rejected::Newest::default(),
            newest: None,
            step_s,
            step_count,
        })
    }

    /// Takes records, at this time of day in milliseconds since 1970.
    ///
    /// # Errors
    /// When a key cannot be told of a record.
    pub fn take(&mut self, rows: &RecordBatch, now_ms: i64) -> Result<(), Error> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let Some(records) = Records::of(rows) else {
            return Ok(());
        };
        let latest_us = now_ms.saturating_mul(1000).saturating_add(AHEAD_US);
        let kept = self.count(&records, latest_us);
        let step_us = self.step_s * 1_000_000;
        let newest = kept
            .iter()
            .map(|(_, start_us)| start_us.div_euclid(step_us));
        if let Some(newest) = newest.max().max(self.newest) {
            let first = newest - self.step_count as i64 + 1;
            self.newest = Some(newest);
            for ranking in &mut self.rankings {
                ranking.forget_before(first);
            }
            let steps = kept
                .into_iter()
                .map(|(row, start_us)| (row, start_us.div_euclid(step_us)));
            let (kept, late): (Vec<_>, Vec<_>) = steps.partition(|(_, step)| *step >= first);
            self.counts.late += late.len() as u64;
            self.rank(rows, &records, &kept)?;
        }
        self.rejected.take(rows);
        Ok(())
    }

    /// Counts records, and tells those of traffic that may be in the window, with
    /// their starts.
    fn count(&mut self, records: &Records<'_>, latest_us: i64) -> Vec<(usize, i64)> {
        let step_us = self.step_s * 1_000_000;
        let first = self
            .newest
            .map(|newest| newest - self.step_count as i64 + 1);
        let mut kept = Vec::with_capacity(records.start.len());
        for row in 0..records.start.len() {
            match records.text(records.log_status, row) {
                Some("NODATA") => {
                    self.counts.nodata += 1;
                    continue;
                }
                Some("SKIPDATA") => {
                    self.counts.skipdata += 1;
                    continue;
                }
                _ => {}
            }
            match records.text(records.action, row) {
                Some("REJECT") => self.counts.rejected += 1,
                _ => self.counts.accepted += 1,
            }
            let start = records
                .start
                .is_valid(row)
                .then(|| records.start.value(row));
            match start.filter(|start_us| *start_us <= latest_us) {
                None => self.counts.astray += 1,
                Some(start_us) => {
                    let step = start_us.div_euclid(step_us);
                    if first.is_some_and(|first| step < first) {
                        self.counts.late += 1;
                    } else {
                        kept.push((row, start_us));
                    }
                }
            }
        }
        kept
    }

    fn rank(
        &mut self,
        rows: &RecordBatch,
        records: &Records<'_>,
        kept: &[(usize, i64)],
    ) -> Result<(), Error> {
        let count = rows.num_rows();
        let evaluate = |expression: &Arc<dyn PhysicalExpr>| -> Result<ArrayRef, Error> {
            Ok(expression.evaluate(rows)?.into_array(count)?)
        };
        let is_request = self.is_request.as_ref().map(evaluate).transpose()?;
        let is_request = is_request.as_ref().map(|values| values.as_boolean());
        for (keys, ranking) in self.keys.iter().zip(&mut self.rankings) {
            let columns = keys.iter().map(evaluate).collect::<Result<Vec<_>, _>>()?;
            let keys = ranking.keys_of(&columns)?;
            for (row, step) in kept {
                let to_server =
                    is_request.is_some_and(|values| values.is_valid(*row) && values.value(*row));
                ranking.add(
                    *step,
                    keys.row(*row).as_ref(),
                    &records.amounts(*row, to_server),
                );
            }
        }
        Ok(())
    }

    /// What became of the records so far.
    pub fn counts(&self) -> LiveCounts {
        self.counts
    }

    /// What is ranked.
    pub fn options(&self) -> &LiveOptions {
        &self.options
    }

    /// The newest rejected flows, newest first.
    pub fn rejected(&self) -> impl Iterator<Item = &RejectedFlow> {
        self.rejected.iter()
    }

    /// A ranking as it is now, of the rows in whose keys there is this text.
    ///
    /// # Errors
    /// When a key cannot be told.
    pub fn ranked(&mut self, index: usize, filter: &str, limit: usize) -> Result<Ranked, Error> {
        let stat = self.options.stats[index].clone();
        let recent = &mut self.rankings[index];
        let (lines, matching) = recent.largest(&stat, filter, limit, self.step_s)?;
        let ranking = Ranking {
            lines,
            total: recent.total(),
            groups: recent.key_count() + u64::from(recent.has_overflow()),
            stat,
        };
        Ok(Ranked {
            rankings: vec![ranking],
            nodata: self.counts.nodata,
            skipdata: self.counts.skipdata,
            compare: None,
            bidirectional: self.options.bidirectional,
            once: false,
            limit: matching.map_or(limit, |matching| limit.min(matching)),
        })
    }

    /// Records of keys that were counted together, for want of memory, in a ranking.
    pub fn overflow(&self, index: usize) -> i64 {
        self.rankings[index].overflow()
    }
}

/// Columns of a batch of records.
struct Records<'a> {
    start: &'a datafusion::arrow::array::PrimitiveArray<TimestampMicrosecondType>,
    end: Option<&'a ArrayRef>,
    packets: Option<&'a ArrayRef>,
    bytes: Option<&'a ArrayRef>,
    log_status: Option<&'a ArrayRef>,
    action: Option<&'a ArrayRef>,
}

impl<'a> Records<'a> {
    fn of(rows: &'a RecordBatch) -> Option<Records<'a>> {
        let column = |name: &str| rows.column_by_name(name);
        Some(Records {
            start: column("start")?.as_primitive_opt()?,
            end: column("end"),
            packets: column("packets"),
            bytes: column("bytes"),
            log_status: column("log_status"),
            action: column("action"),
        })
    }

    fn text(&self, column: Option<&'a ArrayRef>, row: usize) -> Option<&'a str> {
        let column = column?.as_string_view_opt()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn number(column: Option<&ArrayRef>, row: usize) -> Option<i128> {
        let column = column?.as_primitive_opt::<Int64Type>()?;
        column.is_valid(row).then(|| column.value(row).into())
    }

    fn amounts(&self, row: usize, to_server: bool) -> Amounts {
        let end = self.end.and_then(|column| {
            let column = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            column.is_valid(row).then(|| column.value(row))
        });
        let bytes = Records::number(self.bytes, row);
        Amounts {
            packets: Records::number(self.packets, row),
            bytes,
            request_bytes: bytes.filter(|_| to_server),
            start_us: self.start.value(row),
            end_us: end,
        }
    }
}

#[cfg(test)]
mod tests;
