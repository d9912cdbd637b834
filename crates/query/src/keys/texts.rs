//! Texts by their numbers.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use datafusion::arrow::array::{Array, StringArray, StringViewArray, TypedDictionaryArray};
use datafusion::arrow::datatypes::UInt32Type;
use datafusion::common::hash_utils::RandomState;
use datafusion::common::{Result, exec_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool, MemoryReservation};
use vpcflow_functions::short_text;
use vpcflow_record::AddressBuilder;

use super::address;
use super::dictionaries::Dictionaries;
use super::memo::Memo;

/// The numbers from here on are not those of addresses: the last sixteenth of all,
/// which are reserved but for the one that means everybody. Their addresses are texts
/// like others.
const FIRST_OTHER: u32 = 0xf000_0000;
/// The number of NULL.
const NULL: u32 = FIRST_OTHER;
/// Of the first text that is no address.
const FIRST_TEXT: u32 = FIRST_OTHER + 1;
/// What a text takes in memory beside its bytes: its place in the map and in the list,
/// and what counts who has it.
const TEXT_BYTES: usize = 80;
/// Memory that is asked for at a time, at least.
const LEAST_GROWTH: usize = 1 << 16;

/// The texts of a grouping and their numbers, for all of its threads.
///
/// An address of IPv4 needs no place here. All other texts are kept until the grouping
/// ends.
pub(super) struct Texts {
    known: RwLock<Known>,
    /// Those that no thread is using.
    memos: Mutex<Vec<Memo>>,
    dictionaries: Dictionaries,
}

struct Known {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    memory: MemoryReservation,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.read().texts.len();
        f.debug_struct("Texts").field("count", &count).finish()
    }
}

impl Texts {
    /// Those of a grouping that takes its memory from here.
    pub(super) fn new(pool: &Arc<dyn MemoryPool>) -> Texts {
        Texts {
            known: RwLock::new(Known {
                numbers: HashMap::default(),
                texts: Vec::new(),
                bytes: 0,
                memory: MemoryConsumer::new("AggregateTexts").register(pool),
            }),
            memos: Mutex::default(),
            dictionaries: Dictionaries::default(),
        }
    }

    /// The numbers of a column of texts.
    ///
    /// # Errors
    /// When there is no memory for more texts.
    pub(super) fn numbers(&self, column: &StringViewArray) -> Result<Vec<u32>> {
        let mut reader = Reader::new(self);
        let mut numbers = Vec::with_capacity(column.len());
        for row in 0..column.len() {
            numbers.push(match column.is_null(row) {
                true => NULL,
                false => reader.number(column, row, short(column, row))?,
            });
        }
        reader.end();
        Ok(numbers)
    }

    /// So many partitions will have one more column with its dictionary.
    pub(super) fn expect_dictionaries(&self, partitions: usize) {
        self.dictionaries.expect(partitions);
    }

    /// The numbers of a column of texts with their dictionary.
    ///
    /// # Errors
    /// As [`Texts::numbers`].
    pub(super) fn coded_numbers(
        &self,
        column: TypedDictionaryArray<'_, UInt32Type, StringArray>,
    ) -> Result<Vec<u32>> {
        let texts = column.values();
        let dictionary = self
            .dictionaries
            .numbers(texts, || self.numbers(&StringViewArray::from(texts)))?;
        let numbers = &dictionary.numbers;
        let codes = column.keys();
        Ok(match codes.nulls() {
            None => {
                let number = |code: &u32| numbers[*code as usize];
                codes.values().iter().map(number).collect()
            }
            Some(_) => {
                let number = |code: Option<u32>| code.map_or(NULL, |code| numbers[code as usize]);
                codes.iter().map(number).collect()
            }
        })
    }

