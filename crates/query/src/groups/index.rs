//! The groups of keys.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use datafusion::common::{Result, exec_datafusion_err};
use vpcflow_record::huge_vec;

/// Keys that are looked for at the same time. A core waits for a dozen lines of memory
/// at once; more of them come to it while it does.
const BLOCK: usize = 64;
/// Lines of an index without keys.
const LEAST_LINES: usize = 1 << 4;
/// A place without a group.
const NONE: u32 = u32::MAX;

/// A number that is a key.
pub(super) trait Key: Copy + Default + Eq + fmt::Debug {
    /// Its two halves.
    fn halves(self) -> [u64; 2];
}

impl Key for u64 {
    #[inline]
    fn halves(self) -> [u64; 2] {
        [self, 0]
    }
}

impl Key for i128 {
    #[inline]
    fn halves(self) -> [u64; 2] {
        [self as u64, (self >> 64) as u64]
    }
}

/// Groups by keys of 64 bits.
pub(super) type NarrowIndex = GroupIndex<u64, 5>;
/// Groups by keys of 128 bits.
pub(super) type WideIndex = GroupIndex<i128, 3>;

/// Groups by their keys, in the order in which they came. `N` of them are in a line of
/// memory, so that to look for a key mostly takes one.
#[derive(Debug)]
pub(super) struct GroupIndex<K, const N: usize> {
    /// A power of two. A key is in the line of its hash, or if that was full in the next
    /// one with a place, and so on.
    lines: Vec<Line<K, N>>,
    /// How many there are.
    groups: usize,
    /// Of hashes, to lines.
    shift: u32,
    /// Nobody who makes records can know which keys have the same line.
    seed: u64,
}

/// The first places have groups, the others have none.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Line<K, const N: usize> {
    keys: [K; N],
    groups: [u32; N],
}

const _: () = assert!(size_of::<Line<u64, 5>>() == 64 && size_of::<Line<i128, 3>>() == 64);

impl<K: Key, const N: usize> Line<K, N> {
    fn free() -> Line<K, N> {
        Line {
            keys: [K::default(); N],
            groups: [NONE; N],
        }
    }

    /// The group of a key in this line, or none, without a branch.
    #[inline]
    fn group(&self, key: K) -> u32 {
        let places = self.keys.into_iter().zip(self.groups);
        let groups = places.map(|(other, group)| if other == key { group } else { NONE });
        groups.fold(NONE, u32::min)
    }

    /// Puts a group in a free place; `false` if there is none.
    fn put(&mut self, key: K, group: u32) -> bool {
        let free = self.groups.iter().position(|group| *group == NONE);
        if let Some(free) = free {
            self.keys[free] = key;
            self.groups[free] = group;
        }
        free.is_some()
    }

    /// Whether it has no group at all.
    #[inline]
    fn is_free(&self) -> bool {
        self.groups[0] == NONE
    }
}

impl<K: Key, const N: usize> GroupIndex<K, N> {
    pub(super) fn new() -> GroupIndex<K, N> {
        let mut index = GroupIndex {
            lines: Vec::new(),
            groups: 0,
            shift: 0,
            seed: RandomState::new().hash_one(0),
        };
        index.rebuild(LEAST_LINES);
        index
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.groups
    }

    /// What it takes of memory.
    pub(super) fn size_bytes(&self) -> usize {
        self.lines.capacity() * size_of::<Line<K, N>>()
    }

    /// The keys of all groups, of which it has none afterwards.
    pub(super) fn take(&mut self) -> Vec<K> {
        let mut keys = vec![K::default(); self.groups];
        for line in &self.lines {
            for (key, group) in line.keys.iter().zip(line.groups) {
                if let Some(place) = keys.get_mut(group as usize) {
                    *place = *key;
                }
            }
        }
        self.groups = 0;
        self.lines.clear();
        self.rebuild(LEAST_LINES);
        keys
    }

    /// Finds the groups of these keys, and makes those that there are not.
    ///
    /// # Errors
    /// When there are more groups than numbers of 32 bits.
    pub(super) fn groups(&mut self, keys: &[K], groups: &mut Vec<usize>) -> Result<()> {
        groups.clear();
        for block in keys.chunks(BLOCK) {
            let needed = self.groups + block.len();
            if needed >= NONE as usize {
                return Err(exec_datafusion_err!("there are too many groups"));
            }
            while needed > self.lines.len() * N / 3 * 2 {
                self.rebuild(self.lines.len() * 2);
            }
            self.block_groups(block, groups);
        }
        Ok(())
    }

