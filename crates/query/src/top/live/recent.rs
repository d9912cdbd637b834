//! A ranking over a window that moves.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::common::ScalarValue;

use crate::error::Error;
use crate::top::choose::Largest;
use crate::top::text::key_text;
use crate::top::{Line, Stat, Totals};

/// What a record brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Amounts {
    pub(super) packets: Option<i128>,
    pub(super) bytes: Option<i128>,
    /// Bytes from the client to the server.
    pub(super) request_bytes: Option<i128>,
    pub(super) start_us: i64,
    pub(super) end_us: Option<i64>,
}

/// Sums of some records in a step.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    totals: Totals,
    request_bytes: Option<i128>,
    first_us: Option<i64>,
    last_us: Option<i64>,
}

impl Sums {
    fn add(&mut self, amounts: &Amounts) {
        self.totals.add(&Totals {
            flows: 1,
            packets: amounts.packets,
            bytes: amounts.bytes,
        });
        if let Some(bytes) = amounts.request_bytes {
            self.request_bytes = Some(self.request_bytes.unwrap_or(0) + bytes);
        }
        self.first_us = [self.first_us, Some(amounts.start_us)]
            .into_iter()
            .flatten()
            .min();
        self.last_us = self.last_us.max(amounts.end_us);
    }

    /// As a line, of which all but the keys are known.
    fn line(&self) -> Line {
        Line {
            totals: self.totals,
            request_bytes: self.request_bytes,
            first_us: self.first_us,
            last_us: self.last_us,
            ..Line::default()
        }
    }
}

/// The records of a step.
#[derive(Debug, Default)]
struct Step {
    /// By the number of their key.
    sums: HashMap<u32, Sums>,
    /// Those of keys that there was no memory for.
    overflow: Sums,
    all: Sums,
}

/// A key, and its sums over the window.
#[derive(Debug)]
struct Slot {
    key: Arc<[u8]>,
    totals: Totals,
    /// Steps that have it; none: the slot is free.
    steps: u32,
    /// Whether a filter of this number lets it through.
    passes: Option<(u32, bool)>,
}

/// What a key takes beside its own bytes, and what it takes in a step: with the tables
/// that lead to it, which are up to twice as large as what is in them.
const SLOT_BYTES: usize = size_of::<Slot>() + 2 * (size_of::<Arc<[u8]>>() + 16);
const SUMS_BYTES: usize = 2 * (size_of::<u32>() + size_of::<Sums>() + 1);

/// The keys of a window.
#[derive(Debug)]
pub(super) struct Recent {
    converter: RowConverter,
    numbers: HashMap<Arc<[u8]>, u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// By the number of the step since 1970.
    steps: BTreeMap<i64, Step>,
    held_bytes: usize,
    max_bytes: usize,
    /// The text that rows are filtered by, and its number.
    filter: (String, u32),
}

impl Recent {
    pub(super) fn new(types: Vec<DataType>, max_bytes: usize) -> Result<Recent, Error> {
        let fields = types.into_iter().map(SortField::new).collect();
        Ok(Recent {
            converter: RowConverter::new(fields)?,
            numbers: HashMap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            steps: BTreeMap::new(),
            held_bytes: 0,
            max_bytes,
            filter: (String::new(), 0),
        })
    }

    /// The keys of records, as they are known by.
    pub(super) fn keys_of(&self, columns: &[ArrayRef]) -> Result<Rows, Error> {
        Ok(self.converter.convert_columns(columns)?)
    }

    pub(super) fn add(&mut self, step: i64, key: &[u8], amounts: &Amounts) {
        let known = self.numbers.get(key).copied();
        let entry = self.steps.entry(step).or_default();
        entry.all.add(amounts);
        let sums = match known.and_then(|number| entry.sums.get_mut(&number)) {
            Some(sums) => sums,
            None => {
                let new_bytes = match known {
                    Some(_) => SUMS_BYTES,
                    None => SUMS_BYTES + SLOT_BYTES + key.len(),
                };
                // A step that has turned a key away takes no other: all of a key's
                // records of a step are counted apart, or none.
                let is_closed = entry.overflow.totals.flows > 0;
                if is_closed || self.held_bytes + new_bytes > self.max_bytes {
                    entry.overflow.add(amounts);
                    return;
                }
                self.held_bytes += new_bytes;
                let number = match known {
                    Some(number) => number,
                    None => new_slot(&mut self.slots, &mut self.free, &mut self.numbers, key),
                };
                self.slots[number as usize].steps += 1;
                entry.sums.entry(number).or_default()
            }
        };
        sums.add(amounts);
        if let Some(number) = self.numbers.get(key) {
            self.slots[*number as usize].totals.add(&Totals {
                flows: 1,
                packets: amounts.packets,
                bytes: amounts.bytes,
            });
        }
    }

    /// Takes out what is older than a step.
    pub(super) fn forget_before(&mut self, first: i64) {
        while let Some(entry) = self.steps.first_entry()
            && *entry.key() < first
        {
            let step = entry.remove();
            for (number, sums) in step.sums {
                self.held_bytes = self.held_bytes.saturating_sub(SUMS_BYTES);
                let slot = &mut self.slots[number as usize];
                slot.totals = slot.totals.without(&sums.totals);
                slot.steps -= 1;
                if slot.steps == 0 {
                    self.held_bytes = self.held_bytes.saturating_sub(SLOT_BYTES + slot.key.len());
                    self.numbers.remove(&slot.key);
                    slot.key = Arc::from([]);
                    slot.totals = Totals::default();
                    slot.passes = None;
                    self.free.push(number);
                }
            }
        }
    }