    /// The numbers of the lesser and the greater of two columns' texts, row by row. As
    /// for the functions of SQL, what is NULL is neither, unless both are.
    ///
    /// # Errors
    /// When there is no memory for more texts.
    pub(super) fn ordered_numbers(&self, columns: [&StringViewArray; 2]) -> Result<[Vec<u32>; 2]> {
        let mut reader = Reader::new(self);
        let rows = columns[0].len();
        let mut numbers = [Vec::with_capacity(rows), Vec::with_capacity(rows)];
        for row in 0..rows {
            let [first, second] = match columns.map(|column| column.is_null(row)) {
                [true, true] => {
                    numbers.iter_mut().for_each(|numbers| numbers.push(NULL));
                    continue;
                }
                [true, false] => [columns[1]; 2],
                [false, true] => [columns[0]; 2],
                [false, false] => columns,
            };
            let texts = [short(first, row), short(second, row)];
            let is_greater = match texts {
                // As bytes, and what is longer by zeros is greater.
                [Some((first, first_len)), Some((second, second_len))] => {
                    (u128::from_be(first), first_len) > (u128::from_be(second), second_len)
                }
                _ => first.value(row) > second.value(row),
            };
            let first = reader.number(first, row, texts[0])?;
            let second = reader.number(second, row, texts[1])?;
            let [least, greatest] = match is_greater {
                true => [second, first],
                false => [first, second],
            };
            numbers[0].push(least);
            numbers[1].push(greatest);
        }
        reader.end();
        Ok(numbers)
    }

    /// The texts of these numbers.
    ///
    /// # Errors
    /// When a number is none of a text.
    pub(super) fn texts(
        &self,
        numbers: impl ExactSizeIterator<Item = u32>,
    ) -> Result<StringViewArray> {
        let known = self.read();
        let mut texts = AddressBuilder::with_capacity(numbers.len());
        for number in numbers {
            match number {
                NULL => texts.push_null(),
                0..FIRST_OTHER => texts.push_ipv4(number),
                FIRST_TEXT.. => {
                    let text = known.texts.get((number - FIRST_TEXT) as usize);
                    texts.push_text(text.ok_or_else(|| {
                        exec_datafusion_err!("there is no text of number {number}")
                    })?);
                }
            }
        }
        Ok(texts.finish())
    }

    fn memos(&self) -> MutexGuard<'_, Vec<Memo>> {
        self.memos.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of a text that may be new.
    fn add(&self, text: &str) -> Result<u32> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known.numbers.get(text) {
            return Ok(*number);
        }
        let number = u32::try_from(known.texts.len()).ok();
        let number = number.and_then(|count| count.checked_add(FIRST_TEXT));
        let number =
            number.ok_or_else(|| exec_datafusion_err!("there are too many distinct texts"))?;
        known.bytes += text.len() + TEXT_BYTES;
        let missing = known.bytes.saturating_sub(known.memory.size());
        if missing > 0 {
            let growth = missing.max(LEAST_GROWTH).max(known.bytes / 8);
            known.memory.try_grow(growth)?;
        }
        let text: Arc<str> = text.into();
        known.numbers.insert(Arc::clone(&text), number);
        known.texts.push(text);
        Ok(number)
    }
}

/// The text of a row, and its length, if it is no longer than an address of IPv4.
#[inline]
fn short(column: &StringViewArray, row: usize) -> Option<(u128, u32)> {
    short_text(column.views()[row], column.data_buffers())
}

/// Looks texts up, which others may do at the same time.
struct Reader<'a> {
    memo: Memo,
    others: Others<'a>,
}

/// Texts that are no addresses.
struct Others<'a> {
    texts: &'a Texts,
    known: Option<RwLockReadGuard<'a, Known>>,
}

