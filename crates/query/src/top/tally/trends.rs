//! The trends of all groups: sums in steps that all of them share.
//!
//! Records come to groups at random, and what a record waits for is memory. So a sum is
//! in one line of it, whose place needs no more than a small table to be looked at.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, Int64Array, ListArray};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::logical_expr::EmitTo;

use crate::top::trend::{MAX_CELLS, Span, Trend, WIDTHS, step_of};

/// Steps of a page: as many sums as a line of memory has.
const PAGE_CELLS: usize = 8;
const PAGES: usize = MAX_CELLS / PAGE_CELLS;
/// A page that a group has not.
const NONE: u32 = u32::MAX;

/// Sums by group and step. Groups that are seldom seen have few pages.
#[derive(Debug)]
pub(super) struct Trends {
    /// The times of all records so far.
    span: Span,
    /// The width of a step, of the widths.
    step: u8,
    /// The number of the first step. The last of the span is less than [`MAX_CELLS`]
    /// after it.
    first: i64,
    /// By group.
    pages: Vec<[u32; PAGES]>,
    sums: Vec<[i64; PAGE_CELLS]>,
}

/// A record that is in the trend of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Traced {
    pub(super) group: usize,
    pub(super) row: usize,
    /// Seconds since 1970.
    pub(super) time_s: i64,
}

impl Trends {
    pub(super) fn new() -> Trends {
        Trends {
            span: Span::new(),
            step: 0,
            first: 0,
            pages: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// Has room for so many groups.
    pub(super) fn resize(&mut self, count: usize) {
        self.pages.resize(count, [NONE; PAGES]);
    }

    /// Adds the amounts of these records.
    pub(super) fn add(&mut self, traced: &[Traced], amount: impl Fn(usize) -> i64) {
        for traced in traced {
            self.span.add(traced.time_s);
        }
        self.fit(0);
        let width = WIDTHS[usize::from(self.step)];
        for Traced { group, row, time_s } in traced {
            let cell = step_of(*time_s, width) - self.first;
            self.add_to(*group, cell as usize, amount(*row));
        }
    }

    /// Adds what another has, of which [`Trends::take`] told: a list for each of these
    /// groups.
    pub(super) fn merge(&mut self, lists: &ListArray, groups: &[usize]) {
        let states = || (0..groups.len()).map(|row| state_of(lists, row));
        let mut least_step = 0;
        for state in states() {
            let Some((step, first, amounts)) = parts(state) else {
                continue;
            };
            let last = first + amounts.len() as i64 - 1;
            for cell in [first, last] {
                self.span
                    .add(cell.saturating_mul(WIDTHS[usize::from(step)]));
            }
            least_step = least_step.max(step);
        }
        self.fit(least_step);
        for (group, state) in groups.iter().zip(states()) {
            let Some((step, first, amounts)) = parts(state) else {
                continue;
            };
            let factor = WIDTHS[usize::from(self.step)] / WIDTHS[usize::from(step)];
            for (cell, amount) in (first..).zip(amounts) {
                let cell = cell.div_euclid(factor) - self.first;
                self.add_to(*group, cell as usize, *amount);
            }
        }
    }

    /// An amount of nothing takes no room.
    #[inline]
    fn add_to(&mut self, group: usize, cell: usize, amount: i64) {
        if amount == 0 {
            return;
        }
        let page = &mut self.pages[group][cell / PAGE_CELLS];
        if *page == NONE {
            *page = self.sums.len() as u32;
            self.sums.push([0; PAGE_CELLS]);
        }
        let sum = &mut self.sums[*page as usize][cell % PAGE_CELLS];
        *sum = sum.wrapping_add(amount);
    }

    /// Goes on to steps that have all of the span, and are this wide at least.
    fn fit(&mut self, least_step: u8) {
        let step = self.step.max(self.span.step()).max(least_step);
        let width = WIDTHS[usize::from(step)];
        let Some((from_s, to_s)) = self.span.bounds() else {
            return;
        };
        let (from, to) = (from_s.div_euclid(width), to_s.div_euclid(width));
        let last = self.first + (MAX_CELLS as i64 - 1);
        if step == self.step && from >= self.first && to <= last {
            return;
        }
        let factor = width / WIDTHS[usize::from(self.step)];
        let first = match self.sums.is_empty() || from >= self.first.div_euclid(factor) {
            true => from,
            // What comes now may be earlier still.
            false => to - (MAX_CELLS as i64 - 1),
        };
        let before = std::mem::take(&mut self.sums);
        let old_first = std::mem::replace(&mut self.first, first);
        self.step = step;
        for group in 0..self.pages.len() {
            let pages = std::mem::replace(&mut self.pages[group], [NONE; PAGES]);
            for (cell, amount) in cells(&pages, &before) {
                let cell = (old_first + cell as i64).div_euclid(factor) - first;
                self.add_to(group, cell as usize, amount);
            }
        }
    }

    /// A list of numbers for each of these groups, which are forgotten: step, first cell
    /// and amounts, or nothing.
    pub(super) fn take(&mut self, emit_to: EmitTo) -> ListArray {
        let taken = emit_to.take_needed(&mut self.pages);
        let mut numbers: Vec<i64> = Vec::new();
        let mut lengths = Vec::with_capacity(taken.len());
        for pages in &taken {
            let before = numbers.len();
            for (cell, amount) in cells(pages, &self.sums) {
                if numbers.len() == before {
                    numbers.extend([i64::from(self.step), self.first + cell as i64]);
                }
                let first = numbers[before + 1] - self.first;
                numbers.resize(before + 2 + cell - first as usize, 0);
                numbers.push(amount);
            }
            lengths.push(numbers.len() - before);
        }
        let before = std::mem::take(&mut self.sums);
        for page in self
            .pages
            .iter_mut()
            .flatten()
            .filter(|page| **page != NONE)
        {
            self.sums.push(before[*page as usize]);
            *page = (self.sums.len() - 1) as u32;
        }
        let field = Field::new_list_field(DataType::Int64, true);
        let offsets = OffsetBuffer::from_lengths(lengths);
        let numbers = Arc::new(Int64Array::from(numbers));
        ListArray::new(Arc::new(field), offsets, numbers, None)
    }

    /// Bytes that it holds beside itself.
    pub(super) fn held_bytes(&self) -> usize {
        self.pages.capacity() * size_of::<[u32; PAGES]>()
            + self.sums.capacity() * size_of::<[i64; PAGE_CELLS]>()
    }
}

/// The cells of a group that have an amount, in order.
fn cells<'a>(
    pages: &'a [u32; PAGES],
    sums: &'a [[i64; PAGE_CELLS]],
) -> impl Iterator<Item = (usize, i64)> + 'a {
    let pages = pages.iter().enumerate().filter(|(_, page)| **page != NONE);
    pages.flat_map(|(index, page)| {
        let sums = sums[*page as usize].into_iter().enumerate();
        let cells = sums.map(move |(cell, amount)| (index * PAGE_CELLS + cell, amount));
        cells.filter(|(_, amount)| *amount != 0)
    })
}

