//! A condition on records that is decided before rows are built.

/// Records become rows only if the text of a column is this.
///
/// All others are read, checked and counted as ever; only their rows are not built, which
/// takes longer than to read them.
///
/// ```
/// use vpcflow_record::{DecodeOptions, Decoder, Format, Only};
///
/// let options = DecodeOptions {
///     only: Some(Only::new("action", "REJECT")),
///     ..DecodeOptions::default()
/// };
/// let mut decoder = Decoder::new(Format::parse("dstport action")?, options);
/// decoder.decode(b"443 ACCEPT\n22 REJECT\nNaN ACCEPT\n- -\n");
/// assert_eq!(decoder.flush()?.unwrap().num_rows(), 1);
/// assert_eq!((decoder.counts().records, decoder.counts().rejects), (3, 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Only {
    column: String,
    text: String,
}

impl Only {
    /// Of a column of text, by its name in the table. A format without the column has no
    /// such rows, and NULL is no text: none has `-`.
    pub fn new(column: impl Into<String>, text: impl Into<String>) -> Only {
        Only {
            column: column.into(),
            text: text.into(),
        }
    }

    pub(crate) fn column(&self) -> &str {
        &self.column
    }

    /// Whether a word that is not NULL is the text.
    #[inline]
    pub(crate) fn is(&self, word: &[u8]) -> bool {
        word == self.text.as_bytes()
    }

    pub(crate) fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }
}
