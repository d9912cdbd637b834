//! The batch under construction: rows, and the text that their views are in.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, SchemaRef};

use crate::column::{ColumnBuilder, column_bytes};
use crate::field::FieldType;
use crate::format::{Format, FormatField};
use crate::grammar::{Line, has_export_time, read_words};
use crate::memory::{Section, Slab, Slabs};
use crate::only::Only;
use crate::policy::Policy;
use crate::reason::RecordError;
use crate::row::{Row, Target, set_runs};
use crate::simd::{BLOCK_ROWS, Block, NullWords, Place, RowWords};

/// Text of a batch from which it counts as full: views have 32-bit offsets.
const MAX_TEXT_BYTES: usize = 1 << 30;

/// Rows for which a batch has room before it grows, at most.
const MAX_FIRST_ROWS: usize = 1 << 16;

/// Rows that grow record by record, or by a block of records.
#[derive(Debug)]
pub(crate) struct Batch {
    schema: SchemaRef,
    policy: Policy,
    /// Which records become rows.
    only: Option<Only>,
    /// Where they are in a block.
    places: Vec<u32>,
    /// Rows of a full batch.
    capacity: usize,
    columns: Vec<ColumnBuilder>,
    /// For each field of the format in force.
    targets: Vec<Target>,
    rows: usize,
    slabs: Slabs,
    /// Rows that a slab has room for.
    slab_rows: usize,
    /// The memory of the columns, as long as they have rows.
    slab: Option<Slab>,
    /// Lines that were copied: the first buffer of every column.
    text: Vec<u8>,
    /// Inputs that views point into without a copy: the buffers after it.
    shared: Vec<Buffer>,
}

impl Batch {
    pub(crate) fn new(schema: SchemaRef, policy: Policy, capacity: usize) -> Batch {
        let slab_rows = capacity.min(MAX_FIRST_ROWS);
        let types = schema
            .fields()
            .iter()
            .map(|field| column_type(field.data_type()));
        let types: Vec<FieldType> = types.collect();
        let sections = sections(&types, slab_rows);
        let column = |(kind, section): (&FieldType, &Section)| ColumnBuilder::new(*kind, *section);
        Batch {
            columns: types.iter().zip(&sections).map(column).collect(),
            slabs: Slabs::new(&sections),
            slab_rows,
            slab: None,
            schema,
            policy,
            only: None,
            places: Vec::new(),
            capacity,
            targets: Vec::new(),
            rows: 0,
            text: Vec::new(),
            shared: Vec::new(),
        }
    }

    /// Only these records become rows.
    pub(crate) fn with_only(self, only: Option<Only>) -> Batch {
        Batch { only, ..self }
    }

