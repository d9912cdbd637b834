//! Which objects were read, as a value that can be kept.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which objects of a bucket were read.
///
/// Of each a 128-bit hash of its key, entity tag and size is kept, by the directory
/// that it is in: an object that is written anew under an old key is another one. It
/// takes 22 bytes an object, and is never guessed from times or from the order of
/// keys: AWS delivers late, and others copy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsCheckpoint {
    directories: BTreeMap<String, Identities>,
}

/// What one delivery adds to an [`ObjectsCheckpoint`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectsDelta {
    directories: BTreeMap<String, Identities>,
}

/// Hashes of objects; 16 bytes each in base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Identities(BTreeSet<u128>);

impl ObjectsDelta {
    /// One object was read.
    pub(super) fn of(directory: &str, identity: u128) -> ObjectsDelta {
        let identities = Identities([identity].into());
        ObjectsDelta {
            directories: [(directory.to_owned(), identities)].into(),
        }
    }

    /// Whether applying it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.directories.is_empty()
    }
}

impl ObjectsCheckpoint {
    /// Moves the checkpoint by one delivery.
    pub fn apply(&mut self, delta: &ObjectsDelta) {
        for (directory, added) in &delta.directories {
            match self.directories.get_mut(directory) {
                Some(known) => known.0.extend(&added.0),
                None => drop(self.directories.insert(directory.clone(), added.clone())),
            }
        }
    }

    /// How many objects were read.
    pub fn objects(&self) -> usize {
        self.directories.values().map(|known| known.0.len()).sum()
    }

    pub(super) fn has(&self, directory: &str, identity: u128) -> bool {
        let known = self.directories.get(directory);
        known.is_some_and(|known| known.0.contains(&identity))
    }
}

impl Serialize for Identities {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|identity| identity.to_be_bytes())
            .collect();
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Identities {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Identities, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD_NO_PAD.decode(text).map_err(D::Error::custom)?;
        let (identities, rest) = bytes.as_chunks::<16>();
        if !rest.is_empty() {
            return Err(D::Error::custom("hashes of objects are cut off"));
        }
        let identities = identities.iter().map(|bytes| u128::from_be_bytes(*bytes));
        Ok(Identities(identities.collect()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_checkpoint_is_what_was_applied(
            objects in prop::collection::vec(("[ab](/[cd]){0,2}", any::<u128>()), 0..40),
        ) {
            let mut checkpoint = ObjectsCheckpoint::default();
            for (directory, identity) in &objects {
                let delta = ObjectsDelta::of(directory, *identity);
                let json = serde_json::to_string(&delta).unwrap();
                checkpoint.apply(&serde_json::from_str(&json).unwrap());
            }
            let json = serde_json::to_string(&checkpoint).unwrap();
            let read: ObjectsCheckpoint = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&read, &checkpoint);
            for (directory, identity) in &objects {
                prop_assert!(read.has(directory, *identity));
                prop_assert!(!read.has(directory, identity.wrapping_add(1)) || objects.len() > 1);
                prop_assert!(!read.has("e", *identity));
            }
            let distinct: BTreeSet<_> = objects.iter().collect();
            prop_assert_eq!(read.objects(), distinct.len());
        }
    }

    #[test]
    fn an_object_takes_22_bytes() {
        let mut checkpoint = ObjectsCheckpoint::default();
        for identity in 0..3_000_u128 {
            checkpoint.apply(&ObjectsDelta::of("AWSLogs", identity));
        }
        let json = serde_json::to_string(&checkpoint).unwrap();
        assert!(json.len() < 3_000 * 22, "{}", json.len());
        let cut = r#"{"directories":{"a":"AAAA"}}"#;
        let error = serde_json::from_str::<ObjectsCheckpoint>(cut).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("hashes of objects are cut off"),
            "{error}"
        );
    }
}
