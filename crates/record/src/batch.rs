//! The batch under construction: rows, and the text that their views are in.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_schema::{ArrowError, DataType, SchemaRef};

use crate::column::{ColumnBuilder, INLINE_BYTES};
use crate::field::FieldType;
use crate::format::Format;
use crate::grammar::{Value, for_each_value, has_export_time};
use crate::policy::Policy;
use crate::reason::RecordError;
use crate::simd::{BLOCK_ROWS, Block, NullWords, Place};

/// Text of a batch from which it counts as full: views have 32-bit offsets.
const MAX_TEXT_BYTES: usize = 1 << 30;

/// One field of the format, and what becomes of it.
#[derive(Debug, Clone, Copy)]
struct Target {
    /// The type to check, which the policy may have made laxer.
    field_type: FieldType,
    /// The column that takes the value. Others are checked all the same, so
    /// that a projection never changes what is refused.
    column: Option<usize>,
}

/// Rows that grow record by record, or by a block of records.
#[derive(Debug)]
pub(crate) struct Batch {
    schema: SchemaRef,
    policy: Policy,
    /// Rows of a full batch.
    capacity: usize,
    columns: Vec<ColumnBuilder>,
    /// For each field of the format in force.
    targets: Vec<Target>,
    rows: usize,
    /// Lines that were copied: the first buffer of every column.
    text: Vec<u8>,
    /// Inputs that views point into without a copy: the buffers after it.
    shared: Vec<Buffer>,
}

impl Batch {
    pub(crate) fn new(schema: SchemaRef, policy: Policy, capacity: usize) -> Batch {
        let column = |field: &Arc<arrow_schema::Field>| {
            ColumnBuilder::new(column_type(field.data_type()), capacity)
        };
        Batch {
            columns: schema.fields().iter().map(column).collect(),
            schema,
            policy,
            capacity,
            targets: Vec::new(),
            rows: 0,
            text: Vec::new(),
            shared: Vec::new(),
        }
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
        for column in &mut self.columns {
            column.pad_to(self.rows);
        }
        let target = |field: &crate::FormatField| Target {
            field_type: self.policy.checked_as(field.field_type()),
            column: self
                .schema
                .index_of(&field.column())
                .ok()
                .filter(|column| self.columns[*column].takes(field.field_type())),
        };
        self.targets = format.fields().iter().map(target).collect();
    }

    /// Whether any word is a value of every field.
    pub(crate) fn takes_any_words(&self) -> bool {
        let text = |target: &Target| target.field_type == FieldType::Text;
        self.targets.iter().all(text)
    }

    /// Appends a line as one row. Returns whether values were left out, which
    /// only the lenient policy does.
    pub(crate) fn append_record(
        &mut self,
        line: &[u8],
        format: &Format,
    ) -> Result<bool, RecordError> {
        let base = self.text.len();
        let (columns, targets) = (&mut self.columns, &self.targets);
        let mut keep_line = false;
        let result = for_each_value(line, format, self.policy, |index, value| {
            let Some(column) = targets[index].column else {
                return;
            };
            let offset = match value {
                Value::Text(text) if text.len() > INLINE_BYTES => {
                    keep_line = true;
                    base + (text.as_ptr().addr() - line.as_ptr().addr())
                }
                _ => 0,
            };
            columns[column].append(value, offset as u32);
        });
        match result {
            Ok(_) => {
                if keep_line {
                    self.text.extend_from_slice(line);
                }
                self.rows += 1;
            }
            Err(_) => self.truncate(),
        }
        result
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
        // An export has one value more, the time before each record.
        let skipped = block.values() - self.targets.len();
        let fits = starts_as_records(block, format, self.targets[0].field_type, skipped > 0)
            && self.targets.iter().enumerate().all(|(index, target)| {
                let value = index + skipped;
                let checked = target.field_type != FieldType::Address || block.addresses(value);
                checked
                    && match target.column {
                        Some(column) => self.columns[column].append_block(block, value, place),
                        None => is_readable(block, value, target.field_type),
                    }
            });
        if !fits {
            self.truncate();
            return false;
        }
        self.rows += block.rows();
        if self.columns.iter().any(ColumnBuilder::has_long_text) {
            match shared {
                Some((buffer, _)) if self.shared.len() < place.buffer as usize => {
                    self.shared.push(buffer.clone());
                }
                Some(_) => {}
                None => self.text.extend_from_slice(block.lines()),
            }
        }
        true
    }

    /// Where a block's text will be found.
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

    /// Drops what was appended after the last whole row.
    fn truncate(&mut self) {
        for column in self.targets.iter().filter_map(|target| target.column) {
            self.columns[column].truncate(self.rows);
        }
    }

    /// The rows so far, or `None` when there are none.
    pub(crate) fn finish(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        if self.rows == 0 {
            return Ok(None);
        }
        let rows = std::mem::take(&mut self.rows);
        let text = Vec::with_capacity(self.text.len());
        let mut buffers = vec![Buffer::from_vec(std::mem::replace(&mut self.text, text))];
        buffers.append(&mut self.shared);
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &mut self.columns {
            column.pad_to(rows);
            columns.push(column.finish(&buffers, self.capacity)?);
        }
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

/// The type of field that fills a column of this Arrow type.
fn column_type(data_type: &DataType) -> FieldType {
    match data_type {
        DataType::Int32 => FieldType::Int32,
        DataType::Int64 => FieldType::Int64,
        DataType::Timestamp(..) => FieldType::Timestamp,
        _ => FieldType::Text,
    }
}
