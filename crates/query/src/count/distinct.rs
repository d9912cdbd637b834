//! Distinct values by group.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, UInt32Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{and, filter, is_not_null, prep_null_mask_filter, take};
use datafusion::arrow::datatypes::{Field, Int32Type};
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr_common::binary_map::OutputType;
use datafusion::physical_expr_common::binary_view_map::ArrowBytesViewMap;

use super::pairs::Pairs;

/// Values that have numbers of 32 bits.
pub(super) trait Values: Debug + Default + Send + Sync + 'static {
    /// Adds the numbers of values, none of which is NULL.
    fn number(&mut self, values: &ArrayRef, numbers: &mut Vec<u32>) -> Result<()>;

    /// The values of these numbers. They are known by the same numbers afterwards if
    /// some are still needed.
    fn values(&mut self, numbers: Vec<u32>, are_needed: bool) -> Result<ArrayRef>;

    /// Bytes that are held.
    fn size(&self) -> usize;
}

/// Texts, each once, with its number: its place among them.
#[derive(Debug)]
pub(super) struct Texts(ArrowBytesViewMap<u32>);

impl Default for Texts {
    fn default() -> Texts {
        Texts(ArrowBytesViewMap::new(OutputType::Utf8View))
    }
}

impl Values for Texts {
    fn number(&mut self, values: &ArrayRef, numbers: &mut Vec<u32>) -> Result<()> {
        let known = self.0.len();
        if known + values.len() > u32::MAX as usize {
            return Err(exec_datafusion_err!("there are too many distinct texts"));
        }
        let mut next = known as u32;
        self.0.insert_if_new(
            values,
            |_| {
                let number = next;
                next += 1;
                number
            },
            |number| numbers.push(number),
        );
        Ok(())
    }

