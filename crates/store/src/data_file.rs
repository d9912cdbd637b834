//! Data files: rows of one day, sorted by `start`, as Parquet.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, Date32Array, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use bytes::Bytes;
use chrono::{Datelike, NaiveDate};
use object_store::path::Path;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use crate::error::{self, Result};
use crate::schema::DATE_COLUMN;
use crate::stats::FileStats;

/// How Hive, and so Delta, spells a day that is NULL.
pub(crate) const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Rows of a row group: its dictionaries are worth their bytes only when many
/// rows share them.
pub(crate) const ROW_GROUP_ROWS: usize = 1024 * 1024;

/// One data file of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct DataFile {
    /// Relative to the store.
    pub path: Path,
    /// Its size.
    pub size_bytes: u64,
    /// Its rows.
    pub rows: u64,
    /// Its day; `None` for rows without any time.
    pub date: Option<NaiveDate>,
    /// Milliseconds since the Unix epoch when its newest row was written.
    pub modified_ms: i64,
    /// Bounds of `start`, in microseconds since the Unix epoch; `None` when there
    /// are no values, or some that are far off.
    pub start_range_us: Option<(i64, i64)>,
    /// Delta's statistics, as the log has them.
    stats: Option<Arc<str>>,
}

impl DataFile {
    /// As the log describes it.
    pub(crate) fn new(
        path: Path,
        size_bytes: u64,
        date: Option<NaiveDate>,
        modified_ms: i64,
        stats: Option<String>,
    ) -> DataFile {
        let known = stats.as_deref().and_then(FileStats::from_json);
        DataFile {
            path,
            size_bytes,
            rows: known.as_ref().map_or(0, |stats| stats.num_records),
            date,
            modified_ms,
            start_range_us: known.and_then(|stats| stats.time_range_us("start")),
            stats: stats.map(Into::into),
        }
    }

    /// Bounds and NULLs of its columns.
    pub fn stats(&self) -> Option<FileStats> {
        FileStats::from_json(self.stats.as_deref()?)
    }

    /// Whether some rows have no value of this column; `true` where nothing tells.
    pub(crate) fn has_nulls(&self, column: &str) -> bool {
        let nulls = |stats: FileStats| stats.null_count.get(column).copied();
        self.stats().and_then(nulls) != Some(0)
    }

    pub(crate) fn stats_json(&self) -> Option<&str> {
        self.stats.as_deref()
    }
}

/// The value of the partition column, as the log and the file's path have it.
pub(crate) fn date_text(date: Option<NaiveDate>) -> Option<String> {
    date.map(|date| date.format("%Y-%m-%d").to_string())
}

/// A new name in the directory of a day.
pub(crate) fn new_path(date: Option<NaiveDate>) -> Path {
    let value = date_text(date).unwrap_or_else(|| NO_DATE.to_owned());
    Path::from(format!(
        "{DATE_COLUMN}={value}/part-{}.parquet",
        Uuid::new_v4()
    ))
}

/// A data file in memory.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) file: DataFile,
    pub(crate) bytes: Bytes,
}

/// Sorts rows of one schema and writes a file for each day of theirs.
pub(crate) fn encode(batches: &[RecordBatch], now_ms: i64) -> Result<Vec<Encoded>> {
    let Some(first) = batches.first() else {
        return Ok(Vec::new());
    };
    let rows = concat_batches(first.schema_ref(), batches)?;
    let (rows, days) = sorted(rows)?;
    let mut files = Vec::new();
    let mut from = 0;
    for run in days.chunk_by(|a, b| a == b) {
        let day = rows.slice(from, run.len());
        from += run.len();
        let date = to_date(run[0]).filter(|_| run[0] != NO_DAY);
        files.push(encode_day(&day, date, now_ms)?);
    }
    Ok(files)
}

/// The order of a file: by `start`, those without one first.
pub(crate) fn start_key(starts: &dyn Array, row: usize) -> i64 {
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    if starts.is_null(row) {
        i64::MIN
    } else {
        starts.value(row)
    }
}

const DAY_US: i64 = 86_400 * 1_000_000;

