//! The pages of a column chunk, compressed, with their indexes and bounds.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, PageType, Type, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// Bytes of text that a bound has at most.
const BOUND_BYTES: usize = 64;

/// Least and greatest value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bounds {
    Number(i64, i64),
    Text(Vec<u8>, Vec<u8>),
}

impl Bounds {
    /// Bounds of both.
    fn and(self, other: Bounds) -> Bounds {
        match (self, other) {
            (Bounds::Number(a, b), Bounds::Number(c, d)) => Bounds::Number(a.min(c), b.max(d)),
            (Bounds::Text(a, b), Bounds::Text(c, d)) => Bounds::Text(a.min(c), b.max(d)),
            (one, _) => one,
        }
    }
}

/// A page before it is compressed.
#[derive(Debug)]
pub(super) struct DonePage<'a> {
    pub(super) encoding: Encoding,
    /// Levels and values.
    pub(super) raw: &'a [u8],
    pub(super) rows: usize,
    pub(super) nulls: usize,
    /// `None` when the page has no values, or no bounds of its own.
    pub(super) bounds: Option<Bounds>,
}

/// A column chunk under construction.
pub(super) struct Chunk {
    column: ColumnDescPtr,
    level: ZstdLevel,
    pages: Vec<(CompressedPage, usize)>,
    rows: usize,
    nulls: usize,
    bounds: Option<Bounds>,
    /// Of pages of numbers.
    index: ColumnIndexBuilder,
    has_index: bool,
    /// Bounds of the page before, as long as none was below the one before it.
    ascending: Option<(i64, i64)>,
    is_ascending: bool,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk")
            .field("column", &self.column.name())
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Chunk {
    pub(super) fn new(column: ColumnDescPtr, level: ZstdLevel) -> Chunk {
        let is_text = column.physical_type() == Type::BYTE_ARRAY;
        Chunk {
            index: ColumnIndexBuilder::new(column.physical_type()),
            has_index: !is_text,
            column,
            level,
            pages: Vec::new(),
            rows: 0,
            nulls: 0,
            bounds: None,
            ascending: None,
            is_ascending: true,
        }
    }

    pub(super) fn level(&self) -> ZstdLevel {
        self.level
    }

    pub(super) fn is_text(&self) -> bool {
        self.column.physical_type() == Type::BYTE_ARRAY
    }

    /// Adds a page.
    pub(super) fn add_page(&mut self, page: DonePage<'_>, zstd: &mut Compressor<'_>) -> Result<()> {
        let compressed = Page::DataPage {
            buf: compress(page.raw, zstd)?,
            num_values: page.rows as u32,
            encoding: page.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let compressed = CompressedPage::new(compressed, page.raw.len());
        self.pages.push((compressed, page.rows));
        self.rows += page.rows;
        self.nulls += page.nulls;
        if self.has_index {
            self.index_page(page.nulls, page.bounds.as_ref());
        }
        self.add_bounds(page.bounds);
        Ok(())
    }

    pub(super) fn add_bounds(&mut self, bounds: Option<Bounds>) {
        self.bounds = match (self.bounds.take(), bounds) {
            (Some(known), Some(more)) => Some(known.and(more)),
            (known, more) => known.or(more),
        };
    }

    fn index_page(&mut self, nulls: usize, bounds: Option<&Bounds>) {
        let nulls = nulls as i64;
        let Some(Bounds::Number(least, greatest)) = bounds else {
            self.index.append(true, Vec::new(), Vec::new(), nulls);
            return;
        };
        let (least, greatest) = (*least, *greatest);
        self.is_ascending &= self
            .ascending
            .is_none_or(|before| before.0 <= least && before.1 <= greatest);
        self.ascending = Some((least, greatest));
        let bytes = |number: i64| match self.column.physical_type() {
            Type::INT32 => (number as i32).to_le_bytes().to_vec(),
            _ => number.to_le_bytes().to_vec(),
        };
        self.index
            .append(false, bytes(least), bytes(greatest), nulls);
    }

    /// Puts the pages behind each other, after the dictionary: the number of its
    /// values, and its page. The filter comes after the row group.
    pub(super) fn close(
        mut self,
        dictionary: Option<(usize, Vec<u8>)>,
        filter: Option<Sbbf>,
        zstd: &mut Compressor<'_>,
    ) -> Result<(Bytes, ColumnCloseResult)> {
        let statistics = self.statistics();
        let mut sink = TrackedWrite::new(Vec::new());
        let mut writer = SerializedPageWriter::new(&mut sink);
        let mut counts = Vec::new();
        let (mut stored, mut raw) = (0, 0);
        let mut dictionary_offset = None;
        if let Some((values, bytes)) = dictionary {
            let page = Page::DictionaryPage {
                buf: compress(&bytes, zstd)?,
                num_values: values as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let written = writer.write_page(CompressedPage::new(page, bytes.len()))?;
            dictionary_offset = Some(written.offset as i64);
            (stored, raw) = (written.compressed_size, written.uncompressed_size);
            counts.push(encoding_stats(PageType::DICTIONARY_PAGE, Encoding::PLAIN));
        }
        let mut offsets = OffsetIndexBuilder::new();
        let mut first_offset = None;
        for (page, rows) in self.pages {
            let encoding = page.encoding();
            match counts
                .iter_mut()
                .find(|known| known.page_type == PageType::DATA_PAGE && known.encoding == encoding)
            {
                Some(known) => known.count += 1,
                None => counts.push(encoding_stats(PageType::DATA_PAGE, encoding)),
            }
            let written = writer.write_page(page)?;
            offsets.append_row_count(rows as i64);
            offsets.append_offset_and_size(written.offset as i64, written.compressed_size as i32);
            first_offset.get_or_insert(written.offset as i64);
            stored += written.compressed_size;
            raw += written.uncompressed_size;
        }
        let bytes = Bytes::from(sink.into_inner()?);
        let encodings = counts.iter().map(|known| known.encoding);
        let metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(Compression::ZSTD(self.level))
            .set_encodings(encodings.chain([Encoding::RLE]).collect())
            .set_page_encoding_stats(counts.clone())
            .set_total_compressed_size(stored as i64)
            .set_total_uncompressed_size(raw as i64)
            .set_num_values(self.rows as i64)
            .set_data_page_offset(first_offset.unwrap_or_default())
            .set_dictionary_page_offset(dictionary_offset)
            .set_statistics(statistics)
            .build()?;
        if self.is_ascending {
            self.index
                .set_boundary_order(parquet::basic::BoundaryOrder::ASCENDING);
        }
        let closed = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: self.rows as u64,
            metadata,
            bloom_filter: filter,
            column_index: match self.has_index {
                true => Some(self.index.build()?),
                false => None,
            },
            offset_index: Some(offsets.build()),
        };
        Ok((bytes, closed))
    }

    fn statistics(&mut self) -> Statistics {
        let nulls = Some(self.nulls as u64);
        match (self.bounds.take(), self.column.physical_type()) {
            (Some(Bounds::Number(least, greatest)), Type::INT32) => Statistics::int32(
                Some(least as i32),
                Some(greatest as i32),
                None,
                nulls,
                false,
            ),
            (None, Type::INT32) => Statistics::int32(None, None, None, nulls, false),
            (Some(Bounds::Number(least, greatest)), _) => {
                Statistics::int64(Some(least), Some(greatest), None, nulls, false)
            }
            (Some(Bounds::Text(least, greatest)), _) => text_statistics(&least, &greatest, nulls),
            (None, Type::BYTE_ARRAY) => Statistics::byte_array(None, None, None, nulls, false),
            (None, _) => Statistics::int64(None, None, None, nulls, false),
        }
    }
}

fn encoding_stats(page_type: PageType, encoding: Encoding) -> PageEncodingStats {
    PageEncodingStats {
        page_type,
        encoding,
        count: 1,
    }
}

fn compress(raw: &[u8], zstd: &mut Compressor<'_>) -> Result<Bytes> {
    let compressed = zstd.compress(raw);
    Ok(compressed
        .map_err(|error| ParquetError::External(Box::new(error)))?
        .into())
}

/// Bounds of long text are cut short: the least below it, the greatest above it.
fn text_statistics(least: &[u8], greatest: &[u8], nulls: Option<u64>) -> Statistics {
    let short = cut(least);
    let (above, is_exact) = match greatest.len() > BOUND_BYTES {
        true => (above(cut(greatest)), false),
        false => (Some(greatest.to_vec()), true),
    };
    let Some(above) = above else {
        return Statistics::byte_array(None, None, None, nulls, false);
    };
    let value = |bytes: &[u8]| Some(ByteArray::from(bytes.to_vec()));
    let statistics = ValueStatistics::new(value(short), value(&above), None, nulls, false)
        .with_min_is_exact(short.len() == least.len())
        .with_max_is_exact(is_exact);
    Statistics::ByteArray(statistics)
}

/// The beginning of UTF-8 text, of whole characters.
fn cut(text: &[u8]) -> &[u8] {
    if text.len() <= BOUND_BYTES {
        return text;
    }
    let is_start = |at: &usize| text[*at] & 0xc0 != 0x80;
    &text[..(0..=BOUND_BYTES).rev().find(is_start).unwrap_or_default()]
}

/// A text that is above all that begins with this one; `None` if there is none.
fn above(beginning: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(beginning).ok()?;
    text.char_indices().rev().find_map(|(at, last)| {
        let next = char::from_u32(u32::from(last) + 1)?;
        // Only then it is above in the order of bytes, too, and not longer.
        (next.len_utf8() == last.len_utf8())
            .then(|| [&beginning[..at], next.to_string().as_bytes()].concat())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_long_text_are_cut_outwards() {
        let long = "a".repeat(63) + "ä" + "z";
        assert_eq!(cut(long.as_bytes()), "a".repeat(63).as_bytes());
        assert_eq!(above(b"ab").unwrap(), b"ac");
        assert_eq!(above("a\u{7f}".as_bytes()).unwrap(), b"b");
        assert_eq!(above("\u{10ffff}".as_bytes()), None);
        let statistics = text_statistics(b"a", long.as_bytes(), Some(0));
        let Statistics::ByteArray(statistics) = statistics else {
            panic!("it is text");
        };
        assert!(statistics.min_is_exact() && !statistics.max_is_exact());
        assert!(statistics.max_bytes_opt().unwrap() > long.as_bytes());
    }
}
