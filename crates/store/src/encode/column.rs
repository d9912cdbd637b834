//! One column: from Arrow's arrays to the pages of a chunk.

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef};
use arrow_buffer::{BooleanBuffer, BooleanBufferBuilder};
use arrow_schema::DataType;
use arrow_select::concat::concat;
use bytes::Bytes;
use parquet::basic::{Encoding, ZstdLevel};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::{ParquetError, Result};
use parquet::schema::types::ColumnDescPtr;

use super::chunk::{Bounds, Chunk, DonePage};
use super::dictionary::{Dictionary, NULL};
use super::packing::{Levels, put_codes, put_differences, width_of};
use super::tools::Tools;

/// Rows of a page: what a reader that looks for a few rows has to decode.
pub(super) const PAGE_ROWS: usize = 32 * 1024;

/// How the values of a column are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// As they are: what repeats in numbers does so nearby, where zstd finds it.
    Plain,
    /// Each value once, and its code in each row, as long as there are few.
    Dictionary,
    /// The same, and a Bloom filter of the values: for columns that are asked for one.
    Sought,
    /// 64-bit numbers that grow, as differences of neighbours; text without what it
    /// shares with its neighbour.
    Differences,
}

/// A column of a row group under construction.
#[derive(Debug)]
pub(super) struct Column {
    layout: Layout,
    chunk: Chunk,
    dictionary: Option<Dictionary>,
    /// It got too large: the pages from there on do without.
    is_full: bool,
    /// Some page has codes.
    is_used: bool,
    page: OpenPage,
}

/// The page that is filled.
#[derive(Debug, Default)]
pub(super) struct OpenPage {
    levels: Levels,
    codes: Vec<u32>,
    /// As they are written.
    plain: Vec<u8>,
    /// Those whose differences are written.
    numbers: Vec<i64>,
    suffixes: Suffixes,
    range: Option<(i64, i64)>,
    text: Option<(Vec<u8>, Vec<u8>)>,
}

/// Text, as what it adds to the beginning that it shares with the one before.
#[derive(Debug, Default)]
struct Suffixes {
    before: Vec<u8>,
    shared: Vec<i64>,
    added: Vec<i64>,
    bytes: Vec<u8>,
}

/// A number of a column.
trait Number: Copy {
    const BYTES: usize;
    fn wide(self) -> i64;
    fn put(self, place: &mut [u8]);
    /// Memory for numbers of all parts.
    fn take(tools: &mut Tools) -> Vec<Self>;
    fn give_back(memory: Vec<Self>, tools: &mut Tools);
}

impl Number for i32 {
    const BYTES: usize = size_of::<i32>();

    fn wide(self) -> i64 {
        self.into()
    }

    fn put(self, place: &mut [u8]) {
        place.copy_from_slice(&self.to_le_bytes());
    }

    fn take(tools: &mut Tools) -> Vec<i32> {
        std::mem::take(&mut tools.numbers32)
    }

    fn give_back(memory: Vec<i32>, tools: &mut Tools) {
        tools.numbers32 = memory;
    }
}

impl Number for i64 {
    const BYTES: usize = size_of::<i64>();

    fn wide(self) -> i64 {
        self
    }

    fn put(self, place: &mut [u8]) {
        place.copy_from_slice(&self.to_le_bytes());
    }

    fn take(tools: &mut Tools) -> Vec<i64> {
        std::mem::take(&mut tools.numbers64)
    }

    fn give_back(memory: Vec<i64>, tools: &mut Tools) {
        tools.numbers64 = memory;
    }
}

impl Column {
    pub(super) fn new(
        column: ColumnDescPtr,
        data_type: &DataType,
        (layout, level): (Layout, ZstdLevel),
        page: OpenPage,
    ) -> Column {
        // Parquet's differences of 32-bit numbers wrap at 32 bits: no column needs them.
        let layout = match (layout, data_type) {
            (Layout::Differences, DataType::Int32) => Layout::Plain,
            (layout, _) => layout,
        };
        Column {
            layout,
            chunk: Chunk::new(column, level),
            dictionary: match layout {
                Layout::Dictionary | Layout::Sought => Dictionary::of(data_type),
                Layout::Plain | Layout::Differences => None,
            },
            is_full: false,
            is_used: false,
            page,
        }
    }

    /// Adds the rows of some arrays, in this order of theirs or as they are.
    pub(super) fn add(
        &mut self,
        parts: &[&ArrayRef],
        order: Option<&[u32]>,
        tools: &mut Tools,
    ) -> Result<()> {
        if let Some(dictionary) = self.dictionary.as_mut().filter(|_| !self.is_full) {
            let mut codes = std::mem::take(&mut tools.codes);
            codes.clear();
            let is_taken = parts.iter().all(|part| dictionary.add(part, &mut codes));
            if is_taken {
                self.is_used = true;
                let has_nulls = parts.iter().any(|part| part.null_count() > 0);
                self.add_codes(&codes, has_nulls, order, tools)?;
            }
            tools.codes = codes;
            if is_taken {
                return Ok(());
            }
            self.finish_page(tools)?;
            self.is_full = true;
        }
        match parts.first().map(|part| part.data_type()) {
            None => Ok(()),
            Some(DataType::Utf8View) => self.add_text(parts, order, tools),
            Some(DataType::Int32) => self.add_numbers::<Int32Type>(parts, order, tools),
            Some(DataType::Int64) => self.add_numbers::<Int64Type>(parts, order, tools),
            Some(DataType::Timestamp(..)) => {
                self.add_numbers::<TimestampMicrosecondType>(parts, order, tools)
            }
            Some(other) => Err(ParquetError::NYI(format!("a column of {other}"))),
        }
    }

