//! What settled event time held, to see a day later whether more has come.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// Events that one audit looks at, at most: if it finds more than there were,
/// the ids of them all have to be held for a moment.
const MAX_UNIT_EVENTS: u64 = 1_000_000;
/// Event time that one audit looks at, at most.
const MAX_UNIT_MS: i64 = 60 * 60_000;

/// How many events there are, and the sum of the 128-bit hashes of their ids:
/// two sets of events that agree in both are the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Digest {
    pub(super) events: u64,
    /// Modulo 2¹²⁸, so that digests of neighbours can be added.
    #[serde(with = "hex")]
    sum: u128,
}

impl Digest {
    pub(super) fn add(&mut self, hash: u128) {
        self.events += 1;
        self.sum = self.sum.wrapping_add(hash);
    }

    pub(super) fn merge(self, other: Digest) -> Digest {
        Digest {
            events: self.events + other.events,
            sum: self.sum.wrapping_add(other.sum),
        }
    }
}

/// Settled event time that waits for its audit, in units of up to an hour or a
/// million events.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Unit>", into = "Vec<Unit>")]
pub(super) struct Audits {
    /// By their starts.
    units: BTreeMap<i64, (i64, Digest)>,
}

impl Audits {
    /// Adds settled event time, to the unit before it while that is small.
    pub(super) fn add(&mut self, range: Range<i64>, digest: Digest) {
        if let Some((start, (end, before))) = self.units.range_mut(..range.start).next_back() {
            let merged = before.merge(digest);
            let fits = merged.events <= MAX_UNIT_EVENTS && range.end - *start <= MAX_UNIT_MS;
            if *end == range.start && fits {
                *end = range.end;
                *before = merged;
                return;
            }
        }
        self.units.insert(range.start, (range.end, digest));
    }

    /// Takes a unit away, if it is still the same.
    pub(super) fn remove(&mut self, range: &Range<i64>) {
        if self
            .units
            .get(&range.start)
            .is_some_and(|(end, _)| *end == range.end)
        {
            self.units.remove(&range.start);
        }
    }

    /// The oldest unit.
    pub(super) fn first(&self) -> Option<(Range<i64>, Digest)> {
        let (start, (end, digest)) = self.units.first_key_value()?;
        Some((*start..*end, *digest))
    }
}

/// A unit as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Unit {
    start_ms: i64,
    end_ms: i64,
    #[serde(flatten)]
    digest: Digest,
}

impl From<Vec<Unit>> for Audits {
    fn from(units: Vec<Unit>) -> Audits {
        let units = units
            .into_iter()
            .map(|unit| (unit.start_ms, (unit.end_ms, unit.digest)));
        Audits {
            units: units.collect(),
        }
    }
}

impl From<Audits> for Vec<Unit> {
    fn from(audits: Audits) -> Vec<Unit> {
        let units = audits.units.into_iter();
        units
            .map(|(start_ms, (end_ms, digest))| Unit {
                start_ms,
                end_ms,
                digest,
            })
            .collect()
    }
}

/// 128 bits as text: JSON's numbers are not made for them.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(sum: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{sum:032x}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(hashes: impl IntoIterator<Item = u128>) -> Digest {
        let mut digest = Digest::default();
        for hash in hashes {
            digest.add(hash);
        }
        digest
    }

    #[test]
    fn neighbours_are_audited_together_while_they_are_small() {
        let mut audits = Audits::default();
        audits.add(0..10, digest([1, 2]));
        audits.add(10..20, digest([u128::MAX]));
        assert_eq!(audits.first(), Some((0..20, digest([u128::MAX, 2, 1]))));
        audits.add(30..40, digest([]));
        let many = Digest {
            events: MAX_UNIT_EVENTS,
            sum: 7,
        };
        audits.add(20..30, many);
        assert_eq!(audits.units.len(), 3);
        let json = serde_json::to_string(&audits).unwrap();
        assert_eq!(serde_json::from_str::<Audits>(&json).unwrap(), audits);

        audits.remove(&(0..10));
        assert_eq!(audits.units.len(), 3, "it is another unit by now");
        audits.remove(&(0..20));
        assert_eq!(audits.first(), Some((20..30, many)));
    }
}
