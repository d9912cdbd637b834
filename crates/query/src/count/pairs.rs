//! Which group has which values, each pair once.

/// Pairs that wait, at least, until they are sorted.
const LEAST_RECENT: usize = 1 << 16;
/// Bits of the place of a pair among those that were seen lately.
const LATELY_BITS: u32 = 12;

/// Pairs of a group and a value, both of 32 bits.
///
/// A set that is larger than the CPU's cache costs a miss for each row. So pairs are
/// gathered, but for those that were just seen, and when they are as many as all others
/// they are sorted and merged into them, which goes through memory in order.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// In order, each once: the group in the upper half, the value in the lower.
    known: Vec<u64>,
    recent: Vec<u64>,
    /// Pairs that are among these, by a hash; with one added, so that 0 is none.
    lately: Vec<u64>,
    /// Memory to sort in.
    spare: Vec<u64>,
}

impl Pairs {
    #[inline]
    pub(super) fn add(&mut self, group: u32, value: u32) {
        let pair = u64::from(group) << 32 | u64::from(value);
        if self.lately.is_empty() {
            self.lately.resize(1 << LATELY_BITS, 0);
        }
        // The golden ratio spreads neighbours.
        let place = pair.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - LATELY_BITS);
        let seen = &mut self.lately[place as usize];
        // The greatest pair wraps to none, and is gathered each time.
        if *seen == pair.wrapping_add(1) && *seen != 0 {
            return;
        }
        *seen = pair.wrapping_add(1);
        self.recent.push(pair);
        if self.recent.len() >= LEAST_RECENT.max(self.known.len()) {
            self.settle();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.recent.is_empty()
    }

    /// Takes the pairs of groups before `first_kept`, in order. The others' groups
    /// begin at 0 from then on.
    pub(super) fn take_before(&mut self, first_kept: usize) -> Vec<u64> {
        self.settle();
        self.lately.fill(0);
        let is_before = |pair: &u64| (pair >> 32) < first_kept as u64;
        let kept = self.known.partition_point(is_before);
        let mut kept = self.known.split_off(kept);
        for pair in &mut kept {
            *pair -= (first_kept as u64) << 32;
        }
        std::mem::replace(&mut self.known, kept)
    }

    pub(super) fn size(&self) -> usize {
        let all = [&self.known, &self.recent, &self.lately, &self.spare];
        let capacity: usize = all.into_iter().map(Vec::capacity).sum();
        capacity * size_of::<u64>()
    }

    /// Merges what is recent into what is known.
    fn settle(&mut self) {
        if self.recent.is_empty() {
            return;
        }
        sort(&mut self.recent, &mut self.spare);
        self.recent.dedup();
        if self.known.is_empty() {
            std::mem::swap(&mut self.known, &mut self.recent);
            return;
        }
        merge(&self.known, &self.recent, &mut self.spare);
        std::mem::swap(&mut self.known, &mut self.spare);
        self.recent.clear();
    }
}

/// Merges two lists, in each of which is nothing twice, into one like them.
fn merge(left: &[u64], right: &[u64], merged: &mut Vec<u64>) {
    merged.clear();
    merged.reserve(left.len() + right.len());
    let (mut l, mut r) = (0, 0);
    while let (Some(a), Some(b)) = (left.get(l), right.get(r)) {
        // Without a branch on which comes first, which nobody can foresee.
        merged.push(*a.min(b));
        l += usize::from(a <= b);
        r += usize::from(b <= a);
    }
    merged.extend_from_slice(&left[l..]);
    merged.extend_from_slice(&right[r..]);
}

/// Sorts by one byte after the other, of those in which pairs differ.
fn sort(pairs: &mut Vec<u64>, spare: &mut Vec<u64>) {
    const BYTE: usize = 256;
    let differ = pairs.iter().fold(0, |bits, pair| bits | (pair ^ pairs[0]));
    for shift in (0..u64::BITS).step_by(8) {
        if differ >> shift & 0xff == 0 {
            continue;
        }
        let byte = |pair: u64| (pair >> shift & 0xff) as usize;
        let mut places = [0_usize; BYTE];
        for pair in pairs.iter() {
            places[byte(*pair)] += 1;
        }
        let mut next = 0;
        for place in &mut places {
            next += std::mem::replace(place, next);
        }
        spare.clear();
        spare.resize(pairs.len(), 0);
        for pair in pairs.iter() {
            let place = &mut places[byte(*pair)];
            spare[*place] = *pair;
            *place += 1;
        }
        std::mem::swap(pairs, spare);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_pair_is_there_once(
            pairs in proptest::collection::vec((0..4_u32, prop_oneof![0..9_u32, any::<u32>()]), 0..200),
            split in 0..6_usize,
            settled in 0..200_usize,
        ) {
            let mut found = Pairs::default();
            for (index, (group, value)) in pairs.iter().enumerate() {
                found.add(*group, *value);
                if index % 7 == settled % 7 {
                    found.settle();
                }
            }
            let expected: BTreeSet<u64> = pairs
                .iter()
                .map(|(group, value)| u64::from(*group) << 32 | u64::from(*value))
                .collect();
            let limit = (split as u64) << 32;
            let before: Vec<u64> = expected.range(..limit).copied().collect();
            prop_assert_eq!(found.take_before(split), before);
            // The others go on under other groups.
            found.add(1, 1);
            let mut after: BTreeSet<u64> = expected.range(limit..).map(|pair| pair - limit).collect();
            after.insert(1 << 32 | 1);
            prop_assert_eq!(found.take_before(usize::MAX), after.into_iter().collect::<Vec<_>>());
            prop_assert!(found.is_empty());
        }
    }

    #[test]
    fn many_pairs_are_merged_as_they_come() {
        let mut pairs = Pairs::default();
        for number in 0..400_000_u32 {
            pairs.add(number % 1_000, number.wrapping_mul(7_919) % 500);
        }
        pairs.add(u32::MAX, u32::MAX);
        pairs.add(u32::MAX, u32::MAX);
        let all = pairs.take_before(usize::MAX);
        assert!(all.is_sorted_by(|a, b| a < b));
        let mut expected: BTreeSet<u64> = (0..400_000_u32)
            .map(|number| {
                (
                    u64::from(number % 1_000),
                    u64::from(number.wrapping_mul(7_919) % 500),
                )
            })
            .map(|(group, value)| group << 32 | value)
            .collect();
        expected.insert(u64::MAX);
        assert_eq!(all, expected.into_iter().collect::<Vec<_>>());
    }
}
