//! Data files: rows of one day, sorted by `start`, as Parquet.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use chrono::NaiveDate;
use object_store::path::Path;
use parquet::basic::ZstdLevel;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, SortingColumn};
use parquet::file::properties::WriterProperties;
use uuid::Uuid;
use vpcflow_record::{Field, FieldType};

use crate::encode::{EncoderOptions, Group, Layout};
use crate::error::{self, Error, Result};
use crate::order::{OneDay, one_day, sorted};
use crate::schema::DATE_COLUMN;
use crate::stats::FileStats;

/// How Hive, and so Delta, spells a day that is NULL.
pub(crate) const NO_DATE: &str = "__HIVE_DEFAULT_PARTITION__";

/// Rows of a row group: its dictionaries are worth their bytes only when many
/// rows share them, and whoever reads a file has one of its groups in memory.
pub(crate) const ROW_GROUP_ROWS: usize = 256 * 1024;

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

    /// Bytes of its largest row group, which whoever reads it has in memory.
    pub(crate) fn group_bytes(&self) -> u64 {
        let groups = self.rows.div_ceil(ROW_GROUP_ROWS as u64);
        self.size_bytes / groups.max(1)
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

/// Whether [`new_path`] may have made a name. What somebody else has put beside the
/// store's files is not the store's to remove.
pub(crate) fn is_own_name(path: &Path) -> bool {
    let id = path
        .filename()
        .and_then(|name| name.strip_prefix("part-")?.strip_suffix(".parquet"));
    id.is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// A data file in memory.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) file: DataFile,
    pub(crate) bytes: Bytes,
}

/// Rows of one schema that become a file for each day of theirs. Several threads may
/// encode them together.
#[derive(Debug)]
pub(crate) struct Encoding {
    now_ms: i64,
    days: Vec<Day>,
}

/// A file that is encoded.
#[derive(Debug)]
struct Day {
    date: Option<NaiveDate>,
    path: Path,
    rows: Group,
}

impl Encoding {
    /// Sorts the rows.
    pub(crate) fn new(batches: Vec<RecordBatch>, now_ms: i64) -> Result<Encoding> {
        let mut days = Vec::new();
        if let Some(OneDay { date, order }) = one_day(&batches) {
            days.push(Day::new(Some(date), batches, order)?);
        } else if let Some(first) = batches.first() {
            let (rows, counts) = sorted(concat_batches(first.schema_ref(), &batches)?)?;
            let mut from = 0;
            for (date, count) in counts {
                days.push(Day::new(date, vec![rows.slice(from, count)], None)?);
                from += count;
            }
        }
        Ok(Encoding { now_ms, days })
    }

    /// Encodes columns until none is left to take. Other threads may still be at
    /// theirs then.
    pub(crate) fn work(&self) -> Result<()> {
        let work = |day: &Day| day.rows.work().map_err(day.failed());
        self.days.iter().try_for_each(work)
    }

    /// Whether all is encoded.
    pub(crate) fn is_done(&self) -> bool {
        self.days.iter().all(|day| day.rows.is_done())
    }

    /// The files, when all is encoded.
    pub(crate) fn finish(&self) -> Result<Vec<Encoded>> {
        let days = self.days.iter();
        days.map(|day| day.finish(self.now_ms)).collect()
    }
}

impl Day {
    /// Rows in this order of theirs or as they are. There is a batch at the least.
    fn new(
        date: Option<NaiveDate>,
        batches: Vec<RecordBatch>,
        order: Option<Vec<u32>>,
    ) -> Result<Day> {
        let path = new_path(date);
        let schema = batches[0].schema();
        let options = encoder_options(&schema, Effort::Commit);
        let rows = Group::new(&schema, options, batches, order);
        let rows = rows.map_err(error::parquet("write", path.as_ref()))?;
        Ok(Day { date, path, rows })
    }

    fn finish(&self, now_ms: i64) -> Result<Encoded> {
        let (bytes, metadata) = self.rows.finish().map_err(self.failed())?;
        let schema = self.rows.schema();
        let (path, size_bytes) = (self.path.clone(), bytes.len());
        Ok(Encoded {
            file: describe(path, size_bytes, &metadata, schema, self.date, now_ms),
            bytes: bytes.into(),
        })
    }

    fn failed(&self) -> impl FnOnce(ParquetError) -> Error + use<> {
        error::parquet("write", self.path.as_ref())
    }
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
/// few values have a dictionary, addresses a Bloom filter as well: one of them is what is
/// most often looked for, and few row groups have it. The other numbers are plain: what
/// repeats in them does so nearby, where zstd finds it, and a dictionary costs more time
/// and more bytes. `docs/performance-store.md` has the figures.
pub(crate) fn encoder_options(schema: &SchemaRef, effort: Effort) -> EncoderOptions {
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("vpcflow version ", env!("CARGO_PKG_VERSION")).to_owned());
    if let Ok(start) = schema.index_of("start") {
        properties = properties.set_sorting_columns(Some(vec![SortingColumn {
            column_idx: i32::try_from(start).unwrap_or_default(),
            descending: false,
            nulls_first: true,
        }]));
    }
    let zstd = |level| ZstdLevel::try_new(level).unwrap_or_default();
    let level = zstd(effort.level());
    let layout = |field: &FieldRef| match (field.name().as_str(), field.data_type()) {
        // Times that grow.
        ("start", _) => (Layout::Differences, level),
        // Ids that differ in their last digits. Those are random: the harder zstd looks
        // for what repeats in them, the more bytes they take.
        ("event_id", _) => (Layout::Differences, zstd(1)),
        ("srcport" | "dstport", _) | (_, DataType::Int64 | DataType::Timestamp(..)) => {
            (Layout::Plain, level)
        }
        (name, _) if is_address(name) => (Layout::Sought, level),
        _ => (Layout::Dictionary, level),
    };
    EncoderOptions {
        group_rows: ROW_GROUP_ROWS,
        layouts: schema.fields().iter().map(layout).collect(),
        properties: properties.build(),
    }
}

fn is_address(column: &str) -> bool {
    Field::from_name(column).is_some_and(|field| field.field_type() == FieldType::Address)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, TimestampMicrosecondArray};
    use arrow_schema::Field;

    use super::*;

    const DAY_US: i64 = 86_400 * 1_000_000;

    fn encode(batches: Vec<RecordBatch>) -> Vec<Encoded> {
        let encoding = Encoding::new(batches, 0).unwrap();
        encoding.work().unwrap();
        encoding.finish().unwrap()
    }

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
        let files = encode(vec![times(start, end)]);
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
        let files = encode(vec![times(start, end)]);
        let rows: Vec<_> = files
            .iter()
            .map(|f| (f.file.date.is_some(), f.file.rows))
            .collect();
        assert_eq!(rows, [(false, 3), (true, 1)]);
    }

    #[test]
    fn own_names_are_told_from_those_of_others() {
        assert!(is_own_name(&new_path(None)));
        assert!(is_own_name(&new_path(NaiveDate::from_epoch_days(20_000))));
        for other in [
            "date=2026-11-22/flows.parquet",
            "date=2026-11-22/part-00001-3f2b7d53-2c3f-4dd6-a8a5-5b2a0c1e9f10-c000.snappy.parquet",
            "date=2026-11-22/part-3f2b7d53-2c3f-4dd6-a8a5-5b2a0c1e9f10.parquet.gz",
        ] {
            assert!(!is_own_name(&other.into()), "{other}");
        }
    }

    #[test]
    fn nothing_gives_no_file() {
        assert!(encode(Vec::new()).is_empty());
    }
}