    fn add_codes(
        &mut self,
        codes: &[u32],
        has_nulls: bool,
        order: Option<&[u32]>,
        tools: &mut Tools,
    ) -> Result<()> {
        self.add_rows(codes.len(), order, tools, |_, page, rows| match rows {
            Rows::InOrder(order) if !has_nulls => {
                let ordered = order.iter().map(|row| codes[*row as usize]);
                page.codes.extend(ordered);
                page.levels.push_values(order.len());
            }
            Rows::AsTheyAre(from, to) if !has_nulls => {
                page.codes.extend_from_slice(&codes[from..to]);
                page.levels.push_values(to - from);
            }
            rows => rows.for_each(|row| {
                let code = codes[row];
                if code != NULL {
                    page.codes.push(code);
                }
                page.levels.push(code != NULL);
            }),
        })
    }

    fn add_numbers<T: ArrowPrimitiveType<Native: Number>>(
        &mut self,
        parts: &[&ArrayRef],
        order: Option<&[u32]>,
        tools: &mut Tools,
    ) -> Result<()> {
        let mut numbers = T::Native::take(tools);
        numbers.clear();
        for part in parts {
            numbers.extend_from_slice(part.as_primitive::<T>().values());
        }
        let nulls = joined_nulls(parts);
        let differences = self.layout == Layout::Differences;
        let bytes = T::Native::BYTES;
        let added = self.add_rows(numbers.len(), order, tools, |_, page, rows| {
            let (mut least, mut greatest) = page.range.unwrap_or((i64::MAX, i64::MIN));
            let start = page.plain.len();
            if !differences {
                page.plain.resize(start + rows.len() * bytes, 0);
            }
            let mut places = page.plain[start..].chunks_exact_mut(bytes);
            let (levels, differing) = (&mut page.levels, &mut page.numbers);
            let mut values = 0;
            let mut take = |row: usize| {
                let number = numbers[row];
                least = least.min(number.wide());
                greatest = greatest.max(number.wide());
                match places.next() {
                    Some(place) => number.put(place),
                    None => differing.push(number.wide()),
                }
                values += 1;
            };
            match &nulls {
                None => {
                    levels.push_values(rows.len());
                    rows.for_each(take);
                }
                Some(nulls) => rows.for_each(|row| {
                    let has_value = nulls.value(row);
                    levels.push(has_value);
                    if has_value {
                        take(row);
                    }
                }),
            }
            if !differences {
                page.plain.truncate(start + values * bytes);
            }
            page.range = (least <= greatest).then_some((least, greatest));
        });
        T::Native::give_back(numbers, tools);
        added
    }

    fn add_text(
        &mut self,
        parts: &[&ArrayRef],
        order: Option<&[u32]>,
        tools: &mut Tools,
    ) -> Result<()> {
        let joined = joined(parts)?;
        let text = joined.as_string_view();
        self.add_rows(text.len(), order, tools, |column, page, rows| {
            rows.for_each(|row| {
                let has_value = text.is_valid(row);
                page.levels.push(has_value);
                if !has_value {
                    return;
                }
                let text = text.value(row).as_bytes();
                page.note_text(text);
                if column.layout == Layout::Differences {
                    page.suffixes.push(text);
                } else {
                    let length = (text.len() as u32).to_le_bytes();
                    page.plain.extend_from_slice(&length);
                    page.plain.extend_from_slice(text);
                }
            });
        })
    }

