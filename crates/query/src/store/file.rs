//! A file of a store and what is known of it without reading it.

use datafusion::arrow::datatypes::{DataType, Date32Type, Field, Schema};
use datafusion::common::stats::Precision;
use datafusion::common::{ColumnStatistics, ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::object_store::ObjectMeta;
use datafusion::object_store::path::Path;
use vpcflow_store::{DATE_COLUMN, DataFile, FileStats, RejectsFile};

use super::prune::KnownFile;

/// A file that a scan may read.
#[derive(Debug)]
pub(super) struct StoredFile {
    object: ObjectMeta,
    rows: u64,
    /// The values of the columns that its path holds, not the file.
    partition: Vec<ScalarValue>,
    stats: Option<FileStats>,
}

impl StoredFile {
    /// A file with rows of `flows`, at this path from the root.
    pub(super) fn of_rows(path: Path, file: &DataFile) -> StoredFile {
        let date = file.date.map(Date32Type::from_naive_date);
        StoredFile {
            object: object(path, file.size_bytes),
            rows: file.rows,
            partition: vec![ScalarValue::Date32(date)],
            stats: file.stats(),
        }
    }

    /// A file with refused lines, at this path from the root.
    pub(super) fn of_rejects(path: Path, file: &RejectsFile) -> StoredFile {
        StoredFile {
            object: object(path, file.size_bytes),
            rows: file.rows,
            partition: Vec::new(),
            stats: None,
        }
    }

    /// The columns that it has, where that is known.
    pub(super) fn columns(&self) -> Option<impl Iterator<Item = &str>> {
        let stats = self.stats.as_ref()?;
        Some(stats.null_count.keys().map(String::as_str))
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn path(&self) -> &Path {
        &self.object.location
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.object.size
    }

    /// What the engine is told of the rows, for the columns of `schema` that
    /// `is_needed` holds for: to tell of all takes long when files are many.
    fn statistics(&self, schema: &Schema, is_needed: impl Fn(usize) -> bool) -> Statistics {
        let columns = schema.fields().iter().enumerate().map(|(index, field)| {
            if is_needed(index) {
                self.column_statistics(field)
            } else {
                ColumnStatistics::new_unknown()
            }
        });
        Statistics {
            num_rows: precise(self.rows),
            total_byte_size: Precision::Absent,
            column_statistics: columns.collect(),
        }
    }

    fn column_statistics(&self, field: &Field) -> ColumnStatistics {
        let mut known = ColumnStatistics::new_unknown();
        known.null_count = self
            .null_count(field.name())
            .map_or(Precision::Absent, precise);
        if let Some((least, greatest)) = self.bounds(field) {
            // Text may be cut short. Times are rounded to milliseconds, which no
            // time of a record has a part of.
            let is_exact = *field.data_type() != DataType::Utf8View;
            let precision = |value| match is_exact {
                true => Precision::Exact(value),
                false => Precision::Inexact(value),
            };
            known.min_value = precision(least);
            known.max_value = precision(greatest);
        }
        known
    }

    /// The file as the engine reads it.
    pub(super) fn to_scan(
        &self,
        schema: &Schema,
        is_needed: impl Fn(usize) -> bool,
    ) -> PartitionedFile {
        let mut file = PartitionedFile::new_from_meta(self.object.clone());
        file.partition_values.clone_from(&self.partition);
        // Not by the setter, which takes a NULL of a path for a value.
        file.statistics = Some(self.statistics(schema, is_needed).into());
        file
    }
}

impl KnownFile for StoredFile {
    fn bounds(&self, field: &Field) -> Option<(ScalarValue, ScalarValue)> {
        let name = field.name();
        if name == DATE_COLUMN
            && let Some(date) = self.partition.first()
        {
            return (!date.is_null()).then(|| (date.clone(), date.clone()));
        }
        let stats = self.stats.as_ref()?;
        match field.data_type() {
            DataType::Int32 => {
                let (least, greatest) = stats.number_range(name)?;
                let value = |number| Some(ScalarValue::from(i32::try_from(number).ok()?));
                value(least).zip(value(greatest))
            }
            DataType::Int64 => {
                let (least, greatest) = stats.number_range(name)?;
                Some((ScalarValue::from(least), ScalarValue::from(greatest)))
            }
            DataType::Timestamp(_, zone) => {
                let time = |us| ScalarValue::TimestampMicrosecond(Some(us), zone.clone());
                let (least, greatest) = stats.time_range_us(name)?;
                Some((time(least), time(greatest)))
            }
            DataType::Utf8View => {
                let text = |text: &str| ScalarValue::Utf8View(Some(text.to_owned()));
                let (least, greatest) = stats.text_range(name)?;
                Some((text(least), text(greatest)))
            }
            _ => None,
        }
    }

    fn null_count(&self, column: &str) -> Option<u64> {
        if column == DATE_COLUMN
            && let Some(date) = self.partition.first()
        {
            return Some(if date.is_null() { self.rows } else { 0 });
        }
        let stats = self.stats.as_ref()?;
        // A column that it does not have is NULL in all of its rows.
        Some(stats.null_count.get(column).copied().unwrap_or(self.rows))
    }

    fn rows(&self) -> Option<u64> {
        Some(self.rows)
    }
}

fn object(path: Path, size_bytes: u64) -> ObjectMeta {
    ObjectMeta {
        location: path,
        // A name is given once: what it names never changes.
        last_modified: Default::default(),
        size: size_bytes,
        e_tag: None,
        version: None,
    }
}

fn precise(count: u64) -> Precision<usize> {
    usize::try_from(count).map_or(Precision::Absent, Precision::Exact)
}
