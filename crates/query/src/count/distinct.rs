//! Distinct texts by group.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt32Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{and, filter, is_not_null, prep_null_mask_filter, take};
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{HashSet, Result, exec_datafusion_err};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr_common::binary_map::OutputType;
use datafusion::physical_expr_common::binary_view_map::ArrowBytesViewMap;

/// How many distinct texts each group has.
#[derive(Debug)]
pub(super) struct DistinctTexts {
    /// Each text once, with its number: its place among them.
    texts: ArrowBytesViewMap<u32>,
    /// A group, and the number of a text that it has.
    seen: HashSet<(usize, u32)>,
    counts: Vec<i64>,
    /// The numbers of a batch's texts.
    numbers: Vec<u32>,
}

impl Default for DistinctTexts {
    fn default() -> DistinctTexts {
        DistinctTexts {
            texts: ArrowBytesViewMap::new(OutputType::Utf8View),
            seen: HashSet::default(),
            counts: Vec::new(),
            numbers: Vec::new(),
        }
    }
}

impl DistinctTexts {
    /// Finds the numbers of texts, none of which is NULL.
    fn number(&mut self, texts: &ArrayRef) -> Result<()> {
        self.numbers.clear();
        let known = self.texts.len();
        if known + texts.len() > u32::MAX as usize {
            return Err(exec_datafusion_err!("there are too many distinct texts"));
        }
        let mut next = known as u32;
        let numbers = &mut self.numbers;
        self.texts.insert_if_new(
            texts,
            |_| {
                let number = next;
                next += 1;
                number
            },
            |number| numbers.push(number),
        );
        Ok(())
    }

    fn add(&mut self, group: usize, number: u32) {
        if self.seen.insert((group, number)) {
            self.counts[group] += 1;
        }
    }

    /// Drops what was seen of groups that go, and gives it to `gone`.
    fn forget(&mut self, emit_to: EmitTo, mut gone: impl FnMut(usize, u32)) {
        let first_kept = match emit_to {
            EmitTo::All => usize::MAX,
            EmitTo::First(count) => count,
        };
        let mut kept = HashSet::default();
        for (group, number) in self.seen.drain() {
            match group.checked_sub(first_kept) {
                None => gone(group, number),
                Some(group) => {
                    kept.insert((group, number));
                }
            }
        }
        self.seen = kept;
    }

    /// All texts by their numbers. They are known by the same numbers afterwards if
    /// some are still needed.
    fn all_texts(&mut self) -> Result<ArrayRef> {
        let texts = self.texts.take().into_state();
        if !self.seen.is_empty() {
            self.number(&texts)?;
        }
        Ok(texts)
    }
}

/// The rows that count: those with a text that the filter keeps; `None`: all.
fn counted(texts: &ArrayRef, kept: Option<&BooleanArray>) -> Result<Option<BooleanArray>> {
    let kept = kept.map(|kept| match kept.null_count() {
        0 => kept.clone(),
        _ => prep_null_mask_filter(kept),
    });
    Ok(match (texts.null_count(), kept) {
        (0, kept) => kept,
        (_, None) => Some(is_not_null(texts)?),
        (_, Some(kept)) => Some(and(&kept, &is_not_null(texts)?)?),
    })
}

