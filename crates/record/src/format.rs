//! Log formats: the ordered list of fields that a flow log writes.
//!
//! A format comes from what the user declares, from the `LogFormat` of the
//! flow log, or from a file's header line. The number of tokens never tells a
//! format: many formats have the same number.

use std::fmt;
use std::sync::Arc;

use nom::branch::alt;
use nom::bytes::complete::{tag, take_while, take_while1};
use nom::character::complete::{char, space0, space1};
use nom::combinator::{all_consuming, eof, value};
use nom::multi::separated_list1;
use nom::sequence::{delimited, preceded};
use nom::{IResult, Parser};

use crate::field::{Field, FieldType};

/// One position of a format.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FormatField {
    /// A field of the registry.
    Known(Field),
    /// A field that this version does not know, under the name given: a text
    /// column, so that a new AWS field is usable before it is known.
    Unknown(Arc<str>),
}

impl FormatField {
    fn from_name(name: &str) -> FormatField {
        match Field::from_name(name) {
            Some(field) => FormatField::Known(field),
            None => FormatField::Unknown(name.to_ascii_lowercase().into()),
        }
    }

    /// The name as in a log format: AWS's for a known field.
    pub fn name(&self) -> &str {
        match self {
            FormatField::Known(field) => field.name(),
            FormatField::Unknown(name) => name,
        }
    }

    /// The SQL column: the name in snake_case.
    pub fn column(&self) -> String {
        match self {
            FormatField::Known(field) => field.column().to_owned(),
            FormatField::Unknown(name) => name.replace('-', "_"),
        }
    }

    /// What the field's text means; text for an unknown field.
    pub fn field_type(&self) -> FieldType {
        match self {
            FormatField::Known(field) => field.field_type(),
            FormatField::Unknown(_) => FieldType::Text,
        }
    }
}

/// What stands between two values of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Separator {
    /// Spaces, as AWS writes records.
    #[default]
    Space,
    /// A comma, as other tools export them. Nothing between two commas is
    /// NULL.
    Comma,
}

/// An ordered list of fields, each at most once. Cheap to clone.
///
/// ```
/// use vpcflow_record::{Field, Format, FormatField};
///
/// let format = Format::parse("${srcaddr} ${dstport} ${my-new-field}")?;
/// assert_eq!(format, Format::parse("srcaddr dstport my-new-field")?);
/// assert_eq!(format.fields()[1], FormatField::Known(Field::Dstport));
/// assert_eq!(format.fields()[2].column(), "my_new_field");
///
/// assert_eq!(Format::default().fields().len(), 14);
/// # Ok::<(), vpcflow_record::FormatError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Format {
    fields: Arc<[FormatField]>,
    /// Those of `fields`: looked at for each value of each record.
    types: Arc<[FieldType]>,
    separator: Separator,
}

/// Why a text is no log format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// No field at all.
    Empty,
    /// A character that no format has, with its byte offset.
    Unexpected {
        /// Byte offset in the text given.
        offset: usize,
        /// The text from there on, at most a few characters.
        found: String,
    },
    /// A field named twice (also by an alias, or in another case).
    Duplicate(String),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Empty => f.write_str("the log format names no field"),
            FormatError::Unexpected { offset, found } => {
                write!(
                    f,
                    "the log format cannot be read at byte {offset}: `{found}`"
                )
            }
            FormatError::Duplicate(name) => write!(f, "the log format names `{name}` twice"),
        }
    }
}

impl std::error::Error for FormatError {}

