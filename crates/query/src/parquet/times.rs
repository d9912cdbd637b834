//! `start` and `end` of files: numbers of seconds, as AWS writes them, or times of
//! any precision, as others do.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, TimestampMicrosecondArray, cast::AsArray};
use datafusion::arrow::compute::{cast, try_unary};
use datafusion::arrow::datatypes::{
    DataType, FieldRef, Int64Type, Schema, TimeUnit, TimestampMicrosecondType,
};
use datafusion::arrow::error::ArrowError;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};
use datafusion::physical_plan::PhysicalExpr;

/// A number from here on has 12 digits: milliseconds, as in text.
const FIRST_MILLISECONDS: i64 = 100_000_000_000;

/// Numbers of seconds, or of milliseconds, as times of the table.
#[derive(Debug, Clone, Eq)]
pub(super) struct TimeOfNumber {
    number: Arc<dyn PhysicalExpr>,
    field: FieldRef,
}

impl TimeOfNumber {
    /// The times of a column of integers; `field` is what the table has in its place.
    pub(super) fn new(number: Arc<dyn PhysicalExpr>, field: FieldRef) -> TimeOfNumber {
        TimeOfNumber { number, field }
    }
}

impl PartialEq for TimeOfNumber {
    fn eq(&self, other: &TimeOfNumber) -> bool {
        self.number.eq(&other.number) && self.field == other.field
    }
}

impl Hash for TimeOfNumber {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.number.hash(state);
        self.field.hash(state);
    }
}

impl fmt::Display for TimeOfNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "time_of({})", self.number)
    }
}

impl PhysicalExpr for TimeOfNumber {
    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let numbers = self.number.evaluate(batch)?.into_array(batch.num_rows())?;
        let numbers = cast(&numbers, &DataType::Int64)?;
        let times: TimestampMicrosecondArray = try_unary::<_, _, TimestampMicrosecondType>(
            numbers.as_primitive::<Int64Type>(),
            time_us,
        )?;
        Ok(ColumnarValue::Array(Arc::new(times.with_timezone("UTC"))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.number]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let number = children.into_iter().next();
        let number = number.unwrap_or_else(|| Arc::clone(&self.number));
        Ok(Arc::new(TimeOfNumber::new(number, Arc::clone(&self.field))))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn time_us(number: i64) -> Result<i64, ArrowError> {
    let unit = if number < FIRST_MILLISECONDS {
        1_000_000
    } else {
        1_000
    };
    number
        .checked_mul(unit)
        .ok_or_else(|| ArrowError::ComputeError(format!("{number} is no time of a record")))
}

/// A condition on a column of a file that says what `time OP us` says of the time in it:
/// one that the statistics of the file can decide. `None` when there is none that is
/// exactly the same.
pub(super) fn compare(
    column: &Column,
    data_type: &DataType,
    operator: Operator,
    us: i64,
) -> Option<Arc<dyn PhysicalExpr>> {
    let column: Arc<dyn PhysicalExpr> = Arc::new(column.clone());
    let is = |operator, value: ScalarValue| -> Arc<dyn PhysicalExpr> {
        Arc::new(BinaryExpr::new(Arc::clone(&column), operator, lit(value)))
    };
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) => {
            // Times are cut to microseconds, which rounds up before 1970.
            let ns = |us: i64| us.checked_mul(1_000).filter(|_| us > 0);
            let value = |ns| ScalarValue::TimestampNanosecond(Some(ns), zone.clone());
            let (operator, ns) = match operator {
                Operator::Lt | Operator::GtEq => (operator, ns(us)?),
                Operator::LtEq => (Operator::Lt, ns(us.checked_add(1)?)?),
                Operator::Gt => (Operator::GtEq, ns(us.checked_add(1)?)?),
                _ => return None,
            };
            Some(is(operator, value(ns)))
        }
        DataType::Timestamp(unit, zone) => {
            let (ticks_us, value): (i64, fn(_, _) -> _) = match unit {
                TimeUnit::Second => (1_000_000, ScalarValue::TimestampSecond),
                TimeUnit::Millisecond => (1_000, ScalarValue::TimestampMillisecond),
                _ => (1, ScalarValue::TimestampMicrosecond),
            };
            let (operator, ticks) = in_ticks(operator, us, ticks_us)?;
            Some(is(operator, value(Some(ticks), zone.clone())))
        }
        data_type if data_type.is_integer() => {
            let number = |number: i64| ScalarValue::from(number).cast_to(data_type).ok();
            let (by_seconds, seconds) = in_ticks(operator, us, 1_000_000)?;
            let seconds = is(by_seconds, number(seconds)?);
            // Numbers of 32 bits are never milliseconds.
            let Some(first) = number(FIRST_MILLISECONDS) else {
                return Some(seconds);
            };
            let (by_milliseconds, milliseconds) = in_ticks(operator, us, 1_000)?;
            let both = |one, operator, other| -> Arc<dyn PhysicalExpr> {
                Arc::new(BinaryExpr::new(one, operator, other))
            };
            let seconds = both(is(Operator::Lt, first.clone()), Operator::And, seconds);
            let milliseconds = both(
                is(Operator::GtEq, first),
                Operator::And,
                is(by_milliseconds, number(milliseconds)?),
            );
            Some(both(seconds, Operator::Or, milliseconds))
        }
        _ => None,
    }
}

