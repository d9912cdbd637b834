//! The keys of the few groups of a join.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, FieldRef, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::physical_expr::expressions::{Column, InListExpr};
use datafusion::physical_plan::{ColumnarValue, PhysicalExpr};

/// Distinct keys from which on it is not worth to look for them: more are hardly few.
const MAX_KEYS: usize = 1_000;

/// The distinct values of one key of a join, as soon as all of them are known.
pub(crate) struct Members {
    /// What the groups have it from.
    key: Column,
    schema: SchemaRef,
    state: Mutex<State>,
}

/// Of one execution.
#[derive(Debug)]
struct State {
    ended: usize,
    /// `None` when there are too many, or all are known.
    keys: Option<HashSet<ScalarValue>>,
    /// Whether a value is one of them, once all are known and not too many.
    condition: Option<Arc<InListExpr>>,
}

impl Default for State {
    fn default() -> State {
        State {
            ended: 0,
            keys: Some(HashSet::new()),
            condition: None,
        }
    }
}

impl Members {
    /// Of this column of groups, which is compared with `key`s of the same type.
    pub(crate) fn new(key: Column, field: &FieldRef) -> Members {
        let field = Field::new(field.name(), field.data_type().clone(), true);
        Members {
            key,
            schema: Arc::new(Schema::new(vec![field])),
            state: Mutex::default(),
        }
    }

    /// Forgets what is known: the groups come again, and may be others.
    pub(super) fn forget(&self) {
        *self.state() = State::default();
    }

    /// Some of the groups.
    pub(super) fn add(&self, groups: &RecordBatch) -> Result<()> {
        let values = self.key.evaluate(groups)?.into_array(groups.num_rows())?;
        let mut state = self.state();
        let Some(keys) = &mut state.keys else {
            return Ok(());
        };
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            keys.insert(ScalarValue::try_from_array(&values, row)?);
            if keys.len() > MAX_KEYS {
                state.keys = None;
                break;
            }
        }
        Ok(())
    }

    /// One of so many partitions has no more groups.
    pub(super) fn end_partition(&self, partitions: usize) -> Result<()> {
        let mut state = self.state();
        state.ended += 1;
        if state.ended == partitions {
            let condition = state.keys.take().map(|keys| self.condition_of(keys));
            state.condition = condition.transpose()?.map(Arc::new);
        }
        Ok(())
    }

    fn condition_of(&self, keys: HashSet<ScalarValue>) -> Result<InListExpr> {
        let keys: ArrayRef = match keys.is_empty() {
            true => datafusion::arrow::array::new_empty_array(self.schema.field(0).data_type()),
            false => ScalarValue::iter_to_array(keys)?,
        };
        let value = Arc::new(Column::new(self.schema.field(0).name(), 0));
        InListExpr::try_new_from_array(value, keys, false, &self.schema)
    }

    /// Whether each of these values is among them; true while that is not known.
    pub(super) fn are_among(&self, values: ColumnarValue, rows: usize) -> Result<ColumnarValue> {
        let condition = self.state().condition.clone();
        let Some(condition) = condition else {
            return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(Some(true))));
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let values = vec![values.into_array(rows)?];
        let values = RecordBatch::try_new_with_options(Arc::clone(&self.schema), values, &options)?;
        condition.evaluate(&values)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.key, f)
    }
}