impl Format {
    /// Reads a format: AWS's `${field} ${field}`, bare names separated by
    /// spaces or commas, or `default` for the version-2 order.
    ///
    /// Names are taken in any case, with `-` or `_`. Unknown names become text
    /// columns; [`Format::unknown`] tells which, for a warning.
    ///
    /// # Errors
    /// When the text holds no field, something that is no field name, or a
    /// field twice.
    pub fn parse(text: &str) -> Result<Format, FormatError> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("default") {
            return Ok(Format::default());
        }
        if text.is_empty() {
            return Err(FormatError::Empty);
        }
        let names = match format_names(text) {
            Ok((_, names)) => names,
            Err(nom::Err::Error(error) | nom::Err::Failure(error)) => {
                let offset = text.len() - error.input.len();
                let found = error.input.chars().take(12).collect();
                return Err(FormatError::Unexpected { offset, found });
            }
            Err(nom::Err::Incomplete(_)) => return Err(FormatError::Empty),
        };
        Format::from_names(names)
    }

    fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Format, FormatError> {
        let mut fields: Vec<FormatField> = Vec::new();
        for name in names {
            let field = FormatField::from_name(name);
            // Compared as columns: `a-b` and `a_b` would be one column.
            let column = field.column();
            if fields.iter().any(|earlier| earlier.column() == column) {
                return Err(FormatError::Duplicate(name.to_owned()));
            }
            fields.push(field);
        }
        if fields.is_empty() {
            return Err(FormatError::Empty);
        }
        Ok(Format::of(fields.into()))
    }

    fn of(fields: Arc<[FormatField]>) -> Format {
        let types = fields.iter().map(FormatField::field_type).collect();
        Format {
            fields,
            types,
            separator: Separator::Space,
        }
    }

    /// The same fields, with another separator between the values.
    #[must_use]
    pub fn with_separator(self, separator: Separator) -> Format {
        Format { separator, ..self }
    }

    /// What stands between two values of a line: a comma only in exports of
    /// other tools.
    pub fn separator(&self) -> Separator {
        self.separator
    }

    /// The types of [`Format::fields`], in the same order.
    pub(crate) fn field_types(&self) -> &[FieldType] {
        &self.types
    }

    /// The format of these registry fields.
    pub fn from_fields(fields: &[Field]) -> Result<Format, FormatError> {
        Format::from_names(fields.iter().map(|field| field.name()))
    }

    /// Every VPC field of versions 2 up to `version`, in AWS's order; 11 is
    /// all of them. Transit Gateway's fields are not among them.
    pub fn up_to_version(version: u8) -> Format {
        let fields = Field::ALL
            .iter()
            .filter(|field| field.version() != 6 && field.version() <= version.max(2))
            .map(|field| FormatField::Known(*field))
            .collect();
        Format::of(fields)
    }

    /// The format that a header line declares, or `None` if the line is none.
    ///
    /// A header is a line of nothing but names, at least half of them fields
    /// of the registry: no record reads so. Names with commas between them
    /// declare that the values have commas between them too.
    pub fn from_header(line: &[u8]) -> Option<Format> {
        let line = std::str::from_utf8(line).ok()?;
        let (separator, names): (_, Vec<&str>) = if line.contains(',') {
            (Separator::Comma, line.split(',').map(str::trim).collect())
        } else {
            (Separator::Space, line.split_ascii_whitespace().collect())
        };
        if names.is_empty() || !names.iter().all(|name| is_name(name)) {
            return None;
        }
        let known = names
            .iter()
            .filter(|name| Field::from_name(name).is_some())
            .count();
        if known * 2 < names.len() {
            return None;
        }
        let format = Format::from_names(names).ok()?;
        Some(format.with_separator(separator))
    }

    /// The fields in order.
    pub fn fields(&self) -> &[FormatField] {
        &self.fields
    }

    /// The fields that the registry does not have, as named.
    pub fn unknown(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter_map(|field| match field {
            FormatField::Unknown(name) => Some(&**name),
            FormatField::Known(_) => None,
        })
    }

    /// Whether this is AWS's default format.
    pub fn is_default(&self) -> bool {
        *self == Format::default()
    }

    /// The format as [CreateFlowLogs] takes it: `${version} ${account-id} …`.
    ///
    /// [CreateFlowLogs]: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateFlowLogs.html
    pub fn to_log_format(&self) -> String {
        let names: Vec<String> = self
            .fields
            .iter()
            .map(|field| format!("${{{}}}", field.name()))
            .collect();
        names.join(" ")
    }
}

