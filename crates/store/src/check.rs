//! Looking whether everything in a store is as it should be.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::DataType;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::Value;

use crate::data_file::DataFile;
use crate::error::Result;
use crate::object_file::FileRows;
use crate::order::{date_of, start_key};
use crate::orphans::{Orphan, find_orphans};
use crate::reader::Reader;
use crate::rejects::read_rejects;
use crate::source::Cursors;
use crate::stats::FileStats;

/// What is wrong with a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The object at fault, relative to the store, or the source.
    pub place: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What a check saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Check {
    /// The version of the table.
    pub version: u64,
    /// Data files that were read.
    pub files: usize,
    /// Rows in them.
    pub rows: u64,
    /// Rows that have an event id; each was seen once, or it is a finding.
    pub events: u64,
    /// Refused lines that were read.
    pub rejects: u64,
    /// Problems. None: everything is as it should be.
    pub findings: Vec<Finding>,
    /// Objects that nothing refers to. The next writer removes them; while one is
    /// at work, they may be what it is about to commit.
    pub orphans: Vec<Orphan>,
}

impl Check {
    fn find(&mut self, place: impl ToString, problem: impl Into<String>) {
        self.findings.push(Finding {
            place: place.to_string(),
            problem: problem.into(),
        });
    }
}

/// Reads all of a store and checks: that each file is there with its size and its
/// rows, sorted, of its day, with statistics that hold; that no event is there
/// twice; that each source has the cursor that the log names, and its rejects;
/// what nothing refers to.
///
/// # Errors
/// When the log cannot be read: then there is no table to check.
pub async fn check(reader: &mut Reader) -> Result<Check> {
    reader.snapshot().await?;
    let mut check = Check {
        version: reader.table.version,
        ..Check::default()
    };
    let mut events = HashSet::new();
    for file in Arc::clone(&reader.table.files).values() {
        check.files += 1;
        if let Err(error) = check_file(reader, file, &mut events, &mut check).await {
            check.find(&file.path, error.with_causes());
        }
    }
    for state in reader.states.clone() {
        for file in state.rejects_files.clone() {
            match read_rejects(reader.location.store().as_ref(), &file).await {
                Ok(rejects) => {
                    check.rejects += rejects.num_rows() as u64;
                }
                Err(error) => check.find(&file.path, error.with_causes()),
            }
        }
        let cursors = Cursors(reader.location.store().as_ref());
        let key = state.source.key();
        match cursors.history(&key, state.seq, usize::MAX).await {
            Ok(history) => {
                for pair in history.windows(2) {
                    let (later, earlier) = (&pair[0], &pair[1]);
                    if later.totals.rows != earlier.totals.rows + later.rows
                        || later.totals.rejects != earlier.totals.rejects + later.rejects
                    {
                        let problem =
                            format!("commits {} and {} do not add up", earlier.seq, later.seq);
                        check.find(&state.source, problem);
                    }
                }
            }
            Err(error) => check.find(&state.source, error.with_causes()),
        }
    }
    check.orphans = find_orphans(&reader.location, &reader.table, &reader.states).await?;
    Ok(check)
}

async fn check_file(
    reader: &Reader,
    file: &Arc<DataFile>,
    events: &mut HashSet<(u64, u128)>,
    check: &mut Check,
) -> Result<()> {
    let objects: &Arc<dyn ObjectStore> = reader.location.store();
    let size_bytes = match objects.head(&file.path).await {
        Ok(meta) => meta.size,
        Err(error) => {
            check.find(&file.path, error.to_string());
            return Ok(());
        }
    };
    if size_bytes != file.size_bytes {
        let problem = format!("it has {size_bytes} bytes, not {}", file.size_bytes);
        check.find(&file.path, problem);
    }
    let stats = file.stats().unwrap_or_default();
    let mut seen = Seen::default();
    let mut rows = FileRows::open(objects, file, reader.table.columns.schema(), None).await?;
    while let Some(batch) = rows.next().await? {
        seen.look(&batch, file, &stats);
        seen.count_events(&batch, events, &mut check.events);
    }
    check.rows += seen.rows;
    if seen.rows != file.rows {
        check.find(
            &file.path,
            format!("it has {} rows, not {}", seen.rows, file.rows),
        );
    }
    if seen.unsorted > 0 {
        check.find(&file.path, "it is not sorted by `start`");
    }
    if seen.other_day > 0 {
        check.find(
            &file.path,
            format!("{} rows are of another day", seen.other_day),
        );
    }
    for column in seen.out_of_bounds {
        let problem = format!("`{column}` has values that its statistics leave out");
        check.find(&file.path, problem);
    }
    if seen.repeated > 0 {
        check.find(
            &file.path,
            format!("{} events are in the table twice", seen.repeated),
        );
    }
    Ok(())
}