impl<'a> Reader<'a> {
    fn new(texts: &'a Texts) -> Reader<'a> {
        Reader {
            memo: texts.memos().pop().unwrap_or_else(Memo::new),
            others: Others { texts, known: None },
        }
    }

    /// Leaves what it has learnt to the next.
    fn end(self) {
        self.others.texts.memos().push(self.memo);
    }

    /// The number of a text, which is in a row and may be short.
    #[inline]
    fn number(
        &mut self,
        column: &StringViewArray,
        row: usize,
        short: Option<(u128, u32)>,
    ) -> Result<u32> {
        let Reader { memo, others } = self;
        let Some((text, len)) = short else {
            return others.number(column.value(row));
        };
        memo.number(text, len, || match address::number(text, len) {
            Some(number) if number < FIRST_OTHER => Ok(number),
            _ => others.number(column.value(row)),
        })
    }
}

impl Others<'_> {
    #[inline(never)]
    fn number(&mut self, text: &str) -> Result<u32> {
        let known = self.known.get_or_insert_with(|| self.texts.read());
        if let Some(number) = known.numbers.get(text) {
            return Ok(*number);
        }
        self.known = None;
        self.texts.add(text)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use datafusion::error::DataFusionError;
    use datafusion::execution::memory_pool::{GreedyMemoryPool, UnboundedMemoryPool};
    use proptest::prelude::*;

    use super::*;

    fn unbounded() -> Texts {
        let pool: Arc<dyn MemoryPool> = Arc::new(UnboundedMemoryPool::default());
        Texts::new(&pool)
    }

    fn of_row(texts: &StringViewArray, row: usize) -> Option<&str> {
        (!texts.is_null(row)).then(|| texts.value(row))
    }

    fn some_text() -> impl Strategy<Value = Option<String>> {
        let text = "(25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})(\\.(25[0-5]|1?[0-9]{1,2})){3}|[ab\\x00]{0,2}|\
                    fd00::[0-9a-f]{1,4}:[0-9]|a text that is long, [ab]";
        proptest::option::weighted(0.9, text)
    }

    proptest! {
        #[test]
        fn texts_have_numbers_of_their_own(texts in proptest::collection::vec(some_text(), 0..60)) {
            let column: StringViewArray = texts.iter().map(Option::as_deref).collect();
            let known = unbounded();
            let numbers = known.numbers(&column).unwrap();
            let found = known.texts(numbers.iter().copied()).unwrap();
            prop_assert_eq!(&found, &column);
            for (left, number) in texts.iter().zip(&numbers) {
                for (right, other) in texts.iter().zip(&numbers) {
                    prop_assert_eq!(left == right, number == other);
                }
            }
            // A part of the column, beginning anywhere.
            let from = texts.len() / 3;
            let part = column.slice(from, texts.len() - from);
            let of_part = known.numbers(&part).unwrap();
            prop_assert_eq!(of_part.as_slice(), &numbers[from..]);
        }

        #[test]
        fn the_lesser_comes_first(
            rows in proptest::collection::vec((some_text(), some_text()), 0..60),
        ) {
            let first: StringViewArray = rows.iter().map(|(text, _)| text.as_deref()).collect();
            let second: StringViewArray = rows.iter().map(|(_, text)| text.as_deref()).collect();
            let known = unbounded();
            let [least, greatest] = known.ordered_numbers([&first, &second]).unwrap();
            let least = known.texts(least.into_iter()).unwrap();
            let greatest = known.texts(greatest.into_iter()).unwrap();
            for (row, (first, second)) in rows.iter().enumerate() {
                let both = [first.as_deref(), second.as_deref()];
                let expected = (both.iter().flatten().min(), both.iter().flatten().max());
                let (least, greatest) = (of_row(&least, row), of_row(&greatest, row));
                prop_assert_eq!((least, greatest), (expected.0.copied(), expected.1.copied()));
            }
        }
    }

    #[test]
    fn threads_agree_on_numbers() {
        let texts: Vec<String> = (0..2_000).map(|number| format!("fd00::{number}")).collect();
        let column: StringViewArray = texts.iter().map(|text| Some(text.as_str())).collect();
        let known = unbounded();
        let numbers: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| known.numbers(&column).unwrap()))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(numbers.iter().all(|of_thread| *of_thread == numbers[0]));
        assert_eq!(known.texts(numbers[0].iter().copied()).unwrap(), column);
    }

    #[test]
    fn texts_are_accounted_for() {
        let pool: Arc<dyn MemoryPool> = Arc::new(GreedyMemoryPool::new(1_000_000));
        let known = Texts::new(&pool);
        let column = |numbers: std::ops::Range<u32>| -> StringViewArray {
            numbers
                .map(|number| Some(format!("fd00::{number:08x}")))
                .collect()
        };
        known.numbers(&column(0..1_000)).unwrap();
        let reserved = pool.reserved();
        assert!((90_000..200_000).contains(&reserved), "{reserved}");
        // Addresses of IPv4 take nothing.
        let addresses: StringViewArray = (0..5_000_u32)
            .map(|number| Some(std::net::Ipv4Addr::from(number).to_string()))
            .collect();
        known.numbers(&addresses).unwrap();
        assert_eq!(pool.reserved(), reserved);
        let error = known.numbers(&column(0..100_000)).unwrap_err();
        assert!(
            matches!(error, DataFusionError::ResourcesExhausted(_)),
            "{error}"
        );
        drop(known);
        assert_eq!(pool.reserved(), 0);
    }

    #[test]
    fn a_number_of_nothing_is_told() {
        let error = unbounded().texts([FIRST_TEXT].into_iter()).unwrap_err();
        assert!(
            error.to_string().contains("there is no text of number"),
            "{error}"
        );
    }
}
