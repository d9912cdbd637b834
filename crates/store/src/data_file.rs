//! Data files: rows of one day, sorted by `start`, as Parquet.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, Date32Array, RecordBatch, UInt32Array};
use arrow_schema::{DataType, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::take::take_record_batch;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate};
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
    /// Least and greatest `start`, in microseconds since the Unix epoch.
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
        files.push(encode_day(&day, to_date(run[0]), now_ms)?);
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

/// Days since the Unix epoch; rows without a time come first.
type Day = i64;
const NO_DAY: Day = i64::MIN;

fn to_date(day: Day) -> Option<NaiveDate> {
    let seconds = day.checked_mul(86_400)?;
    Some(DateTime::from_timestamp(seconds, 0)?.date_naive())
}

/// The day of each row of `rows`, counted from the Unix epoch.
fn days(rows: &RecordBatch) -> impl Fn(usize) -> Day {
    let times: Vec<_> = ["start", "end", "ingestion_time"]
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .filter_map(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
        .collect();
    move |row| {
        let time = times.iter().find(|times| times.is_valid(row));
        let day = time.map_or(NO_DAY, |times| {
            times.value(row).div_euclid(86_400 * 1_000_000)
        });
        // Days that no calendar has: kept with the rows without one.
        if to_date(day).is_some() { day } else { NO_DAY }
    }
}

/// The column [`DATE_COLUMN`] of rows that are not in a file yet: the day of the
/// file that they will be in.
pub fn dates(rows: &RecordBatch) -> Date32Array {
    let day = days(rows);
    (0..rows.num_rows())
        .map(|row| i32::try_from(day(row)).ok())
        .collect()
}

/// The rows by day and `start`, and their days.
fn sorted(rows: RecordBatch) -> Result<(RecordBatch, Vec<Day>)> {
    let keys = sort_keys(&rows);
    if keys.is_sorted() {
        return Ok((rows, keys.into_iter().map(|(day, _)| day).collect()));
    }
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by_key(|row| keys[*row as usize]);
    let days = order.iter().map(|row| keys[*row as usize].0).collect();
    Ok((take_record_batch(&rows, &UInt32Array::from(order))?, days))
}

/// Day and `start` of each row; those without one come first.
fn sort_keys(rows: &RecordBatch) -> Vec<(Day, i64)> {
    let starts = rows
        .column_by_name("start")
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let day = days(rows);
    let key = |row: usize| {
        let start = starts.filter(|starts| starts.is_valid(row));
        (day(row), start.map_or(i64::MIN, |starts| starts.value(row)))
    };
    (0..rows.num_rows()).map(key).collect()
}

fn encode_day(rows: &RecordBatch, date: Option<NaiveDate>, now_ms: i64) -> Result<Encoded> {
    let path = new_path(date);
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new_with_options(
        &mut bytes,
        rows.schema(),
        writer_options(rows.schema_ref()),
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

/// How files are written. Times that are sorted, or nearly, are stored as
/// differences; all else has few values, and a dictionary. `docs/performance-store.md`
/// has what each brings.
pub(crate) fn writer_options(schema: &SchemaRef) -> ArrowWriterOptions {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("vpcflow version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS));
    for (index, field) in schema.fields().iter().enumerate() {
        let column = || ColumnPath::from(field.name().as_str());
        let encoding = match field.data_type() {
            DataType::Timestamp(..) => Encoding::DELTA_BINARY_PACKED,
            // Ids that differ in their last digits.
            _ if field.name() == "event_id" => Encoding::DELTA_BYTE_ARRAY,
            _ => continue,
        };
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
    use arrow_array::TimestampMicrosecondArray;
    use arrow_schema::Field;

    use super::*;

    const DAY_US: i64 = 86_400 * 1_000_000;

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
    fn nothing_gives_no_file() {
        assert!(encode(&[], 0).unwrap().is_empty());
    }
}
