//! The largest of the groups that the engine hands over, batch by batch.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use datafusion::arrow::array::{Array, AsArray, Int64Array, ListArray, RecordBatch, StructArray};
use datafusion::arrow::datatypes::{Int32Type, Int64Type};
use datafusion::common::ScalarValue;
use datafusion::error::DataFusionError;

use super::key::{Key, Measure};
use super::statement::Set;
use super::tally::{NUMBERS, PREVIOUS, REQUEST_BYTES, TRENDS, Wishes, trend_of};
use super::trend::Trend;
use super::{Line, Ranking, Top, Totals};
use crate::error::Error;

/// Which grouping sets there are, and which ranking is of which.
#[derive(Debug)]
pub(super) struct Layout {
    key_count: usize,
    sets: Vec<Set>,
    places: Vec<Place>,
    wishes: Wishes,
    limit: usize,
}

/// Where a ranking has its rows.
#[derive(Debug)]
struct Place {
    set: usize,
    /// Its keys among those of all rankings, in its order.
    keys: Vec<usize>,
    by: Measure,
}

impl Layout {
    pub(super) fn new(top: &Top, keys: &[Key], wishes: Wishes) -> Layout {
        let mut sets = Vec::new();
        let places = top.stats.iter().map(|stat| {
            let set = Set::new(keys, &stat.keys);
            let known = sets.iter().position(|known| *known == set);
            let index = known.unwrap_or_else(|| {
                sets.push(set);
                sets.len() - 1
            });
            let position = |key| keys.iter().position(|known| known == key);
            Place {
                set: index,
                keys: stat.keys.iter().filter_map(position).collect(),
                by: stat.by,
            }
        });
        let places = places.collect();
        Layout {
            key_count: keys.len(),
            sets,
            places,
            wishes,
            limit: top.limit,
        }
    }

    pub(super) fn sets(&self) -> &[Set] {
        &self.sets
    }
}

/// Takes groups, and keeps the largest.
#[derive(Debug)]
pub(super) struct Chooser<'a> {
    layout: &'a Layout,
    /// For each set.
    totals: Vec<SetTotal>,
    /// For each ranking.
    largest: Vec<Largest>,
}