    fn values(&mut self, numbers: Vec<u32>, are_needed: bool) -> Result<ArrayRef> {
        let all = self.0.take().into_state();
        if are_needed {
            self.number(&all, &mut Vec::new())?;
        }
        Ok(take(&all, &UInt32Array::from(numbers), None)?)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// Numbers are their own.
#[derive(Debug, Default)]
pub(super) struct Numbers;

impl Values for Numbers {
    fn number(&mut self, values: &ArrayRef, numbers: &mut Vec<u32>) -> Result<()> {
        let values = values.as_primitive::<Int32Type>().values();
        numbers.extend(values.iter().map(|value| value.cast_unsigned()));
        Ok(())
    }

    fn values(&mut self, numbers: Vec<u32>, _: bool) -> Result<ArrayRef> {
        let numbers = numbers.into_iter().map(u32::cast_signed);
        Ok(Arc::new(Int32Array::from_iter_values(numbers)))
    }

    fn size(&self) -> usize {
        0
    }
}

/// How many distinct values each group has.
#[derive(Debug, Default)]
pub(super) struct Distinct<V> {
    values: V,
    pairs: Pairs,
    groups: usize,
    /// Those of a batch's values.
    numbers: Vec<u32>,
}

impl<V: Values> Distinct<V> {
    fn number(&mut self, values: &ArrayRef, group_count: usize) -> Result<()> {
        if group_count > u32::MAX as usize {
            return Err(exec_datafusion_err!("there are too many groups"));
        }
        self.groups = group_count;
        self.numbers.clear();
        self.values.number(values, &mut self.numbers)
    }

    /// How many values each of the groups has that go, and the values' numbers.
    fn emit(&mut self, emit_to: EmitTo) -> (Vec<usize>, Vec<u32>) {
        let emitted = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(count) => count,
        };
        let mut counts = vec![0; emitted];
        let pairs = self.pairs.take_before(emitted);
        for pair in &pairs {
            counts[(pair >> 32) as usize] += 1;
        }
        self.groups -= emitted;
        (counts, pairs.into_iter().map(|pair| pair as u32).collect())
    }
}

/// The rows that count: those with a value that the filter keeps; `None`: all.
fn counted(values: &ArrayRef, kept: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    let kept = kept.map(|kept| match kept.null_count() {
        0 => kept.clone(),
        _ => prep_null_mask_filter(kept),
    });
    Ok(match (values.null_count(), kept) {
        (0, kept) => kept,
        (_, None) => Some(is_not_null(values)?),
        (_, Some(kept)) => Some(and(&kept, &is_not_null(values)?)?),
    })
}

impl<V: Values> GroupsAccumulator for Distinct<V> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        kept: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        let values = &values[0];
        match counted(values, kept)? {
            None => {
                self.number(values, group_count)?;
                for (group, number) in groups.iter().zip(&self.numbers) {
                    self.pairs.add(*group as u32, *number);
                }
            }
            Some(counted) => {
                self.number(&filter(values, &counted)?, group_count)?;
                let rows = counted.values().set_indices();
                for (row, number) in rows.zip(&self.numbers) {
                    self.pairs.add(groups[row] as u32, *number);
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (counts, _) = self.emit(emit_to);
        if self.pairs.is_empty() {
            self.values = V::default();
        }
        let counts = counts.into_iter().map(|count| count as i64);
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (counts, numbers) = self.emit(emit_to);
        let offsets = OffsetBuffer::<i32>::from_lengths(counts);
        let values = self.values.values(numbers, !self.pairs.is_empty())?;
        Ok(vec![Arc::new(lists(offsets, values))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        group_count: usize,
    ) -> Result<()> {
        let lists = values[0].as_list::<i32>();
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let values = lists
            .values()
            .slice(first as usize, (last - first) as usize);
        self.number(&values, group_count)?;
        for (row, group) in groups.iter().enumerate() {
            let places = (offsets[row] - first) as usize..(offsets[row + 1] - first) as usize;
            for number in &self.numbers[places] {
                self.pairs.add(*group as u32, *number);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        kept: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let values = &values[0];
        let lists = match counted(values, kept)? {
            None => {
                let offsets = OffsetBuffer::from_repeated_length(1, values.len());
                lists(offsets, Arc::clone(values))
            }
            Some(counted) => {
                let lengths = counted.values().iter().map(usize::from);
                lists(
                    OffsetBuffer::from_lengths(lengths),
                    filter(values, &counted)?,
                )
            }
        };
        Ok(vec![Arc::new(lists)])
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.values.size()
            + self.pairs.size()
            + self.numbers.capacity() * size_of::<u32>()
    }
}

/// A list of values for each group.
fn lists(offsets: OffsetBuffer<i32>, values: ArrayRef) -> ListArray {
    let field = Field::new_list_field(values.data_type().clone(), true);
    ListArray::new(Arc::new(field), offsets, values, None)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use datafusion::arrow::array::StringViewArray;
    use datafusion::arrow::compute::and_kleene;
    use datafusion::arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    use super::*;

    /// A row: its group, its text, and whether the filter keeps it.
    type Row = (usize, Option<String>, Option<bool>);

    fn rows() -> impl Strategy<Value = Vec<Row>> {
        let text = proptest::option::weighted(0.9, "[ab]{0,3}|a text that is long, [ab]{1,2}");
        let kept = proptest::option::weighted(0.9, proptest::bool::weighted(0.8));
        proptest::collection::vec((0..5_usize, text, kept), 0..40)
    }

    /// The values of rows, which differ where the texts do.
    type Column = fn(&[Row]) -> ArrayRef;

    fn texts(rows: &[Row]) -> ArrayRef {
        let texts: StringViewArray = rows.iter().map(|(_, text, _)| text.as_deref()).collect();
        Arc::new(texts)
    }

    fn numbers(rows: &[Row]) -> ArrayRef {
        let number = |text: &String| match text.len() {
            ..4 => text
                .bytes()
                .fold(-1, |number, byte| number * 3 + i32::from(byte - b'a')),
            _ => text
                .bytes()
                .fold(1, |number, byte| number * 2 % 1_000_003 + i32::from(byte)),
        };
        let numbers = rows.iter().map(|(_, text, _)| text.as_ref().map(number));
        Arc::new(numbers.collect::<Int32Array>())
    }

    fn expected(batches: &[Vec<Row>], is_filtered: bool) -> Vec<i64> {
        let mut sets: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (group, text, kept) in batches.iter().flatten() {
            if let Some(text) = text
                && (!is_filtered || *kept == Some(true))
            {
                sets.entry(*group).or_default().insert(text);
            }
        }
        let count = |group| sets.get(&group).map_or(0, BTreeSet::len) as i64;
        (0..5).map(count).collect()
    }

    fn counts(counts: &ArrayRef) -> Vec<i64> {
        let counts = counts.as_primitive::<Int64Type>();
        counts.values().to_vec()
    }

    /// Counts in one go, over states of any rows that are emitted at any place, and
    /// from rows that were turned into states.
    fn check<V: Values>(
        batches: &[Vec<Row>],
        column: Column,
        is_filtered: bool,
        emitted: usize,
    ) -> Result<()> {
        let mut direct = Distinct::<V>::default();
        let mut merged = Distinct::<V>::default();
        let mut converted = Distinct::<V>::default();
        let first = emitted.min(5);
        for batch in batches {
            let values = [column(batch)];
            let groups: Vec<_> = batch.iter().map(|(group, ..)| *group).collect();
            let kept: BooleanArray = batch.iter().map(|(.., kept)| *kept).collect();
            let kept = is_filtered.then_some(&kept);
            direct.update_batch(&values, &groups, kept, 5)?;

            let mut part = Distinct::<V>::default();
            part.update_batch(&values, &groups, kept, 5)?;
            let state = part.state(EmitTo::First(first))?;
            let ahead: Vec<_> = (0..first).collect();
            merged.merge_batch(&state, &ahead, 5)?;
            // What is left goes on counting under the same numbers.
            let again: Vec<_> = groups
                .iter()
                .map(|group| group.saturating_sub(first))
                .collect();
            let left: BooleanArray = groups.iter().map(|group| Some(*group >= first)).collect();
            let left = match kept {
                Some(kept) => and_kleene(&left, kept)?,
                None => left,
            };
            part.update_batch(&values, &again, Some(&left), 5 - first)?;
            let state = part.state(EmitTo::All)?;
            let rest: Vec<_> = (first..5).collect();
            merged.merge_batch(&state, &rest, 5)?;

            let state = Distinct::<V>::default().convert_to_state(&values, kept)?;
            converted.merge_batch(&state, &groups, 5)?;
        }
        let expected = expected(batches, is_filtered);
        assert_eq!(counts(&merged.evaluate(EmitTo::All)?), expected);
        assert_eq!(counts(&converted.evaluate(EmitTo::All)?), expected);
        let mut told = counts(&direct.evaluate(EmitTo::First(first))?);
        told.extend(counts(&direct.evaluate(EmitTo::All)?));
        assert_eq!(told, expected);
        Ok(())
    }

    proptest! {
        #[test]
        fn distinct_values_are_counted(
            batches in proptest::collection::vec(rows(), 1..4),
            is_filtered: bool,
            emitted in 0..6_usize,
        ) {
            check::<Texts>(&batches, texts, is_filtered, emitted).unwrap();
            check::<Numbers>(&batches, numbers, is_filtered, emitted).unwrap();
        }
    }
}