    fn decides(&self, field: &FormatField) -> bool {
        let is_text = field.field_type().data_type() == DataType::Utf8View;
        let only = self.only.as_ref().filter(|_| is_text);
        only.is_some_and(|only| only.column() == field.column() && only.text() != b"-")
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Rows that fit.
    pub(crate) fn room(&self) -> usize {
        if self.text.len() >= MAX_TEXT_BYTES {
            return 0;
        }
        self.capacity - self.rows.min(self.capacity)
    }

    /// What follows has this format.
    pub(crate) fn set_format(&mut self, format: &Format) {
        if let Some(mut slab) = self.slab.take() {
            self.pad(&mut slab);
            self.slab = Some(slab);
        }
        self.told_of_long_text();
        let target = |field: &FormatField| {
            let column = self
                .schema
                .index_of(&field.column())
                .ok()
                .filter(|column| self.columns[*column].takes(field.field_type()));
            Target {
                field_type: self.policy.checked_as(field.field_type()),
                column,
                section: column.map_or(Section::default(), |column| self.columns[column].section()),
                long: false,
                run: 0,
                decides: self.decides(field),
            }
        };
        self.targets = format.fields().iter().map(target).collect();
        set_runs(&mut self.targets, self.only.is_some());
    }

    /// Whether any word is a value of every field.
    pub(crate) fn takes_any_words(&self) -> bool {
        let text = |target: &Target| target.field_type == FieldType::Text;
        self.targets.iter().all(text)
    }

    /// Makes room for more rows: for those of a message that came when the batch
    /// was full, and for batches of so many rows that the room is not taken
    /// before it is needed.
    #[cold]
    fn grow(&mut self, rows: usize) {
        self.slab_rows = (self.slab_rows * 2).max(rows);
        let types: Vec<FieldType> = self.columns.iter().map(ColumnBuilder::field_type).collect();
        let sections = sections(&types, self.slab_rows);
        let mut slabs = Slabs::new(&sections);
        let slab = self.slab.take().map(|mut from| {
            let mut to = slabs.take();
            for (column, section) in self.columns.iter().zip(&sections) {
                column.copy_values(&mut from, &mut to, *section);
            }
            to
        });
        for (column, section) in self.columns.iter_mut().zip(&sections) {
            column.move_to(*section);
        }
        for target in &mut self.targets {
            if let Some(column) = target.column {
                target.section = sections[column];
            }
        }
        (self.slabs, self.slab) = (slabs, slab);
    }

    /// Appends a line as one row. Returns whether values were left out, which
    /// only the lenient policy does. `shared` is the input that the line is in,
    /// with the line's offset; `None`: it is copied.
    pub(crate) fn append_record(
        &mut self,
        line: Line<'_, '_>,
        format: &Format,
        shared: Option<(&Buffer, usize)>,
    ) -> Result<bool, RecordError> {
        if self.rows >= self.slab_rows {
            self.grow(self.rows + 1);
        }
        let place = self.place(shared);
        let slab = self.slab.get_or_insert_with(|| self.slabs.take());
        let mut row = Row {
            columns: &mut self.columns,
            slab,
            row: self.rows,
            place: Place {
                offset: place.offset.wrapping_sub(line.start() as u32),
                ..place
            },
            keep_line: false,
            only: self.only.as_ref(),
            is_kept: self.only.is_none(),
        };
        let targets = self.targets.iter_mut();
        let result = read_words(line, format, self.policy, targets, &mut row);
        let (keep_line, is_kept) = (row.keep_line, row.is_kept);
        match result {
            Ok(_) if is_kept => {
                if keep_line {
                    self.keep(line.bytes(), shared, place);
                }
                self.rows += 1;
            }
            _ => self.truncate(),
        }
        result
    }

    /// Keeps text that views point into.
    #[inline]
    fn keep(&mut self, text: &[u8], shared: Option<(&Buffer, usize)>, place: Place) {
        match shared {
            Some((buffer, _)) if self.shared.len() < place.buffer as usize => {
                self.shared.push(buffer.clone());
            }
            Some(_) => {}
            None => self.text.extend_from_slice(text),
        }
    }

    /// Appends a block as rows, or nothing of it when there is anything in it
    /// that the grammar has to decide. `shared` is the input that the block is
    /// in, with the block's offset; `None`: its lines are copied.
    pub(crate) fn append_block(
        &mut self,
        block: &Block<'_>,
        format: &Format,
        shared: Option<(&Buffer, usize)>,
    ) -> bool {
        let place = self.place(shared);
        if self.rows + block.rows() > self.slab_rows {
            self.grow(self.rows + block.rows());
        }
        let slab = self.slab.get_or_insert_with(|| self.slabs.take());
        let (columns, row) = (&mut self.columns, self.rows);
        // An export has one value more, the time before each record.
        let skipped = block.values() - self.targets.len();
        let kept = self.only.as_ref().map(|only| {
            let decides = self.targets.iter().position(|target| target.decides);
            let rows = |field| block.rows_with(field + skipped, only.text());
            decides.map_or(RowWords::default(), rows)
        });
        let asked = self.targets.iter().enumerate();
        let asked = asked.filter(|(_, target)| target.column.is_some());
        let rows = match &kept {
            Some(kept) => {
                let asked = asked.map(|(index, _)| index + skipped);
                block.only(kept, asked, &mut self.places)
            }
            None => *block,
        };
        // Fields before this one are known to be numbers.
        let mut known = 0;
        let fits = starts_as_records(block, format, self.targets[0].field_type, skipped > 0)
            && self.targets.iter().enumerate().all(|(index, target)| {
                let value = index + skipped;
                if target.run > 0 {
                    let run = &self.targets[index..index + target.run];
                    let digits = run
                        .iter()
                        .filter_map(|target| target.field_type.certain_digits());
                    if block.are_numbers(value..value + run.len(), digits) {
                        known = index + run.len();
                    }
                }
                let checked = target.field_type != FieldType::Address || block.addresses(value);
                // To build all rows is to check them.
                let builds_all = target.column.is_some() && kept.is_none();
                checked
                    && (builds_all || index < known || is_readable(block, value, target.field_type))
                    && target.column.is_none_or(|column| {
                        columns[column].set_block(slab, row, &rows, value, place)
                    })
            });
        let rows = rows.rows();
        if !fits {
            self.truncate();
            return false;
        }
        self.rows += rows;
        if rows > 0 && self.columns.iter().any(ColumnBuilder::has_long_text) {
            self.keep(block.lines(), shared, place);
        }
        true
    }

    /// Where the text of a block or a line will be found.
    #[inline]
    fn place(&self, shared: Option<(&Buffer, usize)>) -> Place {
        let (buffer, offset) = match shared {
            None => (0, self.text.len()),
            Some((buffer, offset)) => {
                let known = self.shared.last().is_some_and(|last| last.ptr_eq(buffer));
                (self.shared.len() + usize::from(!known), offset)
            }
        };
        Place {
            buffer: buffer as u32,
            offset: offset as u32,
        }
    }

    /// Fills columns that the format in force does not have with NULL.
    fn pad(&mut self, slab: &mut Slab) {
        for column in self.targets.iter().filter_map(|target| target.column) {
            self.columns[column].filled_to(self.rows);
        }
        for column in &mut self.columns {
            column.pad_to(slab, self.rows);
        }
    }

    /// Columns come to know what text the grammar gave them.
    fn told_of_long_text(&mut self) {
        for target in &mut self.targets {
            if let Some(column) = target.column
                && std::mem::take(&mut target.long)
            {
                self.columns[column].set_long();
            }
        }
    }

    /// Drops what was appended after the last whole row.
    fn truncate(&mut self) {
        for column in self.targets.iter().filter_map(|target| target.column) {
            self.columns[column].truncate(self.rows);
        }
    }

    /// The rows so far, or `None` when there are none.
    #[expect(
        unsafe_code,
        reason = "columns and the text that they point into meet here"
    )]
    pub(crate) fn finish(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let mut slab = self.slab.take().unwrap_or_else(|| self.slabs.take());
        self.pad(&mut slab);
        self.told_of_long_text();
        let rows = std::mem::take(&mut self.rows);
        let text = Vec::with_capacity(self.text.len());
        let mut buffers = vec![Buffer::from_vec(std::mem::replace(&mut self.text, text))];
        buffers.append(&mut self.shared);
        let slab = Arc::new(slab);
        // A few rows do not keep the memory of many.
        let lend = rows >= self.slab_rows / 4;
        // SAFETY: this slab has the rows. The text of each block and line that
        // a view points into was read as UTF-8, and appended to `text` or kept
        // in `shared`, at the place that the column was told (`Batch::place`).
        let finish =
            |column: &mut ColumnBuilder| unsafe { column.finish(&slab, rows, lend, &buffers) };
        let columns = self
            .columns
            .iter_mut()
            .map(finish)
            .collect::<Result<_, _>>()?;
        self.slabs.give_back(slab);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map(Some)
    }
}

