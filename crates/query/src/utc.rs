//! `date_trunc`, which is quick about times in UTC.
//!
//! The engine looks each time up in a calendar when it has a zone, since an hour or a
//! day may be longer or shorter there. Times of records are in UTC, where none is: they
//! are truncated as times without a zone, which takes a division.

use datafusion::arrow::array::{Array, ArrayRef, make_array};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::functions::datetime::date_trunc::DateTruncFunc;
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature,
};

/// The function, which takes the place of the engine's.
pub(crate) fn date_trunc() -> ScalarUDF {
    ScalarUDF::from(UtcDateTrunc::default())
}

/// As the engine's, but for columns of times in UTC.
#[derive(Debug, Default, PartialEq, Eq, Hash)]
struct UtcDateTrunc {
    engine: DateTruncFunc,
}

impl ScalarUDFImpl for UtcDateTrunc {
    fn name(&self) -> &str {
        self.engine.name()
    }

    fn aliases(&self) -> &[String] {
        self.engine.aliases()
    }

    fn signature(&self) -> &Signature {
        self.engine.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engine.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.engine.return_field_from_args(args)
    }

    fn invoke_with_args(&self, mut args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(ColumnarValue::Array(times)) = args.args.get_mut(1) else {
            return self.engine.invoke_with_args(args);
        };
        let DataType::Timestamp(unit, Some(zone)) = times.data_type().clone() else {
            return self.engine.invoke_with_args(args);
        };
        if &*zone != "UTC" {
            return self.engine.invoke_with_args(args);
        }
        *times = retyped(times, DataType::Timestamp(unit, None))?;
        match self.engine.invoke_with_args(args)? {
            ColumnarValue::Array(times) => {
                let times = retyped(&times, DataType::Timestamp(unit, Some(zone)))?;
                Ok(ColumnarValue::Array(times))
            }
            ColumnarValue::Scalar(_) => internal_err!("a column is truncated to a column"),
        }
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.engine.output_ordering(inputs)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engine.documentation()
    }
}

/// The same values as times of another type.
fn retyped(times: &ArrayRef, data_type: DataType) -> Result<ArrayRef> {
    let times = times.to_data().into_builder().data_type(data_type);
    Ok(make_array(times.build()?))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{AsArray, TimestampMicrosecondArray};
    use datafusion::arrow::datatypes::{Field, TimestampMicrosecondType};
    use datafusion::common::ScalarValue;
    use datafusion::common::config::ConfigOptions;
    use proptest::prelude::*;

    use super::*;

    fn truncated(function: &dyn ScalarUDFImpl, unit: &str, times: ArrayRef) -> ArrayRef {
        let rows = times.len();
        let field = Arc::new(Field::new("time", times.data_type().clone(), true));
        let args = vec![
            ColumnarValue::Scalar(ScalarValue::from(unit)),
            ColumnarValue::Array(times),
        ];
        let arg_fields = args
            .iter()
            .map(|arg| Field::new("arg", arg.data_type(), true));
        let args = ScalarFunctionArgs {
            arg_fields: arg_fields.map(Arc::new).collect(),
            args,
            number_rows: rows,
            return_field: field,
            config_options: Arc::new(ConfigOptions::default()),
        };
        let answer = function.invoke_with_args(args).unwrap();
        answer.into_array(rows).unwrap()
    }

    proptest! {
        #[test]
        fn times_are_truncated_as_by_the_calendar(
            times in proptest::collection::vec(proptest::option::of(-9_000_000_000_000_000..9_000_000_000_000_000_i64), 1..20),
        ) {
            for zone in ["UTC", "Europe/Berlin", "+00:00"] {
                let times = TimestampMicrosecondArray::from(times.clone()).with_timezone(zone);
                let times: ArrayRef = Arc::new(times);
                for unit in ["second", "minute", "hour", "day", "week", "month", "quarter", "year"] {
                    let function = UtcDateTrunc::default();
                    let found = truncated(&function, unit, Arc::clone(&times));
                    prop_assert_eq!(found.data_type(), times.data_type());
                    let expected = truncated(&function.engine, unit, Arc::clone(&times));
                    prop_assert_eq!(
                        found.as_primitive::<TimestampMicrosecondType>(),
                        expected.as_primitive::<TimestampMicrosecondType>()
                    );
                }
            }
        }
    }
}
