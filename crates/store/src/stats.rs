//! Statistics of a data file: what its entry in the log says of its columns.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Schema};
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::statistics::Statistics;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Row count and bounds of one file. Columns that are not here are NULL in every
/// row of the file.
///
/// [Delta's format](https://github.com/delta-io/delta/blob/master/PROTOCOL.md#per-file-statistics).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStats {
    /// Rows of the file.
    pub num_records: u64,
    /// A value that none is below: numbers, text (perhaps cut short), times as
    /// RFC 3339 with milliseconds.
    #[serde(default)]
    pub min_values: BTreeMap<String, Value>,
    /// A value that none is above.
    #[serde(default)]
    pub max_values: BTreeMap<String, Value>,
    /// NULLs of each column.
    #[serde(default)]
    pub null_count: BTreeMap<String, u64>,
}

impl FileStats {
    /// From the statistics that the Parquet writer gathered.
    pub(crate) fn of(parquet: &ParquetMetaData, schema: &Schema) -> FileStats {
        let mut stats = FileStats {
            num_records: u64::try_from(parquet.file_metadata().num_rows()).unwrap_or_default(),
            ..FileStats::default()
        };
        for (index, field) in schema.fields().iter().enumerate() {
            let groups = parquet.row_groups().iter();
            let columns: Vec<_> = groups
                .map(|group| group.column(index).statistics())
                .collect();
            let mut nulls = 0;
            let (mut least, mut greatest) = (None, None);
            for column in columns.iter().flatten() {
                nulls += column.null_count_opt().unwrap_or_default();
                let (min, max) = bounds(column, field.data_type());
                least = pick(least, min, |a, b| a < b);
                greatest = pick(greatest, max, |a, b| a > b);
            }
            stats.null_count.insert(field.name().clone(), nulls);
            let least = least.and_then(|least| least.into_json(Rounding::Down));
            let greatest = greatest.and_then(|greatest| greatest.into_json(Rounding::Up));
            if let (Some(least), Some(greatest)) = (least, greatest) {
                stats.min_values.insert(field.name().clone(), least);
                stats.max_values.insert(field.name().clone(), greatest);
            }
        }
        stats
    }

    /// Reads what [`FileStats::to_json`] wrote.
    pub(crate) fn from_json(text: &str) -> Option<FileStats> {
        serde_json::from_str(text).ok()
    }

    pub(crate) fn to_json(&self) -> String {
        // Numbers, text and maps with text as keys: nothing that JSON has not.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A number of a column that none is below, and one that none is above.
    /// `None` when it has no values.
    pub fn number_range(&self, column: &str) -> Option<(i64, i64)> {
        let number = |values: &BTreeMap<String, Value>| values.get(column)?.as_i64();
        Some((number(&self.min_values)?, number(&self.max_values)?))
    }

    /// A text of a column that none is below, and one that none is above: cut
    /// short if they are long. `None` when it has no values.
    pub fn text_range(&self, column: &str) -> Option<(&str, &str)> {
        let least = self.min_values.get(column)?.as_str()?;
        Some((least, self.max_values.get(column)?.as_str()?))
    }

    /// Least and greatest value of a column of times, in microseconds since the
    /// Unix epoch. `None` when it has no values.
    pub fn time_range_us(&self, column: &str) -> Option<(i64, i64)> {
        let time = |values: &BTreeMap<String, Value>| {
            let text = values.get(column)?.as_str()?;
            let time = DateTime::parse_from_rfc3339(text).ok()?;
            Some(time.timestamp_micros())
        };
        Some((time(&self.min_values)?, time(&self.max_values)?))
    }
}

/// A bound while the row groups of a file are compared.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
enum Bound {
    Number(i64),
    /// Microseconds since the Unix epoch.
    Time(i64),
    Text(String),
}

#[derive(Debug, Clone, Copy)]
enum Rounding {
    Down,
    Up,
}

impl Bound {
    /// Delta's times have milliseconds. `None` for one that readers do not know,
    /// in a year that has not four digits.
    fn into_json(self, rounding: Rounding) -> Option<Value> {
        match self {
            Bound::Number(number) => Some(number.into()),
            Bound::Text(text) => Some(text.into()),
            Bound::Time(time_us) => {
                let time_ms = match rounding {
                    Rounding::Down => time_us.div_euclid(1000),
                    Rounding::Up => time_us.div_euclid(1000) + i64::from(time_us % 1000 != 0),
                };
                let time = DateTime::<Utc>::from_timestamp_millis(time_ms)?;
                let is_known = (1..=9999).contains(&time.year());
                is_known.then(|| time.to_rfc3339_opts(SecondsFormat::Millis, true).into())
            }
        }
    }
}

fn bounds(column: &Statistics, data_type: &DataType) -> (Option<Bound>, Option<Bound>) {
    let text = |bytes: Option<&[u8]>| {
        let text = std::str::from_utf8(bytes?).ok()?;
        Some(Bound::Text(text.to_owned()))
    };
    match (column, data_type) {
        (Statistics::Int32(column), _) => {
            let number = |value: Option<&i32>| value.map(|value| Bound::Number((*value).into()));
            (number(column.min_opt()), number(column.max_opt()))
        }
        (Statistics::Int64(column), DataType::Timestamp(..)) => {
            let time = |value: Option<&i64>| value.copied().map(Bound::Time);
            (time(column.min_opt()), time(column.max_opt()))
        }
        (Statistics::Int64(column), _) => {
            let number = |value: Option<&i64>| value.copied().map(Bound::Number);
            (number(column.min_opt()), number(column.max_opt()))
        }
        (Statistics::ByteArray(column), _) => {
            (text(column.min_bytes_opt()), text(column.max_bytes_opt()))
        }
        _ => (None, None),
    }
}

fn pick(a: Option<Bound>, b: Option<Bound>, first: fn(&Bound, &Bound) -> bool) -> Option<Bound> {
    match (a, b) {
        (Some(a), Some(b)) => Some(if first(&b, &a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rounded_outwards() {
        let json = |rounding| Bound::Time(-1_500).into_json(rounding).unwrap();
        assert_eq!(json(Rounding::Down), "1969-12-31T23:59:59.998Z");
        assert_eq!(json(Rounding::Up), "1969-12-31T23:59:59.999Z");
        assert_eq!(Bound::Time(i64::MAX / 3).into_json(Rounding::Up), None);
    }

    #[test]
    fn times_are_read_back() {
        let mut stats = FileStats::default();
        for values in [&mut stats.min_values, &mut stats.max_values] {
            values.insert("start".to_owned(), "2026-11-22T10:00:00.250Z".into());
        }
        let read = FileStats::from_json(&stats.to_json()).unwrap();
        let time_us = 1_795_341_600_250_000;
        assert_eq!(read.time_range_us("start"), Some((time_us, time_us)));
        assert_eq!(read.time_range_us("end"), None);
    }
}
