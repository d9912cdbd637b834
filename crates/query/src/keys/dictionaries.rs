//! Dictionaries of texts with the numbers of their texts.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::StringArray;
use datafusion::common::Result;

/// Dictionaries that came lately.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    lately: Mutex<VecDeque<Arc<Dictionary>>>,
    /// How many are kept.
    room: AtomicUsize,
}

/// The texts of a dictionary and their numbers.
#[derive(Debug)]
pub(super) struct Dictionary {
    texts: StringArray,
    pub(super) numbers: Vec<u32>,
}

impl Dictionaries {
    /// So many partitions will have one more column. Each has one dictionary at a time,
    /// which its reader keeps as well; with two, what one is done with leaves those of others.
    pub(super) fn expect(&self, partitions: usize) {
        self.room.fetch_add(2 * partitions, Ordering::Relaxed);
    }

    /// The numbers of these texts. `find` finds them if they did not come lately.
    ///
    /// # Errors
    /// As `find`.
    pub(super) fn numbers(
        &self,
        texts: &StringArray,
        find: impl FnOnce() -> Result<Vec<u32>>,
    ) -> Result<Arc<Dictionary>> {
        let known = |dictionary: &&Arc<Dictionary>| is_same(&dictionary.texts, texts);
        if let Some(dictionary) = self.lately().iter().find(known) {
            return Ok(Arc::clone(dictionary));
        }
        let dictionary = Arc::new(Dictionary {
            texts: texts.clone(),
            numbers: find()?,
        });
        let mut lately = self.lately();
        let room = self.room.load(Ordering::Relaxed).max(1);
        lately.truncate(room - 1);
        lately.push_front(Arc::clone(&dictionary));
        Ok(dictionary)
    }

    fn lately(&self) -> MutexGuard<'_, VecDeque<Arc<Dictionary>>> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether these are the same texts in memory. What is kept stays in its place, so that
/// no others come to be there.
fn is_same(one: &StringArray, other: &StringArray) -> bool {
    one.offsets().ptr_eq(other.offsets()) && one.values().ptr_eq(other.values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_numbered_once() {
        let dictionaries = Dictionaries::default();
        dictionaries.expect(2);
        let texts = StringArray::from(vec!["a", "b"]);
        let numbers = |texts: &StringArray, found: Option<u32>| {
            let find = || Ok(vec![found.expect("it is not looked for")]);
            dictionaries.numbers(texts, find).unwrap().numbers[0]
        };
        assert_eq!(numbers(&texts, Some(7)), 7);
        assert_eq!(numbers(&texts.clone(), None), 7);
        // Others with the same text, and a part.
        assert_eq!(numbers(&StringArray::from(vec!["a", "b"]), Some(8)), 8);
        assert_eq!(numbers(&texts.slice(1, 1), Some(9)), 9);
        for number in 0..4 {
            let texts = StringArray::from(vec![format!("{number}")]);
            assert_eq!(numbers(&texts, Some(number)), number);
        }
        assert_eq!(numbers(&texts, Some(10)), 10);
    }

    #[test]
    fn what_was_not_found_is_looked_for_again() {
        let dictionaries = Dictionaries::default();
        let texts = StringArray::from(vec!["a"]);
        let fails = || datafusion::common::exec_err!("no");
        dictionaries.numbers(&texts, fails).unwrap_err();
        let found = dictionaries.numbers(&texts, || Ok(vec![1])).unwrap();
        assert_eq!(found.numbers, [1]);
    }
}