    /// In turns. The first one asks for the lines of all keys, and does so little with each
    /// that a core waits for as many at once as it can.
    fn block_groups(&mut self, keys: &[K], groups: &mut Vec<usize>) {
        let mut places = [(0, true); BLOCK];
        for (key, place) in keys.iter().zip(&mut places) {
            let line = self.line_of(*key);
            *place = (line, self.lines[line].is_free());
        }
        let mut found = [NONE; BLOCK];
        for ((key, (line, is_free)), found) in keys.iter().zip(places).zip(&mut found) {
            if !is_free {
                *found = self.lines[line].group(*key);
            }
        }
        groups.extend(keys.iter().zip(found).map(|(key, found)| match found {
            NONE => self.find_or_add(*key),
            group => group as usize,
        }));
    }

    /// The group of a key that is not in its line, or that another of its block has made.
    fn find_or_add(&mut self, key: K) -> usize {
        let mut place = self.line_of(key);
        loop {
            let line = &mut self.lines[place];
            match line.group(key) {
                NONE => {}
                group => return group as usize,
            }
            let group = self.groups;
            if line.put(key, group as u32) {
                self.groups += 1;
                return group;
            }
            place = self.after(place);
        }
    }

    fn rebuild(&mut self, lines: usize) {
        let mut free = huge_vec(lines);
        free.resize(lines, Line::free());
        let before = std::mem::replace(&mut self.lines, free);
        self.shift = u64::BITS - lines.trailing_zeros();
        for line in &before {
            for (key, group) in line.keys.iter().zip(line.groups) {
                if group != NONE {
                    self.put(*key, group);
                }
            }
        }
    }

    /// Puts a group where there is none of this key.
    fn put(&mut self, key: K, group: u32) {
        let mut place = self.line_of(key);
        while !self.lines[place].put(key, group) {
            place = self.after(place);
        }
    }

    #[inline]
    fn line_of(&self, key: K) -> usize {
        let [low, high] = key.halves();
        let hash = mixed(mixed(low ^ self.seed) ^ high);
        (hash >> self.shift) as usize & (self.lines.len() - 1)
    }

    #[inline]
    fn after(&self, place: usize) -> usize {
        (place + 1) & (self.lines.len() - 1)
    }
}

/// All bits of a number in each bit of another.
#[inline]
fn mixed(number: u64) -> u64 {
    let product = u128::from(number) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn check<K: Key + std::hash::Hash, const N: usize>(batches: &[Vec<K>]) {
        let mut index = GroupIndex::<K, N>::new();
        let mut expected: HashMap<K, usize> = HashMap::new();
        let mut groups = Vec::new();
        for batch in batches {
            index.groups(batch, &mut groups).unwrap();
            assert_eq!(groups.len(), batch.len());
            for (key, group) in batch.iter().zip(&groups) {
                let next = expected.len();
                assert_eq!(expected.entry(*key).or_insert(next), group, "{key:?}");
            }
        }
        assert_eq!(index.len(), expected.len());
        let keys = index.take();
        assert!(
            keys.iter()
                .zip(0..)
                .all(|(key, group)| expected[key] == group)
        );
        assert_eq!(index.len(), 0);
        let Some(key) = keys.last() else { return };
        index.groups(&[*key], &mut groups).unwrap();
        assert_eq!(groups, [0]);
    }

    proptest! {
        #[test]
        fn a_key_has_one_group(
            narrow in proptest::collection::vec(proptest::collection::vec(0..200_u64, 0..300), 0..4),
            wide in proptest::collection::vec(
                proptest::collection::vec((0..9_i128, 0..9_i128), 0..300), 0..4),
        ) {
            check::<_, 5>(&narrow);
            let wide: Vec<Vec<_>> = wide
                .iter()
                .map(|keys| keys.iter().map(|(low, high)| low | high << 90).collect())
                .collect();
            check::<_, 3>(&wide);
        }
    }

    #[test]
    fn groups_grow() {
        let keys: Vec<u64> = (0..20_000).map(|key| key % 7_001 * 0x1_0000_0001).collect();
        check::<_, 5>(&[keys.clone(), keys]);
        check::<_, 3>(&[(0..9_000).map(|key| key << 100 | 5).collect::<Vec<i128>>()]);
    }

    #[test]
    fn what_is_taken_is_given_back() {
        let mut index = NarrowIndex::new();
        let empty = index.size_bytes();
        let keys: Vec<u64> = (0..100_000).collect();
        index.groups(&keys, &mut Vec::new()).unwrap();
        assert!(index.size_bytes() > 100_000 * 12);
        assert_eq!(index.take(), keys);
        assert_eq!(index.size_bytes(), empty);
    }
}
