//! Dictionaries of a column chunk: each value once, known by its code.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, ArrayRef, Int32Array, StringViewArray};
use arrow_schema::DataType;
use parquet::bloom_filter::Sbbf;

use super::chunk::Bounds;

/// Stands for NULL among codes.
pub(super) const NULL: u32 = u32::MAX;

/// A dictionary takes no more bytes than this: readers hold it.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// Rows after which a dictionary must have shown its worth.
const TRIAL_ROWS: usize = 16 * 1024;

/// Text up to this length is inside of its view.
const INLINE_BYTES: u32 = 12;

/// Slots of the smallest table.
const LEAST_SLOTS: usize = 1024;

/// The values of one chunk, of a type that has dictionaries.
#[derive(Debug)]
pub(super) enum Dictionary {
    Text(TextDictionary),
    Numbers(NumberDictionary),
}

impl Dictionary {
    /// `None` for types that have none.
    pub(super) fn of(data_type: &DataType) -> Option<Dictionary> {
        match data_type {
            DataType::Utf8View => Some(Dictionary::Text(TextDictionary::new())),
            DataType::Int32 => Some(Dictionary::Numbers(NumberDictionary::new())),
            _ => None,
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Dictionary::Text(text) => text.keys.len(),
            Dictionary::Numbers(numbers) => numbers.values.len(),
        }
    }

    /// Appends the code of each row, [`NULL`] where it has no value. `false`: there
    /// are too many values, and a dictionary is of no use.
    pub(super) fn add(&mut self, rows: &ArrayRef, codes: &mut Vec<u32>) -> bool {
        codes.reserve(rows.len());
        match self {
            Dictionary::Text(text) => text.add(rows.as_string_view(), codes),
            Dictionary::Numbers(numbers) => numbers.add(rows.as_primitive::<Int32Type>(), codes),
        }
    }

    /// The bounds of the numbers with these codes; `None` for text, of which only a
    /// whole chunk has bounds: those of a page take longer than its codes.
    pub(super) fn bounds_of(&self, codes: &[u32]) -> Option<Bounds> {
        let Dictionary::Numbers(numbers) = self else {
            return None;
        };
        let values = || codes.iter().map(|code| numbers.values[*code as usize]);
        Some(Bounds::Number(
            values().min()?.into(),
            values().max()?.into(),
        ))
    }

    /// The bounds of all text.
    pub(super) fn text_bounds(&self) -> Option<Bounds> {
        let Dictionary::Text(text) = self else {
            return None;
        };
        let values = || (0..text.keys.len()).map(|code| text.text(code));
        Some(Bounds::Text(
            values().min()?.to_vec(),
            values().max()?.to_vec(),
        ))
    }

    /// A Bloom filter of all values, with 6 to 12 bits for each: of ten values that are
    /// not there, one at most may seem to be.
    pub(super) fn filter(&self) -> Sbbf {
        let bytes = (self.len() * 3 / 4).next_power_of_two();
        let mut filter = Sbbf::new_with_num_of_bytes(bytes);
        match self {
            Dictionary::Text(text) => {
                (0..text.keys.len()).for_each(|code| filter.insert(text.text(code)));
            }
            Dictionary::Numbers(numbers) => {
                numbers.values.iter().for_each(|value| filter.insert(value));
            }
        }
        filter
    }

    /// All values, as a dictionary page has them.
    pub(super) fn into_page(self) -> Vec<u8> {
        match self {
            Dictionary::Text(text) => text.page,
            Dictionary::Numbers(numbers) => {
                let bytes = numbers.values.iter().flat_map(|value| value.to_le_bytes());
                bytes.collect()
            }
        }
    }
}

/// Values of text.
pub(super) struct TextDictionary {
    /// Codes plus 1 in the low half, hashes in the high one. 0: free.
    slots: Vec<u64>,
    /// Of each code: the view of short text; length, beginning and hash of other.
    keys: Vec<u128>,
    /// Of each code: where its text ends in `page`.
    ends: Vec<usize>,
    /// As a dictionary page has them: each after its length.
    page: Vec<u8>,
    /// Nobody who writes records knows it, so that none can make all collide.
    seed: [u64; 2],
    rows: usize,
}