/// Whether no line of the block is a comment or has the time of an export that
/// others have not. Only a first field of text could hold either.
fn starts_as_records(block: &Block<'_>, format: &Format, first: FieldType, timed: bool) -> bool {
    if timed {
        return block.words(0).all(|word| has_export_time(word, format));
    }
    if first != FieldType::Text {
        return true;
    }
    block
        .words(0)
        .all(|word| !word.starts_with(b"#") && !has_export_time(word, format))
}

/// Whether a field that no column takes has values of its type in every row.
fn is_readable(block: &Block<'_>, value: usize, field_type: FieldType) -> bool {
    let nulls = &mut NullWords::default();
    match field_type {
        FieldType::Int32 => block.int32(value, &mut [0; BLOCK_ROWS], nulls),
        FieldType::Int64 => block.int64(value, &mut [0; BLOCK_ROWS], nulls),
        FieldType::Timestamp => block.timestamps(value, &mut [0; BLOCK_ROWS], nulls),
        FieldType::Address | FieldType::Text => true,
    }
}

/// Where the columns are in a slab of so many rows.
fn sections(types: &[FieldType], rows: usize) -> Vec<Section> {
    Section::lay_out(types.iter().map(|kind| column_bytes(*kind, rows)))
}

/// The type of field that fills a column of this Arrow type.
fn column_type(data_type: &DataType) -> FieldType {
    match data_type {
        DataType::Int32 => FieldType::Int32,
        DataType::Int64 => FieldType::Int64,
        DataType::Timestamp(..) => FieldType::Timestamp,
        _ => FieldType::Text,
    }
}
