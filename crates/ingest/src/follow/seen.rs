//! Which events were seen, by 128-bit hashes of their ids.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::audit::Digest;

/// Hashes the identity of an event to 128 bits, so that the ids themselves need
/// not be kept: among a thousand million events, the chance that any two agree
/// is below 10⁻²⁰.
///
/// The hash is the same in every process and version: checkpoints hold sums of
/// it. The ids are the service's, so nobody can choose them to collide.
pub(super) fn identity(stream: &str, event_id: &str) -> u128 {
    let mut hasher = SipHasher13::new();
    hasher.write(stream.as_bytes());
    // No name has this byte, so that no two identities are one text.
    hasher.write_u8(0xff);
    hasher.write(event_id.as_bytes());
    hasher.finish128().as_u128()
}

/// A hash of a hash is the hash.
#[derive(Debug, Default)]
pub(super) struct Already(u64);

impl Hasher for Already {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

pub(super) type Hashes = HashSet<u128, BuildHasherDefault<Already>>;

/// The events of one bucket: 16 bytes each, once a reading has ended.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of readings that have ended, in order.
    sorted: Vec<u128>,
    /// Of the reading in progress.
    recent: Hashes,
}

impl Seen {
    /// Notes an event; `false` if it was seen before.
    pub(super) fn insert(&mut self, hash: u128) -> bool {
        self.sorted.binary_search(&hash).is_err() && self.recent.insert(hash)
    }

    pub(super) fn len(&self) -> usize {
        self.sorted.len() + self.recent.len()
    }

    /// Lets go of the memory that only a reading in progress needs.
    pub(super) fn pack(&mut self) {
        if !self.recent.is_empty() {
            self.sorted.reserve_exact(self.recent.len());
            self.sorted.extend(std::mem::take(&mut self.recent));
            // Two runs, one of them in order: close to a merge.
            self.sorted.sort();
        }
    }

    pub(super) fn digest(&self) -> Digest {
        let mut digest = Digest::default();
        for hash in self.sorted.iter().chain(&self.recent) {
            digest.add(*hash);
        }
        digest
    }
}

/// Events that were committed before a restart. Each is forgotten when it is
/// met again, since its bucket knows it from then on: together they take as
/// much memory as before the restart.
#[derive(Debug, Default)]
pub(super) struct Committed {
    /// By the first byte of the hash, so that memory is given back in pieces.
    shards: Vec<Shard>,
}

#[derive(Debug, Default)]
struct Shard {
    /// In order.
    hashes: Vec<u128>,
    /// Those met since `hashes` was last cleared of them: their indexes.
    met: Vec<bool>,
    met_count: usize,
}

impl Committed {
    pub(super) fn new(hashes: impl IntoIterator<Item = u128>) -> Committed {
        let mut committed = Committed::default();
        for hash in hashes {
            if committed.shards.is_empty() {
                committed.shards.resize_with(256, Shard::default);
            }
            committed.shards[usize::from((hash >> 120) as u8)]
                .hashes
                .push(hash);
        }
        for shard in &mut committed.shards {
            shard.hashes.sort_unstable();
            shard.hashes.dedup();
            shard.hashes.shrink_to_fit();
        }
        committed
    }

    /// Whether the event was committed and not met since.
    pub(super) fn take(&mut self, hash: u128) -> bool {
        match self.shards.get_mut(usize::from((hash >> 120) as u8)) {
            Some(shard) => shard.take(hash),
            None => false,
        }
    }

    pub(super) fn len(&self) -> usize {
        let lens = self.shards.iter();
        lens.map(|shard| shard.hashes.len() - shard.met_count).sum()
    }
}

impl Shard {
    fn take(&mut self, hash: u128) -> bool {
        let Ok(index) = self.hashes.binary_search(&hash) else {
            return false;
        };
        self.met.resize(self.hashes.len(), false);
        if std::mem::replace(&mut self.met[index], true) {
            return false;
        }
        self.met_count += 1;
        if self.met_count * 4 > self.hashes.len() {
            let mut met = std::mem::take(&mut self.met).into_iter();
            self.hashes.retain(|_| !met.next().unwrap_or(false));
            self.hashes.shrink_to_fit();
            self.met_count = 0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_its_stream_and_its_id() {
        assert_eq!(identity("a", "1"), identity("a", "1"));
        assert_ne!(identity("a", "1"), identity("b", "1"));
        assert_ne!(identity("a", "1"), identity("a1", ""));
        // Sums of hashes stand in checkpoints.
        assert_eq!(
            identity("eni-1-all", "0"),
            18_728_778_470_533_482_932_542_063_923_378_713_772,
        );
    }

    #[test]
    fn seen_events_are_known_after_packing() {
        let mut seen = Seen::default();
        for round in 0..3_u128 {
            for number in 0..1_000_u128 {
                let hash = identity("s", &(round * 500 + number).to_string());
                assert_eq!(seen.insert(hash), round == 0 || number >= 500);
            }
            let digest = seen.digest();
            seen.pack();
            assert_eq!(seen.digest(), digest);
            assert!(seen.recent.capacity() == 0);
        }
        assert_eq!(seen.len(), 2_000);
    }

    #[test]
    fn a_committed_event_is_met_once() {
        let hashes = || (0..10_000).map(|number| identity("s", &number.to_string()));
        let mut committed = Committed::new(hashes().chain(hashes()));
        assert_eq!(committed.len(), 10_000);
        assert!(!committed.take(identity("s", "x")));
        for (number, hash) in hashes().enumerate() {
            assert!(committed.take(hash), "{number}");
            assert!(!committed.take(hash), "{number}");
        }
        assert_eq!(committed.len(), 0);
        assert!(
            committed
                .shards
                .iter()
                .all(|shard| shard.hashes.capacity() == 0)
        );
        assert!(!Committed::default().take(1));
    }
}