impl GroupsAccumulator for DistinctTexts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        kept: Option<&BooleanArray>,
        group_count: usize,
    ) -> Result<()> {
        self.counts.resize(group_count, 0);
        let texts = &values[0];
        match counted(texts, kept)? {
            None => {
                self.number(texts)?;
                for (row, group) in groups.iter().enumerate() {
                    self.add(*group, self.numbers[row]);
                }
            }
            Some(counted) => {
                self.number(&filter(texts, &counted)?)?;
                let rows = counted.values().set_indices();
                for (index, row) in rows.enumerate() {
                    self.add(groups[row], self.numbers[index]);
                }
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let counts = emit_to.take_needed(&mut self.counts);
        self.forget(emit_to, |_, _| {});
        if self.seen.is_empty() {
            self.texts.take();
        }
        Ok(Arc::new(Int64Array::from(counts)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let counts = emit_to.take_needed(&mut self.counts);
        let lengths = counts.iter().map(|count| *count as usize);
        let offsets = OffsetBuffer::<i32>::from_lengths(lengths);
        let mut next: Vec<usize> = offsets.iter().map(|offset| *offset as usize).collect();
        let mut numbers = vec![0; next.last().copied().unwrap_or_default()];
        self.forget(emit_to, |group, number| {
            numbers[next[group]] = number;
            next[group] += 1;
        });
        let texts = take(&self.all_texts()?, &UInt32Array::from(numbers), None)?;
        Ok(vec![Arc::new(lists(offsets, texts))])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        group_count: usize,
    ) -> Result<()> {
        self.counts.resize(group_count, 0);
        let lists = values[0].as_list::<i32>();
        let offsets = lists.value_offsets();
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let texts = lists
            .values()
            .slice(first as usize, (last - first) as usize);
        self.number(&texts)?;
        for (row, group) in groups.iter().enumerate() {
            for index in offsets[row] - first..offsets[row + 1] - first {
                self.add(*group, self.numbers[index as usize]);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        kept: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let texts = &values[0];
        let lists = match counted(texts, kept)? {
            None => {
                let offsets = OffsetBuffer::from_repeated_length(1, texts.len());
                lists(offsets, Arc::clone(texts))
            }
            Some(counted) => {
                let lengths = counted.values().iter().map(usize::from);
                lists(
                    OffsetBuffer::from_lengths(lengths),
                    filter(texts, &counted)?,
                )
            }
        };
        Ok(vec![Arc::new(lists)])
    }

    fn size(&self) -> usize {
        size_of::<Self>()
            + self.texts.size()
            + self.seen.capacity() * (size_of::<(usize, u32)>() + 1)
            + self.counts.capacity() * size_of::<i64>()
            + self.numbers.capacity() * size_of::<u32>()
    }
}

/// A list of texts for each group.
fn lists(offsets: OffsetBuffer<i32>, texts: ArrayRef) -> ListArray {
    let field = Field::new_list_field(DataType::Utf8View, true);
    ListArray::new(Arc::new(field), offsets, texts, None)
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

    fn columns(rows: &[Row]) -> (ArrayRef, Vec<usize>, BooleanArray) {
        let texts: StringViewArray = rows.iter().map(|(_, text, _)| text.as_deref()).collect();
        let groups = rows.iter().map(|(group, ..)| *group).collect();
        let kept = rows.iter().map(|(.., kept)| *kept).collect();
        (Arc::new(texts), groups, kept)
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

    proptest! {
        /// In one go, over states of any rows that are emitted at any place, and
        /// from rows that were turned into states.
        #[test]
        fn distinct_texts_are_counted(
            batches in proptest::collection::vec(rows(), 1..4),
            is_filtered: bool,
            emitted in 0..6_usize,
        ) {
            let mut direct = DistinctTexts::default();
            let mut merged = DistinctTexts::default();
            let mut converted = DistinctTexts::default();
            for batch in &batches {
                let (texts, groups, kept) = columns(batch);
                let kept = is_filtered.then_some(&kept);
                let texts = [texts];
                direct.update_batch(&texts, &groups, kept, 5).unwrap();

                let mut part = DistinctTexts::default();
                part.update_batch(&texts, &groups, kept, 5).unwrap();
                let first = emitted.min(5);
                let state = part.state(EmitTo::First(first)).unwrap();
                let ahead: Vec<_> = (0..first).collect();
                merged.merge_batch(&state, &ahead, 5).unwrap();
                // What is left goes on counting under the same numbers.
                let again: Vec<_> = groups.iter().map(|group| group.saturating_sub(first)).collect();
                let left: BooleanArray = groups.iter().map(|group| Some(*group >= first)).collect();
                let left = match kept {
                    Some(kept) => and_kleene(&left, kept).unwrap(),
                    None => left,
                };
                part.update_batch(&texts, &again, Some(&left), 5 - first).unwrap();
                let state = part.state(EmitTo::All).unwrap();
                let rest: Vec<_> = (first..5).collect();
                merged.merge_batch(&state, &rest, 5).unwrap();

                let state = DistinctTexts::default().convert_to_state(&texts, kept).unwrap();
                converted.merge_batch(&state, &groups, 5).unwrap();
            }
            let expected = expected(&batches, is_filtered);
            prop_assert_eq!(counts(&merged.evaluate(EmitTo::All).unwrap()), expected.clone());
            prop_assert_eq!(counts(&converted.evaluate(EmitTo::All).unwrap()), expected.clone());
            let mut told = counts(&direct.evaluate(EmitTo::First(emitted.min(5))).unwrap());
            told.extend(counts(&direct.evaluate(EmitTo::All).unwrap()));
            prop_assert_eq!(told, expected);
        }
    }
}