/// The order of a row: its day, then its `start`. Rows without `start` are the
/// first of their day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    /// Days since the Unix epoch; rows without a day come first.
    day: i32,
    start_us: i64,
    row: u32,
}

const NO_DAY: i32 = i32::MIN;

/// The day of a time. None of a year that has not four digits: a hostile line may
/// hold any number, and most readers know no such day.
fn day_of(time_us: i64) -> Option<i32> {
    let day = i32::try_from(time_us.div_euclid(DAY_US)).ok()?;
    (1..=9999).contains(&to_date(day)?.year()).then_some(day)
}

/// The day of a time, as far as there are files for it.
pub(crate) fn date_of(time_us: i64) -> Option<NaiveDate> {
    day_of(time_us).and_then(to_date)
}

fn to_date(day: i32) -> Option<NaiveDate> {
    NaiveDate::from_epoch_days(day)
}

/// The times of rows that tell their days.
struct Times<'a> {
    starts: Option<&'a TimestampMicrosecondArray>,
    others: [Option<&'a TimestampMicrosecondArray>; 2],
}

impl<'a> Times<'a> {
    fn of(rows: &'a RecordBatch) -> Times<'a> {
        let times = |name| {
            rows.column_by_name(name)
                .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        };
        Times {
            starts: times("start"),
            others: [times("end"), times("ingestion_time")],
        }
    }

    fn start_us(&self, row: usize) -> Option<i64> {
        value(self.starts, row)
    }

    fn day(&self, row: usize) -> Option<i32> {
        let time = self
            .start_us(row)
            .or_else(|| self.others.iter().find_map(|times| value(*times, row)));
        time.and_then(day_of)
    }
}

fn value(times: Option<&TimestampMicrosecondArray>, row: usize) -> Option<i64> {
    let times = times.filter(|times| times.is_valid(row));
    times.map(|times| times.value(row))
}

/// The column [`DATE_COLUMN`] of rows that are in no file yet: the day of the file
/// that they will be in.
pub fn dates(rows: &RecordBatch) -> Date32Array {
    let times = Times::of(rows);
    (0..rows.num_rows()).map(|row| times.day(row)).collect()
}

/// The rows in order, with their days.
fn sorted(rows: RecordBatch) -> Result<(RecordBatch, Vec<i32>)> {
    let times = Times::of(&rows);
    let key = |row: usize| SortKey {
        day: times.day(row).unwrap_or(NO_DAY),
        start_us: times.start_us(row).unwrap_or(i64::MIN),
        row: row as u32,
    };
    let mut keys: Vec<_> = (0..rows.num_rows()).map(key).collect();
    let is_sorted = keys.is_sorted();
    if !is_sorted {
        keys.sort_unstable();
    }
    let days = keys.iter().map(|key| key.day).collect();
    if is_sorted {
        return Ok((rows, days));
    }
    let order = UInt32Array::from_iter_values(keys.iter().map(|key| key.row));
    Ok((take_record_batch(&rows, &order)?, days))
}

fn encode_day(rows: &RecordBatch, date: Option<NaiveDate>, now_ms: i64) -> Result<Encoded> {
    let path = new_path(date);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(
        &mut bytes,
        rows.schema(),
        writer_options(rows.schema_ref(), Effort::Commit),
    )
    .map_err(error::parquet("write", path.as_ref()))?;
    writer
        .write(rows)
        .map_err(error::parquet("write", path.as_ref()))?;
    let metadata = writer
        .close()
        .map_err(error::parquet("write", path.as_ref()))?;
    let file = describe(
        path,
        bytes.len(),
        &metadata,
        rows.schema_ref(),
        date,
        now_ms,
    );
    Ok(Encoded {
        file,
        bytes: bytes.into(),
    })
}

/// What the log will say of a file that was written.
pub(crate) fn describe(
    path: Path,
    size_bytes: usize,
    metadata: &ParquetMetaData,
    schema: &Schema,
    date: Option<NaiveDate>,
    modified_ms: i64,
) -> DataFile {
    let stats = FileStats::of(metadata, schema);
    DataFile {
        path,
        size_bytes: size_bytes as u64,
        rows: stats.num_records,
        date,
        modified_ms,
        start_range_us: stats.time_range_us("start"),
        stats: Some(stats.to_json().into()),
    }
}

/// How hard zstd tries: files of a commit are written again soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    Commit,
    Compaction,
}

