//! Refused lines, with their place and reason.

use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringViewBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::ArrowError;

use crate::format::Format;
use crate::reason::{Reason, RecordError};
use crate::schema::rejects_schema;

/// Bytes of a refused line that are kept.
pub const MAX_REJECT_BYTES: usize = 4096;

/// A line that is no record of its format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Byte offset of the line in the input.
    pub position: u64,
    /// AWS's name of the field at fault; `None` when the whole line is.
    pub field: Option<Arc<str>>,
    /// What is wrong.
    pub reason: Reason,
    /// The line's first [`MAX_REJECT_BYTES`], with U+FFFD for bytes that are
    /// no UTF-8.
    pub line: String,
}

impl Reject {
    pub(crate) fn new(position: u64, error: RecordError, line: &[u8], format: &Format) -> Reject {
        let kept = &line[..line.len().min(MAX_REJECT_BYTES)];
        Reject {
            position,
            field: error
                .field
                .map(|index| format.fields()[index].name().into()),
            reason: error.reason,
            line: String::from_utf8_lossy(kept)
                .trim_end_matches('\r')
                .to_owned(),
        }
    }
}

/// Collects rejects as a batch of the schema [`rejects_schema`].
///
/// ```
/// use vpcflow_record::{DecodeOptions, Decoder, Format, RejectsBuilder};
///
/// let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
/// decoder.decode(b"2 too few\n");
/// let mut rejects = RejectsBuilder::default();
/// for reject in decoder.take_rejects() {
///     rejects.append("example.log", Some(reject.position), None, &reject);
/// }
/// assert_eq!(rejects.finish()?.num_rows(), 1);
/// # Ok::<(), arrow_schema::ArrowError>(())
/// ```
#[derive(Debug, Default)]
pub struct RejectsBuilder {
    source: StringViewBuilder,
    position: Int64Builder,
    event_id: StringViewBuilder,
    field: StringViewBuilder,
    reason: StringViewBuilder,
    line: StringViewBuilder,
    rows: usize,
}

impl RejectsBuilder {
    /// Adds a refused line of `source`: with its byte offset in a file, or with
    /// its event id in a log group.
    pub fn append(
        &mut self,
        source: &str,
        position: Option<u64>,
        event_id: Option<&str>,
        reject: &Reject,
    ) {
        self.source.append_value(source);
        self.position
            .append_option(position.and_then(|position| i64::try_from(position).ok()));
        self.event_id.append_option(event_id);
        self.field.append_option(reject.field.as_deref());
        self.reason.append_value(reject.reason.to_string());
        self.line.append_value(&reject.line);
        self.rows += 1;
    }

    /// Rows added since the last [`RejectsBuilder::finish`].
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether no row was added since the last [`RejectsBuilder::finish`].
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The rows so far as a batch; the builder starts anew.
    ///
    /// # Errors
    /// None that are known: the columns are built to the schema.
    pub fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.source.finish()),
            Arc::new(self.position.finish()),
            Arc::new(self.event_id.finish()),
            Arc::new(self.field.finish()),
            Arc::new(self.reason.finish()),
            Arc::new(self.line.finish()),
        ];
        RecordBatch::try_new(rejects_schema(), columns)
    }
}