    /// Fills pages with rows.
    fn add_rows(
        &mut self,
        count: usize,
        order: Option<&[u32]>,
        tools: &mut Tools,
        mut fill: impl FnMut(&Column, &mut OpenPage, Rows<'_>),
    ) -> Result<()> {
        let mut from = 0;
        while from < count {
            let to = count.min(from + PAGE_ROWS - self.page.levels.rows());
            let rows = match order {
                Some(order) => Rows::InOrder(&order[from..to]),
                None => Rows::AsTheyAre(from, to),
            };
            let mut page = std::mem::take(&mut self.page);
            fill(self, &mut page, rows);
            self.page = page;
            from = to;
            if self.page.levels.rows() >= PAGE_ROWS {
                self.finish_page(tools)?;
            }
        }
        Ok(())
    }

    fn finish_page(&mut self, tools: &mut Tools) -> Result<()> {
        if self.page.levels.rows() == 0 {
            return Ok(());
        }
        tools.set_level(self.chunk.level())?;
        let Column { page, .. } = self;
        let raw = &mut tools.raw;
        raw.clear();
        page.levels.write(raw);
        let has_codes = self.is_used && !self.is_full;
        let encoding = if has_codes {
            let values = self.dictionary.as_ref().map_or(0, Dictionary::len);
            let width = width_of(values.saturating_sub(1) as u64);
            raw.push(width as u8);
            put_codes(&page.codes, width, raw);
            Encoding::RLE_DICTIONARY
        } else if self.layout != Layout::Differences {
            raw.extend_from_slice(&page.plain);
            Encoding::PLAIN
        } else if self.chunk.is_text() {
            page.suffixes.write(raw);
            Encoding::DELTA_BYTE_ARRAY
        } else {
            put_differences(&page.numbers, raw);
            Encoding::DELTA_BINARY_PACKED
        };
        let bounds = match (&self.dictionary, page.range.take(), page.text.take()) {
            (Some(dictionary), ..) if has_codes => dictionary.bounds_of(&page.codes),
            (_, Some((least, greatest)), _) => Some(Bounds::Number(least, greatest)),
            (_, _, Some((least, greatest))) => Some(Bounds::Text(least, greatest)),
            _ => None,
        };
        let done = DonePage {
            encoding,
            raw,
            rows: page.levels.rows(),
            nulls: page.levels.nulls(),
            bounds,
        };
        self.chunk.add_page(done, &mut tools.zstd)?;
        page.clear();
        Ok(())
    }

    /// The chunk, and what its metadata say.
    pub(super) fn close(mut self, tools: &mut Tools) -> Result<(Bytes, ColumnCloseResult)> {
        self.finish_page(tools)?;
        tools.set_level(self.chunk.level())?;
        tools.pages.push(self.page);
        let dictionary = self.dictionary.filter(|_| self.is_used);
        if let Some(dictionary) = &dictionary {
            self.chunk.add_bounds(dictionary.text_bounds());
        }
        // Of values that are not in the dictionary it would say that they are not there.
        let is_whole = self.layout == Layout::Sought && !self.is_full;
        let filter = dictionary.as_ref().filter(|_| is_whole);
        let filter = filter.map(Dictionary::filter);
        let page = dictionary.map(|dictionary| (dictionary.len(), dictionary.into_page()));
        self.chunk.close(page, filter, &mut tools.zstd)
    }
}

fn joined(parts: &[&ArrayRef]) -> Result<ArrayRef> {
    let parts: Vec<&dyn Array> = parts.iter().map(|part| part.as_ref()).collect();
    Ok(concat(&parts)?)
}

/// Which rows of all parts have a value; `None` when all do.
fn joined_nulls(parts: &[&ArrayRef]) -> Option<BooleanBuffer> {
    if parts.iter().all(|part| part.null_count() == 0) {
        return None;
    }
    let mut nulls = BooleanBufferBuilder::new(parts.iter().map(|part| part.len()).sum());
    for part in parts {
        match part.nulls() {
            Some(known) => nulls.append_buffer(known.inner()),
            None => nulls.append_n(part.len(), true),
        }
    }
    Some(nulls.finish())
}

impl OpenPage {
    fn clear(&mut self) {
        self.levels.clear();
        self.codes.clear();
        self.plain.clear();
        self.numbers.clear();
    }

    fn note_text(&mut self, text: &[u8]) {
        match &mut self.text {
            None => self.text = Some((text.to_vec(), text.to_vec())),
            Some((least, _)) if text < least.as_slice() => *least = text.to_vec(),
            Some((_, greatest)) if text > greatest.as_slice() => *greatest = text.to_vec(),
            Some(_) => {}
        }
    }
}

impl Suffixes {
    fn push(&mut self, text: &[u8]) {
        let pairs = self.before.iter().zip(text);
        let shared = pairs.take_while(|(a, b)| a == b).count();
        self.shared.push(shared as i64);
        self.added.push((text.len() - shared) as i64);
        self.bytes.extend_from_slice(&text[shared..]);
        self.before.truncate(shared);
        self.before.extend_from_slice(&text[shared..]);
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        put_differences(&self.shared, out);
        put_differences(&self.added, out);
        out.extend_from_slice(&self.bytes);
        self.before.clear();
        self.shared.clear();
        self.added.clear();
        self.bytes.clear();
    }
}

/// Rows of an array, as they go into one page.
#[derive(Debug, Clone, Copy)]
enum Rows<'a> {
    AsTheyAre(usize, usize),
    InOrder(&'a [u32]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::AsTheyAre(from, to) => to - from,
            Rows::InOrder(order) => order.len(),
        }
    }

    fn for_each(&self, mut work: impl FnMut(usize)) {
        match self {
            Rows::AsTheyAre(from, to) => (*from..*to).for_each(work),
            Rows::InOrder(order) => order.iter().for_each(|row| work(*row as usize)),
        }
    }
}
