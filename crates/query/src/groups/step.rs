//! Groups and what is added up for them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, RecordBatch, UInt64Array,
};
use datafusion::arrow::compute::{BatchCoalescer, filter, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Decimal128Type, SchemaRef, UInt64Type};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::condition::{Filter, Left};
use super::{NarrowIndex, WideIndex};

/// The groups of one partition of a step.
pub(super) struct FirstStep {
    /// What has to hold of rows. Where it does not, they are added to a group of their
    /// own, the first one, which is left out at the end.
    filter: Option<Filter>,
    /// Where it holds for few rows of a batch, until they are a batch.
    few: BatchCoalescer,
    key: Arc<dyn PhysicalExpr>,
    index: Index,
    sums: Vec<Sum>,
    /// Of the rows of a batch.
    groups: Vec<usize>,
    /// Of the rows that the condition holds for.
    kept: Vec<usize>,
    schema: SchemaRef,
}

/// Groups by numbers of either width.
enum Index {
    Narrow(NarrowIndex),
    Wide(WideIndex, DataType),
}

impl Index {
    fn groups(&mut self, keys: &ArrayRef, groups: &mut Vec<usize>) -> Result<()> {
        match self {
            Index::Narrow(index) => {
                index.groups(keys.as_primitive::<UInt64Type>().values(), groups)
            }
            Index::Wide(index, _) => {
                index.groups(keys.as_primitive::<Decimal128Type>().values(), groups)
            }
        }
    }
}

/// One of the values that are added up for each group.
struct Sum {
    groups: Box<dyn GroupsAccumulator>,
    arguments: Vec<Arc<dyn PhysicalExpr>>,
    filter: Option<Arc<dyn PhysicalExpr>>,
}

/// What is added up of a batch.
struct Arguments {
    values: Vec<ArrayRef>,
    filter: Option<BooleanArray>,
}

impl FirstStep {
    /// Without groups yet, as this step of the engine.
    ///
    /// # Errors
    /// When it has no such key, or one of its values is not added up for many groups.
    pub(super) fn new(
        step: &AggregateExec,
        filter: Option<Filter>,
        batch_rows: usize,
    ) -> Result<FirstStep> {
        let schema = step.schema();
        let Some((key, _)) = step.group_expr().expr().first() else {
            return internal_err!("groups have no key");
        };
        let index = match schema.field(0).data_type() {
            DataType::UInt64 => Index::Narrow(NarrowIndex::new()),
            wide @ DataType::Decimal128(..) => Index::Wide(WideIndex::new(), wide.clone()),
            other => return internal_err!("the key of groups is {other}"),
        };
        let values = step.aggr_expr().iter().zip(step.filter_expr());
        let sums = values.map(|(value, filter)| {
            Ok(Sum {
                groups: value.create_groups_accumulator()?,
                arguments: value.expressions(),
                filter: filter.clone(),
            })
        });
        Ok(FirstStep {
            filter,
            few: BatchCoalescer::new(step.input().schema(), batch_rows)
                .with_biggest_coalesce_batch_size(Some(batch_rows / 2)),
            key: Arc::clone(key),
            index,
            sums: sums.collect::<Result<_>>()?,
            groups: Vec::new(),
            kept: Vec::new(),
            schema,
        })
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        match &self.index {
            Index::Narrow(index) => index.len(),
            Index::Wide(index, _) => index.len(),
        }
    }

    /// What it takes of memory.
    pub(super) fn size_bytes(&self) -> usize {
        let index = match &self.index {
            Index::Narrow(index) => index.size_bytes(),
            Index::Wide(index, _) => index.size_bytes(),
        };
        let sums = self.sums.iter().map(|sum| sum.groups.size());
        index
            + (self.groups.capacity() + self.kept.capacity()) * size_of::<usize>()
            + sums.sum::<usize>()
    }

    /// Adds the rows of a batch to their groups. How many rows have groups now that had
    /// none before.
    ///
    /// # Errors
    /// When a value cannot be calculated or added.
    pub(super) fn add(&mut self, batch: &RecordBatch) -> Result<usize> {
        let Some(filter) = &self.filter else {
            return self.add_all(batch);
        };
        match filter.left(batch)? {
            Left::All(batch) => self.add_all(&batch),
            Left::Most(batch, kept) => self.add_most(&batch, &kept),
            Left::Few(batch, kept) => {
                self.few.push_batch_with_filter(batch, &kept)?;
                self.add_few()
            }
        }
    }