/// The trend in a row of lists of numbers.
pub(in crate::top) fn trend_of(lists: &ListArray, row: usize) -> Trend {
    let parts = parts(state_of(lists, row));
    parts.map_or_else(Trend::default, |(step, first, amounts)| {
        Trend::new(step, first, amounts.to_vec())
    })
}

/// The numbers in a row of lists of them; a NULL has none.
fn state_of(lists: &ListArray, row: usize) -> &[i64] {
    let numbers = lists.values().as_primitive::<Int64Type>().values();
    let [from, to] = [row, row + 1].map(|row| lists.value_offsets()[row] as usize);
    &numbers[from..to]
}

/// Step, first cell and amounts.
fn parts(state: &[i64]) -> Option<(u8, i64, &[i64])> {
    match state {
        [step, first, amounts @ ..] if !amounts.is_empty() => {
            Some((u8::try_from(*step).ok()?, *first, amounts))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Group, time and amount.
    type Record = (usize, i64, i64);

    fn records() -> impl Strategy<Value = Vec<Vec<Record>>> {
        let near = 0..5_000_i64;
        let far = -9_000_000_000_000..9_000_000_000_000_i64;
        let record = |time| (0..6_usize, time, 0..100_i64);
        let record = prop_oneof![20 => record(near.boxed()), 1 => record(far.boxed())];
        let batch = proptest::collection::vec(record, 0..30);
        proptest::collection::vec(batch, 1..5)
    }

    fn add(trends: &mut Trends, batch: &[Record]) {
        let traced: Vec<_> = (0..)
            .zip(batch)
            .map(|(row, (group, time_s, _))| Traced {
                group: *group,
                row,
                time_s: *time_s,
            })
            .collect();
        trends.resize(6);
        trends.add(&traced, |row| batch[row].2);
    }

    proptest! {
        /// However they came together, amounts are in the step of their time.
        #[test]
        fn amounts_are_in_their_steps(
            left in records(), right in records(), max_cells in 2..40_usize, taken in 0..6_usize,
        ) {
            let (mut trends, mut other) = (Trends::new(), Trends::new());
            left.iter().for_each(|batch| add(&mut trends, batch));
            right.iter().for_each(|batch| add(&mut other, batch));
            other.resize(6);
            trends.resize(6);
            // Some groups are taken before the others.
            let early: Vec<usize> = (0..taken).collect();
            let late: Vec<usize> = (taken..6).collect();
            trends.merge(&other.take(EmitTo::First(taken)), &early);
            trends.merge(&other.take(EmitTo::All), &late);

            let all: Vec<Record> = left.iter().chain(&right).flatten().copied().collect();
            let times = || all.iter().map(|(_, time_s, _)| *time_s);
            let (Some(from_s), Some(to_s)) = (times().min(), times().max()) else {
                return Ok(());
            };
            let lists = [trends.take(EmitTo::First(taken)), trends.take(EmitTo::All)];
            for group in 0..6 {
                let trend = match group < taken {
                    true => trend_of(&lists[0], group),
                    false => trend_of(&lists[1], group - taken),
                };
                let (cells, width) = trend.over(from_s, to_s, max_cells);
                prop_assert!(cells.len() <= max_cells.clamp(2, MAX_CELLS));
                let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
                for (_, time_s, amount) in all.iter().filter(|(of, ..)| *of == group) {
                    *expected.entry(time_s.div_euclid(width)).or_default() += amount;
                }
                for (step, cell) in (from_s.div_euclid(width)..).zip(cells) {
                    prop_assert_eq!(cell, expected.get(&step).copied().unwrap_or(0));
                }
            }
        }
    }
}