impl Effort {
    fn level(self) -> i32 {
        match self {
            Effort::Commit => 1,
            Effort::Compaction => 3,
        }
    }
}

/// How files are written. `start` is sorted, and stored as differences. Columns with
/// few values have a dictionary. The other numbers are plain: what repeats in them
/// does so nearby, where zstd finds it, and a dictionary costs more time and more
/// bytes. `docs/performance-store.md` has the figures.
pub(crate) fn writer_options(schema: &SchemaRef, effort: Effort) -> ArrowWriterOptions {
    let level = ZstdLevel::try_new(effort.level()).unwrap_or_default();
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("vpcflow version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for (index, field) in schema.fields().iter().enumerate() {
        let encoding = match (field.name().as_str(), field.data_type()) {
            ("start", _) => Encoding::DELTA_BINARY_PACKED,
            // Ids that differ in their last digits.
            ("event_id", _) => Encoding::DELTA_BYTE_ARRAY,
            ("srcport" | "dstport", _) | (_, DataType::Int64 | DataType::Timestamp(..)) => {
                Encoding::PLAIN
            }
            _ => continue,
        };
        let column = || ColumnPath::from(field.name().as_str());
        properties = properties
            .set_column_dictionary_enabled(column(), false)
            .set_column_encoding(column(), encoding);
        if field.name() == "start" {
            properties = properties.set_sorting_columns(Some(vec![SortingColumn {
                column_idx: i32::try_from(index).unwrap_or_default(),
                descending: false,
                nulls_first: true,
            }]));
        }
    }
    // Readers get the types from the table; what Arrow calls them here is no
    // matter of theirs.
    ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true)
}

#[cfg(test)]
mod tests {
    use arrow_schema::Field;

    use super::*;

    fn times(start: Vec<Option<i64>>, end: Vec<Option<i64>>) -> RecordBatch {
        let column = |name: &str, values: Vec<Option<i64>>| {
            let values = TimestampMicrosecondArray::from(values).with_timezone("UTC");
            let field = Field::new(name, values.data_type().clone(), true);
            (field, Arc::new(values) as Arc<dyn Array>)
        };
        let (start_field, start) = column("start", start);
        let (end_field, end) = column("end", end);
        let schema = Arc::new(Schema::new(vec![start_field, end_field]));
        RecordBatch::try_new(schema, vec![start, end]).unwrap()
    }

    #[test]
    fn rows_are_sorted_into_days() {
        let start = vec![Some(DAY_US + 5), None, Some(7), Some(3), None, Some(-1)];
        let end = vec![None, Some(9), None, None, None, None];
        let files = encode(&[times(start, end)], 0).unwrap();
        let days: Vec<_> = files
            .iter()
            .map(|encoded| (date_text(encoded.file.date), encoded.file.rows))
            .collect();
        let day = |text: &str| Some(text.to_owned());
        assert_eq!(
            days,
            [
                (None, 1),
                (day("1969-12-31"), 1),
                (day("1970-01-01"), 3),
                (day("1970-01-02"), 1),
            ]
        );
        // Rounded to Delta's milliseconds.
        assert_eq!(files[2].file.start_range_us, Some((0, 1000)));
        assert_eq!(files[2].file.stats().unwrap().null_count["start"], 1);
    }

    #[test]
    fn days_that_no_calendar_has_are_no_days() {
        let start = vec![Some(i64::MAX), Some(i64::MAX / 3), Some(5), None];
        let end = vec![None, None, None, Some(i64::MIN)];
        let files = encode(&[times(start, end)], 0).unwrap();
        let rows: Vec<_> = files
            .iter()
            .map(|f| (f.file.date.is_some(), f.file.rows))
            .collect();
        assert_eq!(rows, [(false, 3), (true, 1)]);
    }

    #[test]
    fn nothing_gives_no_file() {
        assert!(encode(&[], 0).unwrap().is_empty());
    }
}