/// What was seen of one file.
#[derive(Debug, Default)]
struct Seen {
    rows: u64,
    last_start: Option<i64>,
    unsorted: u64,
    other_day: u64,
    repeated: u64,
    out_of_bounds: Vec<String>,
}

impl Seen {
    fn look(&mut self, batch: &RecordBatch, file: &DataFile, stats: &FileStats) {
        self.rows += batch.num_rows() as u64;
        if let Some(starts) = batch.column_by_name("start") {
            for row in 0..starts.len() {
                let start = start_key(starts, row);
                self.unsorted += u64::from(self.last_start.is_some_and(|last| last > start));
                self.last_start = Some(start);
                if starts.is_valid(row) {
                    self.other_day += u64::from(date_of(start) != file.date);
                }
            }
        }
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let name = field.name();
            let bounds = stats.min_values.get(name).zip(stats.max_values.get(name));
            if !self.out_of_bounds.contains(name) && !is_within(column, bounds, stats, name) {
                self.out_of_bounds.push(name.clone());
            }
        }
    }

    /// Ids are kept as hashes of 128 bits, apart for each log group.
    fn count_events(
        &mut self,
        batch: &RecordBatch,
        events: &mut HashSet<(u64, u128)>,
        count: &mut u64,
    ) {
        let column = |name| {
            batch
                .column_by_name(name)
                .and_then(|c| c.as_string_view_opt())
        };
        let Some(ids) = column("event_id") else {
            return;
        };
        let groups = column("log_group");
        for row in 0..ids.len() {
            if ids.is_null(row) {
                continue;
            }
            let group = groups.filter(|groups| groups.is_valid(row));
            let group = group.map_or("", |groups| groups.value(row));
            *count += 1;
            let key = (hash(group, 0) as u64, hash(ids.value(row), 1));
            self.repeated += u64::from(!events.insert(key));
        }
    }
}

/// FNV-1a of 128 bits.
fn hash(text: &str, seed: u128) -> u128 {
    let start = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d ^ seed;
    text.bytes().fold(start, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    })
}

/// Whether all values of a column are within the bounds of the statistics.
fn is_within(
    column: &dyn Array,
    bounds: Option<(&Value, &Value)>,
    stats: &FileStats,
    name: &str,
) -> bool {
    let Some((least, greatest)) = bounds else {
        // Without bounds there may be no values, if the column was counted.
        return stats.null_count.get(name).is_none_or(|nulls| {
            *nulls != stats.num_records || column.null_count() == column.len()
        });
    };
    let number = |value: &Value| value.as_i64().unwrap_or_default();
    match column.data_type() {
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>();
            let range = number(least)..=number(greatest);
            values
                .iter()
                .flatten()
                .all(|value| range.contains(&value.into()))
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>();
            let range = number(least)..=number(greatest);
            values.iter().flatten().all(|value| range.contains(&value))
        }
        DataType::Timestamp(..) => {
            let values = column.as_primitive::<TimestampMicrosecondType>();
            let Some((least, greatest)) = stats.time_range_us(name) else {
                return false;
            };
            values
                .iter()
                .flatten()
                .all(|value| (least..=greatest).contains(&value))
        }
        _ => {
            let values = column.as_string_view();
            let (least, greatest) = (least.as_str(), greatest.as_str());
            let (least, greatest) = (least.unwrap_or_default(), greatest.unwrap_or_default());
            values
                .iter()
                .flatten()
                .all(|value| least <= value && value <= greatest)
        }
    }
}

/// The path of an object that was found; for messages.
impl std::fmt::Display for Orphan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path: &Path = &self.path;
        write!(f, "{path} ({} bytes)", self.size_bytes)
    }
}
