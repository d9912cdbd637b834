//! The arguments of a call, in whatever shape they come.

use datafusion_common::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringViewArray};
use datafusion_common::arrow::compute::cast;
use datafusion_common::arrow::datatypes::{DataType, Int64Type};
use datafusion_common::types::{NativeType, logical_int64, logical_string};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::{Coercion, ColumnarValue, TypeSignatureClass};

use crate::address::{Address, parse_view};

/// What a function declares for text: every encoding, as it comes.
pub(crate) fn text() -> Coercion {
    Coercion::new_exact(TypeSignatureClass::Native(logical_string()))
}

/// What a function declares for a whole number.
pub(crate) fn integer() -> Coercion {
    Coercion::new_implicit(
        TypeSignatureClass::Native(logical_int64()),
        vec![TypeSignatureClass::Integer],
        NativeType::Int64,
    )
}

/// The arguments of one call, for so many rows.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    values: &'a [ColumnarValue],
    rows: usize,
}

impl<'a> Arguments<'a> {
    /// One row where there are only constants.
    pub(crate) fn new(values: &'a [ColumnarValue], rows: usize) -> Arguments<'a> {
        let constant = are_constant(values);
        Arguments {
            values,
            rows: if constant { 1 } else { rows },
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The argument as text; a constant repeated for each row.
    pub(crate) fn texts(&self, index: usize) -> Result<StringViewArray> {
        Ok(self
            .array(index, &DataType::Utf8View)?
            .as_string_view()
            .clone())
    }

    /// The argument as whole numbers; a constant repeated for each row.
    pub(crate) fn integers(&self, index: usize) -> Result<Int64Array> {
        let array = self.array(index, &DataType::Int64)?;
        Ok(array.as_primitive::<Int64Type>().clone())
    }

    /// The text of an argument that is a constant; `Some(None)` is NULL.
    pub(crate) fn constant_text(&self, index: usize) -> Option<Option<&'a str>> {
        match &self.values[index] {
            ColumnarValue::Scalar(value) => Some(value.try_as_str().flatten()),
            ColumnarValue::Array(_) => None,
        }
    }

    fn array(&self, index: usize, data_type: &DataType) -> Result<ArrayRef> {
        let array = self.values[index].to_array(self.rows)?;
        if array.data_type() == data_type {
            return Ok(array);
        }
        Ok(cast(&array, data_type)?)
    }
}

/// Whether there are only constants.
pub(crate) fn are_constant(values: &[ColumnarValue]) -> bool {
    values
        .iter()
        .all(|value| matches!(value, ColumnarValue::Scalar(_)))
}

/// The text of a constant; `None` where it is NULL or no text.
pub(crate) fn scalar_text(value: Option<&ScalarValue>) -> Option<&str> {
    value.and_then(|value| value.try_as_str().flatten())
}

/// The address of each row; `None` where it is NULL or no address.
pub(crate) fn addresses(texts: &StringViewArray) -> impl Iterator<Item = Option<Address>> + '_ {
    texts.views().iter().enumerate().map(|(row, view)| {
        if texts.is_null(row) {
            return None;
        }
        parse_view(*view, || Address::parse(texts.value(row)))
    })
}