    fn add_all(&mut self, batch: &RecordBatch) -> Result<usize> {
        let keys = self.keys(batch)?;
        self.index.groups(&keys, &mut self.groups)?;
        let first = self.first_group();
        if first > 0 {
            self.groups.iter_mut().for_each(|group| *group += first);
        }
        self.sum(batch)?;
        Ok(batch.num_rows())
    }

    fn add_most(&mut self, batch: &RecordBatch, kept: &BooleanArray) -> Result<usize> {
        let keys = filter(&self.keys(batch)?, kept)?;
        self.index.groups(&keys, &mut self.kept)?;
        let first = self.first_group();
        self.groups.clear();
        self.groups.resize(batch.num_rows(), 0);
        for (row, group) in kept.values().set_indices().zip(&self.kept) {
            self.groups[row] = group + first;
        }
        self.sum(batch)?;
        Ok(self.kept.len())
    }

    fn add_few(&mut self) -> Result<usize> {
        let mut rows = 0;
        while let Some(batch) = self.few.next_completed_batch() {
            rows += self.add_all(&batch)?;
        }
        Ok(rows)
    }

    /// The number of the first group that is not left out.
    fn first_group(&self) -> usize {
        usize::from(self.filter.is_some())
    }

    /// Adds up the values of rows whose groups are known.
    fn sum(&mut self, batch: &RecordBatch) -> Result<()> {
        let count = self.len() + self.first_group();
        for sum in &mut self.sums {
            let Arguments { values, filter } = sum.arguments(batch)?;
            let groups = &mut sum.groups;
            groups.update_batch(&values, &self.groups, filter.as_ref(), count)?;
        }
        Ok(())
    }

    /// The groups and what was added up; there are none afterwards. `None` if there
    /// were none.
    ///
    /// # Errors
    /// When a value cannot be added, or what was added up is not what the step has
    /// columns for.
    pub(super) fn take(&mut self) -> Result<Option<RecordBatch>> {
        self.few.finish_buffered_batch()?;
        self.add_few()?;
        if self.len() == 0 {
            return Ok(None);
        }
        let keys: ArrayRef = match &mut self.index {
            Index::Narrow(index) => Arc::new(UInt64Array::from(index.take())),
            Index::Wide(index, data_type) => {
                let keys = Decimal128Array::from(index.take());
                Arc::new(keys.with_data_type(data_type.clone()))
            }
        };
        let (first, groups) = (self.first_group(), keys.len());
        let mut columns = vec![keys];
        for sum in &mut self.sums {
            let state = sum.groups.state(EmitTo::All)?.into_iter();
            columns.extend(state.map(|state| state.slice(first, groups)));
        }
        self.groups = Vec::new();
        self.kept = Vec::new();
        Ok(Some(RecordBatch::try_new(
            Arc::clone(&self.schema),
            columns,
        )?))
    }

    /// The rows of a batch as if each were a group.
    ///
    /// # Errors
    /// When a value cannot be calculated.
    pub(super) fn as_groups(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let left = self.filter.as_ref().map(|filter| filter.left(batch));
        let batch = match left.transpose()? {
            None => batch.clone(),
            Some(Left::All(batch)) => batch,
            Some(Left::Most(batch, kept) | Left::Few(batch, kept)) => {
                filter_record_batch(&batch, &kept)?
            }
        };
        let mut columns = vec![self.keys(&batch)?];
        for sum in &self.sums {
            let Arguments { values, filter } = sum.arguments(&batch)?;
            columns.extend(sum.groups.convert_to_state(&values, filter.as_ref())?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }

    fn keys(&self, batch: &RecordBatch) -> Result<ArrayRef> {
        let keys = self.key.evaluate(batch)?.into_array(batch.num_rows())?;
        if keys.null_count() > 0 || keys.data_type() != self.schema.field(0).data_type() {
            return internal_err!("{} is no number of keys", self.key);
        }
        Ok(keys)
    }
}

impl Sum {
    fn arguments(&self, batch: &RecordBatch) -> Result<Arguments> {
        let array = |value: &Arc<dyn PhysicalExpr>| {
            let value = value.evaluate(batch)?;
            value.into_array(batch.num_rows())
        };
        let filter = self.filter.as_ref().map(array).transpose()?;
        Ok(Arguments {
            values: self.arguments.iter().map(array).collect::<Result<_>>()?,
            filter: filter.map(|filter| filter.as_boolean().clone()),
        })
    }
}
