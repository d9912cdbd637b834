//! A key out of a number of keys.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int32Array, RecordBatch};
use datafusion::arrow::datatypes::{FieldRef, Schema};
use datafusion::common::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::PhysicalExpr;

use super::Texts;
use super::layout::Part;
use super::packed::{Unpacking, unpack};

/// One of the keys that are packed in a number.
#[derive(Debug, Clone)]
pub(super) struct Unpacked {
    numbers: Arc<dyn PhysicalExpr>,
    part: Part,
    texts: Arc<Texts>,
    /// The key as it was.
    field: FieldRef,
}

impl Unpacked {
    pub(super) fn new(
        numbers: Arc<dyn PhysicalExpr>,
        part: Part,
        texts: Arc<Texts>,
        field: FieldRef,
    ) -> Unpacked {
        Unpacked {
            numbers,
            part,
            texts,
            field,
        }
    }
}

impl PartialEq for Unpacked {
    fn eq(&self, other: &Unpacked) -> bool {
        self.numbers.eq(&other.numbers)
            && self.part == other.part
            && Arc::ptr_eq(&self.texts, &other.texts)
            && self.field == other.field
    }
}

impl Eq for Unpacked {}

impl Hash for Unpacked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.numbers.hash(state);
        self.part.hash(state);
        self.field.hash(state);
    }
}

impl fmt::Display for Unpacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unpacked({}, {})", self.numbers, self.field.name())
    }
}

impl PhysicalExpr for Unpacked {
    fn return_field(&self, _input: &Schema) -> Result<FieldRef> {
        Ok(Arc::clone(&self.field))
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let numbers = self.numbers.evaluate(batch)?.into_array(batch.num_rows())?;
        let keys: ArrayRef = match unpack(&numbers, self.part)? {
            Unpacking::Texts(numbers) => Arc::new(self.texts.texts(numbers.into_iter())?),
            Unpacking::Numbers(numbers) => Arc::new(Int32Array::from(numbers)),
        };
        Ok(ColumnarValue::Array(keys))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.numbers]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let mut unpacked = Unpacked::clone(&self);
        if let Some(numbers) = children.into_iter().next() {
            unpacked.numbers = numbers;
        }
        Ok(Arc::new(unpacked))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
