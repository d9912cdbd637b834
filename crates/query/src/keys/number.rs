//! The number of a text, where it is read.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch, UInt32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, UInt32Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::expressions::{CastExpr, Column};
use datafusion::physical_plan::PhysicalExpr;

use super::Texts;

/// The number that a text has among the keys of a grouping; it is never NULL.
///
/// A scan may have the texts with their dictionary. Then each text of the dictionary is
/// numbered once.
#[derive(Debug, Clone)]
pub(crate) struct NumberOf {
    text: Arc<dyn PhysicalExpr>,
    texts: Arc<Texts>,
}

impl NumberOf {
    pub(super) fn new(text: Arc<dyn PhysicalExpr>, texts: Arc<Texts>) -> NumberOf {
        NumberOf { text, texts }
    }
}

impl PartialEq for NumberOf {
    fn eq(&self, other: &NumberOf) -> bool {
        self.text.eq(&other.text) && Arc::ptr_eq(&self.texts, &other.texts)
    }
}

impl Eq for NumberOf {}

impl Hash for NumberOf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Display for NumberOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "number({})", self.text)
    }
}

impl PhysicalExpr for NumberOf {
    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        let field = Field::new(self.to_string(), DataType::UInt32, false);
        Ok(Arc::new(field))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let column = self.text.evaluate(batch)?.into_array(batch.num_rows())?;
        let coded = column.as_dictionary_opt::<UInt32Type>();
        let numbers = match coded.and_then(|coded| coded.downcast_dict()) {
            Some(coded) => self.texts.coded_numbers(coded)?,
            None => {
                let column = cast(&column, &DataType::Utf8View)?;
                self.texts.numbers(column.as_string_view())?
            }
        };
        Ok(ColumnarValue::Array(Arc::new(UInt32Array::from(numbers))))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.text]
    }

    /// A scan asks a file for its own column, cast to the type of the table's. Texts of
    /// any type have their numbers without that.
    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let Ok([text]) = <[_; 1]>::try_from(children) else {
            return internal_err!("a number is of one text");
        };
        let column = text.downcast_ref::<CastExpr>().map(CastExpr::expr);
        let column = column.filter(|column| column.downcast_ref::<Column>().is_some());
        let text = column.map_or_else(|| Arc::clone(&text), Arc::clone);
        let texts = Arc::clone(&self.texts);
        Ok(Arc::new(NumberOf { text, texts }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
