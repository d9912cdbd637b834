//! Values of ranges of event time.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A map from event times, in milliseconds since the Unix epoch, to values,
/// kept as ranges: adjacent ranges of one value are one. A month of history is
/// as small as a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RangeMap<V> {
    /// By their starts; disjoint, and none is empty.
    ranges: BTreeMap<i64, (i64, V)>,
}

/// A set of event times.
pub(crate) type RangeSet = RangeMap<()>;

impl<V> Default for RangeMap<V> {
    fn default() -> Self {
        RangeMap {
            ranges: BTreeMap::new(),
        }
    }
}

impl<V: Copy + PartialEq> RangeMap<V> {
    /// Gives all times of `range` this value, in place of what they had.
    pub(crate) fn insert(&mut self, range: Range<i64>, value: V) {
        if range.is_empty() {
            return;
        }
        self.remove(range.clone());
        let (mut start, mut end) = (range.start, range.end);
        if let Some((&before, &(before_end, before_value))) = self.ranges.range(..start).next_back()
            && before_end == start
            && before_value == value
        {
            self.ranges.remove(&before);
            start = before;
        }
        if let Some(&(after_end, after_value)) = self.ranges.get(&end)
            && after_value == value
        {
            self.ranges.remove(&end);
            end = after_end;
        }
        self.ranges.insert(start, (end, value));
    }

    /// Takes the values of all times of `range` away.
    pub(crate) fn remove(&mut self, range: Range<i64>) {
        if range.is_empty() {
            return;
        }
        let overlapping: Vec<_> = self.overlapping(range.clone()).collect();
        for (found, value) in overlapping {
            self.ranges.remove(&found.start);
            if found.start < range.start {
                self.ranges.insert(found.start, (range.start, value));
            }
            if found.end > range.end {
                self.ranges.insert(range.end, (found.end, value));
            }
        }
    }

    /// The ranges that share a time with `range`, whole.
    pub(crate) fn overlapping(
        &self,
        range: Range<i64>,
    ) -> impl Iterator<Item = (Range<i64>, V)> + '_ {
        let first = self.ranges.range(..=range.start).next_back();
        let first = first.map_or(range.start, |(start, _)| *start);
        let found = self.ranges.range(first..range.end.max(first));
        found
            .map(|(start, (end, value))| (*start..*end, *value))
            .filter(move |(found, _)| found.end > range.start)
    }

    /// The range that `time_ms` is in.
    pub(crate) fn at(&self, time_ms: i64) -> Option<(Range<i64>, V)> {
        let (start, (end, value)) = self.ranges.range(..=time_ms).next_back()?;
        (*end > time_ms).then_some((*start..*end, *value))
    }

    /// All ranges in order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (Range<i64>, V)> + '_ {
        self.ranges
            .iter()
            .map(|(start, (end, value))| (*start..*end, *value))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The parts of `range` that have no value.
    pub(crate) fn gaps(&self, range: Range<i64>) -> Vec<Range<i64>> {
        let mut gaps = Vec::new();
        let mut from = range.start;
        for (found, _) in self.overlapping(range.clone()) {
            if found.start > from {
                gaps.push(from..found.start);
            }
            from = found.end;
        }
        if from < range.end {
            gaps.push(from..range.end);
        }
        gaps
    }
}

impl<V: Copy + Serialize> Serialize for RangeMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(
            self.ranges
                .iter()
                .map(|(start, (end, value))| (*start, *end, *value)),
        )
    }
}

impl<'de, V: Copy + PartialEq + Deserialize<'de>> Deserialize<'de> for RangeMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let ranges: Vec<(i64, i64, V)> = Vec::deserialize(deserializer)?;
        let mut map = RangeMap::default();
        for (start, end, value) in ranges {
            map.insert(start..end, value);
        }
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As an array that has a value for each time.
        #[test]
        fn is_a_map_of_times(steps in prop::collection::vec((0i64..40, 0i64..12, prop::option::of(0u8..3)), 0..30)) {
            let mut map = RangeMap::default();
            let mut expected = [None; 60];
            for (start, length, value) in steps {
                let range = start..start + length;
                for time in range.clone() {
                    expected[time as usize] = value;
                }
                match value {
                    Some(value) => map.insert(range, value),
                    None => map.remove(range),
                }
                for time in 0..60 {
                    prop_assert_eq!(map.at(time).map(|(_, value)| value), expected[time as usize]);
                }
                let ranges: Vec<_> = map.iter().collect();
                for pair in ranges.windows(2) {
                    let apart = pair[0].0.end < pair[1].0.start || pair[0].1 != pair[1].1;
                    prop_assert!(apart && pair[0].0.end <= pair[1].0.start, "{:?}", ranges);
                }
                let gaps = map.gaps(5..35);
                for time in 5..35 {
                    let in_gap = gaps.iter().any(|gap| gap.contains(&time));
                    prop_assert_eq!(in_gap, expected[time as usize].is_none());
                }
                let json = serde_json::to_string(&map).unwrap();
                prop_assert_eq!(serde_json::from_str::<RangeMap<u8>>(&json).unwrap(), map.clone());
            }
        }
    }
}