    /// The largest lines in whose keys there is the text, and how many lines have it, if
    /// a text is given.
    pub(super) fn largest(
        &mut self,
        stat: &Stat,
        filter: &str,
        limit: usize,
        step_s: i64,
    ) -> Result<(Vec<Line>, Option<usize>), Error> {
        let matching = self.apply(stat, filter)?;
        let mut largest = Largest::new(limit);
        for (number, slot) in self.slots.iter().enumerate() {
            let passes = matching.is_none() || slot.passes.is_some_and(|(_, passes)| passes);
            let measure = slot.totals.measure(stat.by);
            if slot.steps > 0 && passes && largest.may_take(measure) {
                let keys = self.values(&[&slot.key])?.remove(0);
                largest.offer(measure, keys, |keys| {
                    self.line(number as u32, keys, stat, step_s)
                });
            }
        }
        Ok((largest.into_lines(), matching))
    }

    /// Finds the keys that have the text, and counts them.
    fn apply(&mut self, stat: &Stat, filter: &str) -> Result<Option<usize>, Error> {
        if filter.is_empty() {
            return Ok(None);
        }
        let filter = filter.to_lowercase();
        if self.filter.0 != filter {
            self.filter = (filter, self.filter.1.wrapping_add(1));
        }
        let (text, generation) = (self.filter.0.clone(), self.filter.1);
        let is_known = |slot: &Slot| slot.passes.is_some_and(|(known, _)| known == generation);
        let unknown: Vec<usize> = (0..self.slots.len())
            .filter(|index| self.slots[*index].steps > 0 && !is_known(&self.slots[*index]))
            .collect();
        let keys: Vec<&Arc<[u8]>> = unknown
            .iter()
            .map(|index| &self.slots[*index].key)
            .collect();
        let values = self.values(&keys)?;
        for (index, values) in unknown.into_iter().zip(values) {
            let has = |place| {
                key_text(stat, &values, place)
                    .to_lowercase()
                    .contains(&text)
            };
            let passes = (0..values.len()).any(has);
            self.slots[index].passes = Some((generation, passes));
        }
        let passing = |slot: &&Slot| slot.steps > 0 && slot.passes == Some((generation, true));
        Ok(Some(self.slots.iter().filter(passing).count()))
    }

    /// The values of keys.
    fn values(&self, keys: &[&Arc<[u8]>]) -> Result<Vec<Vec<ScalarValue>>, Error> {
        let parser = self.converter.parser();
        let rows = keys.iter().map(|key| parser.parse(key));
        let columns = self.converter.convert_rows(rows)?;
        let values = (0..keys.len()).map(|row| -> Result<Vec<ScalarValue>, Error> {
            let values = columns
                .iter()
                .map(|column| ScalarValue::try_from_array(column, row));
            Ok(values.collect::<Result<Vec<_>, _>>()?)
        });
        values.collect()
    }

    /// A key's line, from the steps that have it.
    fn line(&self, number: u32, keys: Vec<ScalarValue>, stat: &Stat, step_s: i64) -> Line {
        let mut line = Line {
            keys,
            ..Line::default()
        };
        for (step, entry) in &self.steps {
            match entry.sums.get(&number) {
                Some(sums) => {
                    let measure = sums.totals.measure(stat.by).unwrap_or(0);
                    let amount = i64::try_from(measure).unwrap_or(i64::MAX);
                    line.add(&sums.line());
                    line.trend.add(step * step_s, amount);
                }
                None if entry.overflow.totals.flows > 0 => line.at_least = true,
                None => {}
            }
        }
        line
    }

    /// All records of the window.
    pub(super) fn total(&self) -> Line {
        let mut total = Line::default();
        for step in self.steps.values() {
            total.add(&step.all.line());
        }
        total
    }

    /// Keys in the window.
    pub(super) fn key_count(&self) -> u64 {
        self.numbers.len() as u64
    }

    /// Whether there are records of keys that are not known.
    pub(super) fn has_overflow(&self) -> bool {
        self.overflow() > 0
    }

    /// Records of keys that there was no memory for.
    pub(super) fn overflow(&self) -> i64 {
        self.steps
            .values()
            .map(|step| step.overflow.totals.flows)
            .sum()
    }
}

fn new_slot(
    slots: &mut Vec<Slot>,
    free: &mut Vec<u32>,
    numbers: &mut HashMap<Arc<[u8]>, u32>,
    key: &[u8],
) -> u32 {
    let key: Arc<[u8]> = Arc::from(key);
    let slot = Slot {
        key: Arc::clone(&key),
        totals: Totals::default(),
        steps: 0,
        passes: None,
    };
    let number = match free.pop() {
        Some(number) => {
            slots[number as usize] = slot;
            number
        }
        None => {
            slots.push(slot);
            // Memory is bounded far below so many.
            (slots.len() - 1) as u32
        }
    };
    numbers.insert(key, number);
    number
}