/// `ticks * ticks_us OP us` as a comparison of whole ticks.
fn in_ticks(operator: Operator, us: i64, ticks_us: i64) -> Option<(Operator, i64)> {
    let floor = us.div_euclid(ticks_us);
    let is_whole = us.rem_euclid(ticks_us) == 0;
    let ceiling = if is_whole { floor } else { floor + 1 };
    Some(match operator {
        Operator::Lt | Operator::GtEq => (operator, ceiling),
        Operator::LtEq | Operator::Gt => (operator, floor),
        Operator::Eq if is_whole => (operator, floor),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int32Array, Int64Array, TimestampNanosecondArray};
    use datafusion::arrow::datatypes::Field;
    use proptest::prelude::*;

    use super::*;

    fn column_of(values: ArrayRef) -> (RecordBatch, Column, DataType) {
        let data_type = values.data_type().clone();
        let schema = Schema::new(vec![Field::new("start", data_type.clone(), true)]);
        let batch = RecordBatch::try_new(Arc::new(schema), vec![values]).unwrap();
        (batch, Column::new("start", 0), data_type)
    }

    fn holds(batch: &RecordBatch, condition: &dyn PhysicalExpr) -> Vec<Option<bool>> {
        let holds = condition.evaluate(batch).unwrap();
        let holds = holds.into_array(batch.num_rows()).unwrap();
        holds.as_boolean().iter().collect()
    }

    fn check(values: ArrayRef, operator: Operator, us: i64) {
        let (batch, column, data_type) = column_of(values);
        let Some(condition) = compare(&column, &data_type, operator, us) else {
            return;
        };
        let zone: Arc<str> = "UTC".into();
        let table_type = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(&zone)));
        let field = Arc::new(Field::new("start", table_type.clone(), true));
        let number: Arc<dyn PhysicalExpr> = Arc::new(column);
        let time: Arc<dyn PhysicalExpr> = if data_type.is_integer() {
            Arc::new(TimeOfNumber::new(number, field))
        } else {
            Arc::new(datafusion::physical_expr::expressions::CastExpr::new(
                number, table_type, None,
            ))
        };
        let value = lit(ScalarValue::TimestampMicrosecond(Some(us), Some(zone)));
        let meant = BinaryExpr::new(time, operator, value);
        assert_eq!(
            holds(&batch, condition.as_ref()),
            holds(&batch, &meant),
            "{condition} for {meant}"
        );
    }

    fn any_operator() -> impl Strategy<Value = Operator> {
        prop::sample::select(vec![
            Operator::Lt,
            Operator::LtEq,
            Operator::Gt,
            Operator::GtEq,
            Operator::Eq,
        ])
    }

    proptest! {
        /// Near the bound, in seconds and in milliseconds.
        #[test]
        fn a_condition_in_numbers_says_the_same(
            seconds in prop_oneof![-3_i64..3, 1_795_305_590_i64..1_795_305_610],
            part_us in prop_oneof![Just(0_i64), 0_i64..1_000_000],
            offsets in prop::collection::vec(-2_i64..3, 1..6),
            operator in any_operator(),
        ) {
            let us = seconds * 1_000_000 + part_us;
            let near = |by: i64| offsets.iter().map(move |offset| us.div_euclid(by) + offset);
            let mut numbers: Vec<Option<i64>> = near(1_000_000).map(Some).collect();
            numbers.extend(near(1_000).map(Some));
            numbers.push(None);
            check(Arc::new(Int64Array::from(numbers)), operator, us);
            let small = near(1_000_000).map(|number| i32::try_from(number).unwrap());
            check(Arc::new(Int32Array::from_iter_values(small)), operator, us);
            let ns: Vec<_> = offsets.iter().map(|offset| us * 1_000 + offset * 400).collect();
            check(Arc::new(TimestampNanosecondArray::from(ns)), operator, us);
            let ticks: Vec<_> = near(1_000).collect();
            let ticks = datafusion::arrow::array::TimestampMillisecondArray::from(ticks);
            check(Arc::new(ticks.with_timezone("UTC")), operator, us);
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        assert_eq!(time_us(1_795_305_600).unwrap(), 1_795_305_600_000_000);
        assert_eq!(time_us(1_795_305_600_123).unwrap(), 1_795_305_600_123_000);
        let error = time_us(i64::MAX).unwrap_err();
        assert!(
            error.to_string().ends_with("is no time of a record"),
            "{error}"
        );
    }
}