impl std::fmt::Debug for TextDictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextDictionary")
            .field("values", &self.keys.len())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl TextDictionary {
    fn new() -> TextDictionary {
        let state = RandomState::new();
        TextDictionary {
            slots: vec![0; LEAST_SLOTS],
            keys: Vec::new(),
            ends: Vec::new(),
            page: Vec::new(),
            seed: [state.hash_one(0) | 1, state.hash_one(1) | 1],
            rows: 0,
        }
    }

    fn add(&mut self, text: &StringViewArray, codes: &mut Vec<u32>) -> bool {
        let views = text.views();
        let nulls = text.nulls().filter(|nulls| nulls.null_count() > 0);
        // Neighbours are often the same.
        let mut last = (0, NULL);
        for (row, view) in views.iter().enumerate() {
            let code = if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                NULL
            } else if *view as u32 > INLINE_BYTES {
                self.code_of_long(text.value(row).as_bytes(), *view)
            } else if last.0 == *view && last.1 != NULL {
                last.1
            } else {
                let code = self.code_of_short(*view);
                last = (*view, code);
                code
            };
            codes.push(code);
        }
        self.rows += text.len();
        let is_varied = self.rows >= TRIAL_ROWS && self.keys.len() > self.rows / 2;
        !is_varied && self.page.len() <= MAX_BYTES
    }

    fn code_of_short(&mut self, view: u128) -> u32 {
        let hash = fold(
            view as u64 ^ self.seed[0],
            (view >> 64) as u64 ^ self.seed[1],
        );
        let length = view as u32 as usize;
        let bytes = view.to_le_bytes();
        let text = &bytes[4..4 + length.min(INLINE_BYTES as usize)];
        self.code(hash, view, text, true)
    }

    fn code_of_long(&mut self, text: &[u8], view: u128) -> u32 {
        let hash = self.hash(text);
        let key = u128::from(view as u64) | u128::from(hash) << 64;
        self.code(hash, key, text, false)
    }

    /// A key of short text is all of it.
    #[inline]
    fn code(&mut self, hash: u64, key: u128, text: &[u8], is_whole: bool) -> u32 {
        let mask = self.slots.len() - 1;
        let tag = hash >> 32;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots[at];
            if slot == 0 {
                break;
            }
            let code = (slot as u32 - 1) as usize;
            if slot >> 32 == tag && self.keys[code] == key && (is_whole || self.text(code) == text)
            {
                return code as u32;
            }
            at = (at + 1) & mask;
        }
        self.insert(at, tag, key, text)
    }

    #[cold]
    fn insert(&mut self, at: usize, tag: u64, key: u128, text: &[u8]) -> u32 {
        let code = self.keys.len() as u32;
        self.slots[at] = tag << 32 | u64::from(code + 1);
        self.keys.push(key);
        self.page
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.page.extend_from_slice(text);
        self.ends.push(self.page.len());
        if self.keys.len() * 2 > self.slots.len() {
            self.grow();
        }
        code
    }

    fn grow(&mut self) {
        let mask = self.slots.len() * 4 - 1;
        let mut slots = vec![0; mask + 1];
        for code in 0..self.keys.len() {
            let key = self.keys[code];
            let hash = match key as u32 > INLINE_BYTES {
                true => (key >> 64) as u64,
                false => fold(key as u64 ^ self.seed[0], (key >> 64) as u64 ^ self.seed[1]),
            };
            let mut at = hash as usize & mask;
            while slots[at] != 0 {
                at = (at + 1) & mask;
            }
            slots[at] = hash >> 32 << 32 | (code as u64 + 1);
        }
        self.slots = slots;
    }

    fn text(&self, code: usize) -> &[u8] {
        let start = match code.checked_sub(1) {
            Some(before) => self.ends[before],
            None => 0,
        };
        &self.page[start + 4..self.ends[code]]
    }

    /// Of text that has 8 bytes at least.
    fn hash(&self, text: &[u8]) -> u64 {
        let mut hash = self.seed[0] ^ text.len() as u64;
        let mut rest = text;
        while let Some((part, after)) = rest.split_first_chunk::<16>() {
            if after.is_empty() {
                break;
            }
            let (low, high) = halves(u128::from_le_bytes(*part));
            hash = fold(hash ^ low, self.seed[1] ^ high);
            rest = after;
        }
        let first = rest.first_chunk().or(text.first_chunk());
        let first = first.map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let last = text
            .last_chunk()
            .map_or(0, |bytes| u64::from_le_bytes(*bytes));
        fold(hash ^ first, self.seed[1] ^ last)
    }
}

fn halves(number: u128) -> (u64, u64) {
    (number as u64, (number >> 64) as u64)
}

fn fold(a: u64, b: u64) -> u64 {
    let (low, high) = halves(u128::from(a) * u128::from(b));
    low ^ high
}

/// Values of small numbers.
#[derive(Debug)]
pub(super) struct NumberDictionary {
    /// Codes plus 1 of the numbers below its length.
    small: Vec<u32>,
    others: HashMap<i32, u32>,
    values: Vec<i32>,
    rows: usize,
}

impl NumberDictionary {
    fn new() -> NumberDictionary {
        NumberDictionary {
            small: vec![0; 256],
            others: HashMap::new(),
            values: Vec::new(),
            rows: 0,
        }
    }

    fn add(&mut self, numbers: &Int32Array, codes: &mut Vec<u32>) -> bool {
        let nulls = numbers.nulls().filter(|nulls| nulls.null_count() > 0);
        for (row, number) in numbers.values().iter().enumerate() {
            let code = if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                NULL
            } else {
                match self.small.get(*number as usize) {
                    Some(code) if *code > 0 => code - 1,
                    _ => self.find(*number),
                }
            };
            codes.push(code);
        }
        self.rows += numbers.len();
        let is_varied = self.rows >= TRIAL_ROWS && self.values.len() > self.rows / 2;
        !is_varied && self.values.len() * size_of::<i32>() <= MAX_BYTES
    }

    #[cold]
    fn find(&mut self, number: i32) -> u32 {
        let next = self.values.len() as u32;
        let code = match self.small.get_mut(number as usize) {
            Some(code) => {
                *code = next + 1;
                next
            }
            None => *self.others.entry(number).or_insert(next),
        };
        if code == next {
            self.values.push(number);
        }
        code
    }
}
