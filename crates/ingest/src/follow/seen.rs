//! Which events were seen, by hashes of their ids.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use siphasher::sip128::{Hasher128, SipHasher13};

use super::audit::Digest;

/// Hashes the identity of an event to 128 bits.
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

/// What is kept of an event, so that its id need not be: 96 bits of its hash.
/// Among a hundred million events, more than any group has in its lateness, the
/// chance that any two agree is below 10⁻¹³. Parts of 32 bits take 12 bytes, not 16.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u32; 3]);

impl Key {
    pub(super) fn of(hash: u128) -> Key {
        Key([96, 64, 32].map(|shift| (hash >> shift) as u32))
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [_, middle, low] = self.0;
        state.write_u64(u64::from(middle) << 32 | u64::from(low));
    }
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

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) type Keys = HashSet<Key, BuildHasherDefault<Already>>;

/// The events of one bucket: 12 bytes each, once a reading has ended.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Of readings that have ended, in order.
    sorted: Vec<Key>,
    /// Of the reading in progress.
    recent: Keys,
    /// Of all.
    digest: Digest,
}

impl Seen {
    /// Notes an event by its hash; `false` if it was seen before.
    pub(super) fn insert(&mut self, hash: u128) -> bool {
        let key = Key::of(hash);
        let is_new = self.sorted.binary_search(&key).is_err() && self.recent.insert(key);
        if is_new {
            self.digest.add(hash);
        }
        is_new
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
        self.digest
    }
}

/// Events that are durable already, such as those committed before a restart: 12
/// bytes each, by the hash of stream and id. Each is forgotten when it is met
/// again, so that those of a restart take as much memory, together with what the
/// follower then knows of them, as before it.
///
/// ```
/// use vpcflow_ingest::CommittedEvents;
///
/// let mut events = CommittedEvents::default();
/// events.add("eni-1235b8ca123456789-all", "31953106606966983378809025079804211143289615424298221568");
/// assert_eq!(events.len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct CommittedEvents {
    /// By the first byte of the hash, so that memory is taken and given back in
    /// pieces.
    shards: Vec<Shard>,
}

/// Memory is given back when one key in so many was met: until then it is held
/// twice, here and by the follower.
const MET_PART: usize = 16;

#[derive(Debug, Default)]
struct Shard {
    /// In order, once one was looked for.
    keys: Vec<Key>,
    is_sorted: bool,
    /// The indexes of those met since `keys` was last cleared of them, as bits.
    met: Vec<u64>,
    met_count: usize,
}

impl CommittedEvents {
    /// Adds an event of this log stream with this id; again does no harm.
    pub fn add(&mut self, stream: &str, event_id: &str) {
        if self.shards.is_empty() {
            self.shards.resize_with(256, Shard::default);
        }
        let key = Key::of(identity(stream, event_id));
        self.shards[shard_of(key)].add(key);
    }

    /// Whether the event is among them; it is not from then on.
    pub fn take(&mut self, stream: &str, event_id: &str) -> bool {
        self.take_hash(identity(stream, event_id))
    }

    /// How many there are. One that was added twice may count twice until an event
    /// was taken.
    pub fn len(&self) -> usize {
        let lens = self.shards.iter();
        lens.map(|shard| shard.keys.len() - shard.met_count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn take_hash(&mut self, hash: u128) -> bool {
        let key = Key::of(hash);
        match self.shards.get_mut(shard_of(key)) {
            Some(shard) => shard.take(key),
            None => false,
        }
    }

    /// Those that were not taken, in no order.
    pub(super) fn into_keys(self) -> Keys {
        let shards = self.shards.into_iter();
        shards.flat_map(Shard::into_keys).collect()
    }
}

/// From pairs of log stream and event id.
impl<S: AsRef<str>, I: AsRef<str>> FromIterator<(S, I)> for CommittedEvents {
    fn from_iter<T: IntoIterator<Item = (S, I)>>(events: T) -> CommittedEvents {
        let mut committed = CommittedEvents::default();
        for (stream, event_id) in events {
            committed.add(stream.as_ref(), event_id.as_ref());
        }
        committed
    }
}

fn shard_of(key: Key) -> usize {
    (key.0[0] >> 24) as usize
}

impl Shard {
    fn add(&mut self, key: Key) {
        if self.keys.len() == self.keys.capacity() {
            // By an eighth rather than to the double: there may be a gigabyte.
            let room = self.keys.len() / 8 + 64;
            self.keys.reserve_exact(room);
        }
        self.clear_met();
        self.keys.push(key);
        self.is_sorted = false;
    }

    fn take(&mut self, key: Key) -> bool {
        if !self.is_sorted {
            self.keys.sort_unstable();
            self.keys.dedup();
            self.keys.shrink_to_fit();
            self.is_sorted = true;
        }
        let Ok(index) = self.keys.binary_search(&key) else {
            return false;
        };
        self.met.resize(self.keys.len().div_ceil(64), 0);
        let (word, bit) = (index / 64, 1 << (index % 64));
        if self.met[word] & bit != 0 {
            return false;
        }
        self.met[word] |= bit;
        self.met_count += 1;
        if self.met_count * MET_PART > self.keys.len() {
            self.clear_met();
            self.keys.shrink_to_fit();
        }
        true
    }

    fn into_keys(mut self) -> Vec<Key> {
        self.clear_met();
        self.keys
    }

    fn clear_met(&mut self) {
        if self.met_count > 0 {
            let met = std::mem::take(&mut self.met);
            let mut index = 0;
            self.keys.retain(|_| {
                let is_met = met[index / 64] >> (index % 64) & 1 == 1;
                index += 1;
                !is_met
            });
            self.met_count = 0;
        }
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
        let ids = || (0..10_000).map(|number: u32| ("s", number.to_string()));
        let mut committed: CommittedEvents = ids().chain(ids()).collect();
        assert!(!committed.take("s", "x"));
        for (stream, id) in ids() {
            assert!(committed.take(stream, &id), "{id}");
            assert!(!committed.take(stream, &id), "{id}");
        }
        assert!(committed.is_empty());
        assert!(
            committed
                .shards
                .iter()
                .all(|shard| shard.keys.capacity() == 0)
        );
        assert!(!CommittedEvents::default().take("s", "1"));
    }

    #[test]
    fn events_that_were_not_taken_stay_when_others_are_added() {
        let mut committed: CommittedEvents =
            [("a", "1"), ("a", "2"), ("b", "1")].into_iter().collect();
        assert!(committed.take("a", "1"));
        committed.add("c", "1");
        assert!(!committed.take("a", "1"));
        let keys = committed.into_keys();
        let expected = [("a", "2"), ("b", "1"), ("c", "1")];
        let expected: Keys = expected
            .map(|(stream, id)| Key::of(identity(stream, id)))
            .into_iter()
            .collect();
        assert_eq!(keys, expected);
    }
}
