//! What one part of a text tells the next.

use crate::format::Format;

/// How the next line is read: what the header lines before it have left behind.
/// A decoder that begins in the middle of a text needs it of the one before.
///
/// ```
/// use vpcflow_record::{DecodeOptions, Decoder, Format};
///
/// let text = b"srcaddr dstport\n10.0.0.1 22\n10.0.0.2 many\n";
/// let mut whole = Decoder::new(Format::default(), DecodeOptions::default());
/// whole.decode(text);
///
/// let (first, second) = text.split_at(28);
/// let mut decoder = Decoder::new(Format::default(), DecodeOptions::default());
/// decoder.decode(first);
/// let read_as = decoder.line_format();
/// decoder.go_on(28, &read_as);
/// decoder.decode(second);
/// assert_eq!(decoder.flush()?, whole.flush()?);
/// assert_eq!(decoder.take_rejects(), whole.take_rejects());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFormat {
    pub(crate) format: Format,
    /// The last header did not fit the table, so that all is refused.
    pub(crate) foreign: bool,
}

impl From<Format> for LineFormat {
    /// At the start of a text.
    fn from(format: Format) -> LineFormat {
        LineFormat {
            format,
            foreign: false,
        }
    }
}
