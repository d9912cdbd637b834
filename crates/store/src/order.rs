//! The order of rows in files: by day, then by `start`, those without one first.

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, Date32Array, RecordBatch, TimestampMicrosecondArray, UInt32Array};
use arrow_schema::ArrowError;
use arrow_select::take::take_record_batch;
use chrono::{Datelike, NaiveDate};

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;

/// Seconds of a day.
const DAY_SECONDS: i64 = 86_400;

const DAY_US: i64 = DAY_SECONDS * SECOND_US;

/// The day of rows without one.
const NO_DAY: i32 = i32::MIN;

/// The order of a file: by `start`, those without one first.
pub(crate) fn start_key(starts: &dyn Array, row: usize) -> i64 {
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    if starts.is_null(row) {
        i64::MIN
    } else {
        starts.value(row)
    }
}

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

/// The column [`crate::DATE_COLUMN`] of rows that are in no file yet: the day of the
/// file that they will be in.
pub fn dates(rows: &RecordBatch) -> Date32Array {
    let times = Times::of(rows);
    (0..rows.num_rows()).map(|row| times.day(row)).collect()
}

/// Rows of several batches that are all of one day.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct OneDay {
    pub(crate) date: NaiveDate,
    /// The rows of the batches behind each other in their order; `None` when that is
    /// the order they have.
    pub(crate) order: Option<Vec<u32>>,
}

/// The order of rows that all have a `start`, in whole seconds of one day: nearly all
/// there are. `None` for others, which are sorted by [`sorted`].
pub(crate) fn one_day(batches: &[RecordBatch]) -> Option<OneDay> {
    let starts: Option<Vec<_>> = batches
        .iter()
        .map(|batch| Times::of(batch).starts.filter(|s| s.null_count() == 0))
        .collect();
    let starts = starts?;
    let values = || {
        starts
            .iter()
            .flat_map(|starts| starts.values().iter().copied())
    };
    let least = values().min()?;
    let day = day_of(least)?;
    let first_us = i64::from(day) * DAY_US;
    let mut seconds = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
    let mut is_sorted = true;
    let mut before = 0;
    for start in values() {
        let (second, rest) = (
            (start - first_us) / SECOND_US,
            (start - first_us) % SECOND_US,
        );
        if rest != 0 || second >= DAY_SECONDS {
            return None;
        }
        is_sorted &= before <= second;
        before = second;
        seconds.push(second as u32);
    }
    Some(OneDay {
        date: to_date(day)?,
        order: (!is_sorted).then(|| counted(&seconds)),
    })
}

/// The order of small numbers, those that are the same as they come.
fn counted(numbers: &[u32]) -> Vec<u32> {
    let least = numbers.iter().copied().min().unwrap_or_default();
    let greatest = numbers.iter().copied().max().unwrap_or_default();
    // First how many there are of each, then the place of the next one.
    let mut places = vec![0_u32; (greatest - least) as usize + 1];
    for number in numbers {
        places[(number - least) as usize] += 1;
    }
    let mut next = 0;
    for place in &mut places {
        next += std::mem::replace(place, next);
    }
    let mut order = vec![0; numbers.len()];
    for (row, number) in numbers.iter().enumerate() {
        let place = &mut places[(number - least) as usize];
        order[*place as usize] = row as u32;
        *place += 1;
    }
    order
}

/// The order of a row: its day, then its `start`. Rows without `start` are the
/// first of their day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct SortKey {
    /// Days since the Unix epoch; rows without a day come first.
    day: i32,
    start_us: i64,
    row: u32,
}

/// How many rows there are of a day, or without one.
pub(crate) type DayRows = (Option<NaiveDate>, usize);

/// The rows in order, with how many there are of each day.
pub(crate) fn sorted(rows: RecordBatch) -> Result<(RecordBatch, Vec<DayRows>), ArrowError> {
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
    let days = keys.chunk_by(|a, b| a.day == b.day).map(|run| {
        let day = run[0].day;
        (to_date(day).filter(|_| day != NO_DAY), run.len())
    });
    let days = days.collect();
    if is_sorted {
        return Ok((rows, days));
    }
    let order = UInt32Array::from_iter_values(keys.iter().map(|key| key.row));
    Ok((take_record_batch(&rows, &order)?, days))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::{Field, Schema};

    use super::*;

    fn starts(seconds: &[i64]) -> RecordBatch {
        let times = seconds.iter().map(|second| second * SECOND_US);
        let times = TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC");
        let field = Field::new("start", times.data_type().clone(), true);
        RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(times)]).unwrap()
    }

    #[test]
    fn rows_of_one_second_stay_as_they_came() {
        let day = 20_000 * DAY_SECONDS;
        let at = |seconds: &[i64]| starts(&seconds.iter().map(|s| s + day).collect::<Vec<_>>());
        let found = one_day(&[at(&[7, 3, 9]), at(&[3, 7, 0])]).unwrap();
        assert_eq!(found.order.unwrap(), [5, 1, 3, 0, 4, 2]);
        assert_eq!(Some(found.date), to_date(20_000));
        let found = one_day(&[at(&[0, 0, 5]), at(&[DAY_SECONDS - 1])]).unwrap();
        assert_eq!(found.order, None);
    }

    #[test]
    fn other_rows_are_left_to_the_sort() {
        let day = 20_000 * DAY_SECONDS;
        assert_eq!(one_day(&[starts(&[day]), starts(&[day - 1])]), None);
        assert_eq!(one_day(&[starts(&[day, day + DAY_SECONDS])]), None);
        assert_eq!(one_day(&[starts(&[i64::MAX / SECOND_US, day])]), None);
        assert_eq!(one_day(&[]), None);
    }
}