/// AWS's default format: the 14 fields of version 2.
impl Default for Format {
    fn default() -> Format {
        Format::up_to_version(2)
    }
}

/// Bare names separated by spaces, as in a header line.
impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(field.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Format({self})")
    }
}

fn is_name_byte(byte: char) -> bool {
    byte.is_ascii_alphanumeric() || byte == '-' || byte == '_'
}

/// A name as a header has it: it starts with a letter, so that no number,
/// address or `-` is taken for one.
fn is_name(token: &str) -> bool {
    token.starts_with(|first: char| first.is_ascii_alphabetic()) && token.chars().all(is_name_byte)
}

fn bare_name(input: &str) -> IResult<&str, &str> {
    let (_, _) = take_while1(|first: char| first.is_ascii_alphabetic()).parse(input)?;
    take_while(is_name_byte).parse(input)
}

fn braced_name(input: &str) -> IResult<&str, &str> {
    delimited((tag("${"), space0), bare_name, (space0, char('}'))).parse(input)
}

fn separator(input: &str) -> IResult<&str, ()> {
    alt((value((), (space0, char(','), space0)), value((), space1))).parse(input)
}

fn format_names(input: &str) -> IResult<&str, Vec<&str>> {
    all_consuming(alt((
        // Which of the two it is shows in the first character, so that the
        // error is the one of the style that the text is written in.
        preceded(
            nom::combinator::peek(char('$')),
            separated_list1(separator, braced_name),
        ),
        preceded(
            nom::combinator::not(char('$')),
            separated_list1(separator, bare_name),
        ),
        value(Vec::new(), eof),
    )))
    .parse(input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_way_of_writing_a_format() {
        let expected = Format::from_fields(&[Field::Srcaddr, Field::LogStatus]).unwrap();
        for text in [
            "${srcaddr} ${log-status}",
            "srcaddr log-status",
            "srcaddr,log-status",
            "  SRCADDR ,  log_status ",
            "sourceaddress flowlogstatus",
        ] {
            assert_eq!(Format::parse(text).unwrap(), expected, "{text}");
        }
        assert!(Format::parse("Default").unwrap().is_default());
        assert_eq!(expected.to_log_format(), "${srcaddr} ${log-status}");
        assert_eq!(expected.to_string(), "srcaddr log-status");
    }

    #[test]
    fn refuses_what_is_no_format() {
        assert_eq!(Format::parse(" "), Err(FormatError::Empty));
        assert_eq!(
            Format::parse("srcaddr SrcAddr"),
            Err(FormatError::Duplicate("SrcAddr".into()))
        );
        assert_eq!(
            Format::parse("${srcaddr} {dstaddr}")
                .unwrap_err()
                .to_string(),
            "the log format cannot be read at byte 10: ` {dstaddr}`"
        );
        for text in [
            "srcaddr 10.0.0.1",
            "${srcaddr",
            "${}",
            "2 3",
            "srcaddr;dstaddr",
        ] {
            assert!(Format::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_is_told_from_a_record() {
        let header = b"version srcaddr a-field-of-tomorrow dstaddr";
        let format = Format::from_header(header).unwrap();
        assert_eq!(
            format.unknown().collect::<Vec<_>>(),
            ["a-field-of-tomorrow"]
        );
        assert!(Format::from_header(b"Version Account_Id Interface_Id\r").is_some());
        for line in [
            &b"2 123456789010 eni-1 10.0.0.1 10.0.0.2 1 2 6 1 1 1 1 ACCEPT OK"[..],
            b"not a header at all",
            b"ACCEPT OK",
            b"",
            b"- - -",
        ] {
            assert_eq!(Format::from_header(line), None);
        }
    }

    #[test]
    fn versions_have_the_lengths_of_the_documentation() {
        let lengths = [2, 5, 11].map(|version| Format::up_to_version(version).fields().len());
        assert_eq!(lengths, [14, 29, 54]);
    }
}