#[derive(Debug, Clone, Default)]
struct SetTotal {
    line: Line,
    /// Groups with a record.
    groups: u64,
    nodata: u64,
    skipdata: u64,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(layout: &'a Layout) -> Chooser<'a> {
        Chooser {
            layout,
            totals: vec![SetTotal::default(); layout.sets.len()],
            largest: layout
                .places
                .iter()
                .map(|_| Largest::new(layout.limit))
                .collect(),
        }
    }

    pub(super) fn take(&mut self, batch: &RecordBatch) -> Result<(), Error> {
        let layout = self.layout;
        let groups = Groups::of(batch, layout)?;
        for row in 0..batch.num_rows() {
            let set = groups.set(row, layout)?;
            let total = &mut self.totals[set];
            total.nodata += count(groups.nodata, row);
            total.skipdata += count(groups.skipdata, row);
            groups.add_to(&mut total.line, row);
            let totals = groups.totals(row);
            if totals.flows == 0 {
                // Of gaps alone, or of the period before.
                continue;
            }
            total.groups += 1;
            let places = layout.places.iter().zip(&mut self.largest);
            for (place, largest) in places.filter(|(place, _)| place.set == set) {
                let measure = totals.measure(place.by);
                if !largest.may_take(measure) {
                    continue;
                }
                let keys = place
                    .keys
                    .iter()
                    .map(|key| ScalarValue::try_from_array(batch.column(*key), row))
                    .collect::<Result<Vec<_>, _>>()?;
                largest.offer(measure, keys, |keys| groups.line(row, place.by, keys));
            }
        }
        Ok(())
    }

    /// Records without data, and of skipped data. Each set has all of them.
    pub(super) fn gaps(&self) -> (u64, u64) {
        let first = self.totals.first();
        first.map_or((0, 0), |total| (total.nodata, total.skipdata))
    }

    pub(super) fn rankings(self, top: &Top) -> Vec<Ranking> {
        let totals = self.totals;
        let places = self.layout.places.iter().zip(self.largest).zip(&top.stats);
        let rankings = places.map(|((place, largest), stat)| {
            let total = &totals[place.set];
            Ranking {
                stat: stat.clone(),
                lines: largest.into_lines(),
                total: total.line.clone(),
                groups: total.groups,
            }
        });
        rankings.collect()
    }
}

/// The columns of a batch of groups.
struct Groups<'a> {
    numbers: [&'a Int64Array; 5],
    nodata: &'a Int64Array,
    skipdata: &'a Int64Array,
    previous: Option<[&'a Int64Array; 3]>,
    request_bytes: Option<&'a Int64Array>,
    trends: [Option<&'a ListArray>; 3],
    left_out: Option<&'a datafusion::arrow::array::Int32Array>,
}

impl<'a> Groups<'a> {
    fn of(batch: &'a RecordBatch, layout: &Layout) -> Result<Groups<'a>, Error> {
        let tally = batch.column(layout.key_count).as_struct();
        let number = |name: &str| -> Result<&'a Int64Array, Error> {
            Ok(column(tally, name)?.as_primitive::<Int64Type>())
        };
        let [flows, packets, bytes, first, last, nodata, skipdata] = NUMBERS;
        let wishes = layout.wishes;
        let previous = match wishes.since_us {
            Some(_) => {
                let [flows, packets, bytes] = PREVIOUS;
                Some([number(flows)?, number(packets)?, number(bytes)?])
            }
            None => None,
        };
        let mut trends = [None; 3];
        for (index, trend) in trends.iter_mut().enumerate() {
            if wishes.trends[index] {
                *trend = Some(column(tally, TRENDS[index])?.as_list::<i32>());
            }
        }
        Ok(Groups {
            numbers: [
                number(flows)?,
                number(packets)?,
                number(bytes)?,
                number(first)?,
                number(last)?,
            ],
            nodata: number(nodata)?,
            skipdata: number(skipdata)?,
            previous,
            request_bytes: match wishes.directions {
                true => Some(number(REQUEST_BYTES)?),
                false => None,
            },
            trends,
            left_out: (layout.sets.len() > 1).then(|| {
                batch
                    .column(layout.key_count + 1)
                    .as_primitive::<Int32Type>()
            }),
        })
    }

    /// The set that a group is of.
    fn set(&self, row: usize, layout: &Layout) -> Result<usize, Error> {
        let Some(left_out) = self.left_out else {
            return Ok(0);
        };
        let left_out = i64::from(left_out.value(row));
        let sets = &mut layout.sets.iter();
        let found = sets.position(|set| set.left_out() == left_out);
        found.ok_or_else(|| {
            DataFusionError::Internal(format!("a group of no ranking: {left_out}")).into()
        })
    }

    fn totals(&self, row: usize) -> Totals {
        let [flows, packets, bytes, ..] = self.numbers;
        totals([flows, packets, bytes], row)
    }

    fn previous(&self, row: usize) -> Totals {
        self.previous
            .map_or_else(Totals::default, |columns| totals(columns, row))
    }

    /// All of the group but its keys and its trend.
    fn sums(&self, row: usize) -> Line {
        let [.., first, last] = self.numbers;
        Line {
            keys: Vec::new(),
            totals: self.totals(row),
            previous: self.previous(row),
            request_bytes: self.request_bytes.and_then(|bytes| number(bytes, row)),
            first_us: value(first, row),
            last_us: value(last, row),
            trend: Trend::default(),
            at_least: false,
        }
    }

    fn add_to(&self, total: &mut Line, row: usize) {
        total.add(&self.sums(row));
    }

    fn line(&self, row: usize, by: Measure, keys: Vec<ScalarValue>) -> Line {
        let trend = self.trends[by.index()].map(|lists| trend_of(lists, row));
        Line {
            keys,
            trend: trend.unwrap_or_default(),
            ..self.sums(row)
        }
    }
}

fn column<'a>(
    tally: &'a StructArray,
    name: &str,
) -> Result<&'a datafusion::arrow::array::ArrayRef, Error> {
    let column = tally.column_by_name(name);
    column.ok_or_else(|| DataFusionError::Internal(format!("a tally without `{name}`")).into())
}

fn totals([flows, packets, bytes]: [&Int64Array; 3], row: usize) -> Totals {
    Totals {
        flows: flows.value(row),
        packets: number(packets, row),
        bytes: number(bytes, row),
    }
}

fn count(column: &Int64Array, row: usize) -> u64 {
    u64::try_from(column.value(row)).unwrap_or_default()
}

fn value(column: &Int64Array, row: usize) -> Option<i64> {
    column.is_valid(row).then(|| column.value(row))
}

fn number(column: &Int64Array, row: usize) -> Option<i128> {
    value(column, row).map(i128::from)
}

/// The largest lines, as many as a limit says.
#[derive(Debug)]
pub(super) struct Largest {
    limit: usize,
    /// The least of them on top.
    heap: BinaryHeap<Ranked>,
}

/// A line by its place: the greater, the further down in the ranking.
#[derive(Debug)]
struct Ranked {
    /// The largest first, and none last.
    measure: Reverse<Option<i128>>,
    line: Line,
}

impl Largest {
    pub(super) fn new(limit: usize) -> Largest {
        Largest {
            limit,
            heap: BinaryHeap::new(),
        }
    }

    /// Whether a line with this may be among them.
    pub(super) fn may_take(&self, measure: Option<i128>) -> bool {
        match self.heap.peek() {
            Some(least) if self.heap.len() >= self.limit => Reverse(measure) <= least.measure,
            _ => true,
        }
    }

    pub(super) fn offer(
        &mut self,
        measure: Option<i128>,
        keys: Vec<ScalarValue>,
        line: impl FnOnce(Vec<ScalarValue>) -> Line,
    ) {
        let measure = Reverse(measure);
        if self.heap.len() >= self.limit {
            match self.heap.peek() {
                Some(least)
                    if measure
                        .cmp(&least.measure)
                        .then_with(|| compare(&keys, &least.line.keys))
                        .is_lt() =>
                {
                    self.heap.pop();
                }
                _ => return,
            }
        }
        let line = line(keys);
        self.heap.push(Ranked { measure, line });
    }

    pub(super) fn into_lines(self) -> Vec<Line> {
        let sorted = self.heap.into_sorted_vec();
        sorted.into_iter().map(|ranked| ranked.line).collect()
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.measure
            .cmp(&other.measure)
            .then_with(|| compare(&self.line.keys, &other.line.keys))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ranked {}

/// Keys in their order, NULL last: what decides between rows that are equally large.
fn compare(left: &[ScalarValue], right: &[ScalarValue]) -> Ordering {
    let pairs = left.iter().zip(right);
    let unequal = pairs.map(|(left, right)| {
        let nulls = left.is_null().cmp(&right.is_null());
        let values = || left.partial_cmp(right).unwrap_or(Ordering::Equal);
        nulls.then_with(values)
    });
    unequal
        .into_iter()
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}
