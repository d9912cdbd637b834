//! The fields of a line.

use vpcflow_record::{Format, FormatField};

/// The fields of a line, in AWS's order
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// AWS's default format: 14 fields, about 113 bytes.
    V2,
    /// All fields up to version 5: 29, about 240 bytes.
    V5,
    /// All fields up to version 11: 54, about 360 bytes.
    V11,
}

impl Layout {
    /// The format of the lines.
    #[must_use]
    pub fn format(self) -> Format {
        Format::up_to_version(self.version())
    }

    /// The header line that AWS puts in front of files in S3, without its end.
    #[must_use]
    pub fn header(self) -> String {
        let format = self.format();
        let names: Vec<_> = format.fields().iter().map(FormatField::name).collect();
        names.join(" ")
    }

    /// The value of `version`: the highest version among the fields.
    pub(crate) fn version(self) -> u8 {
        match self {
            Self::V2 => 2,
            Self::V5 => 5,
            Self::V11 => 11,
        }
    }

    /// How many fields follow the 14 of version 2.
    pub(crate) fn fields_beyond_version_2(self) -> usize {
        match self {
            Self::V2 => 0,
            Self::V5 => 15,
            Self::V11 => 40,
        }
    }
}
