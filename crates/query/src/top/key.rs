//! What a ranking is of and by, as users write it: `srcaddr/24,dstport/bytes`.

use std::fmt;
use std::str::FromStr;

use datafusion::arrow::datatypes::{DataType, Schema};

use crate::error::{Error, similar};

/// What a ranking is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Sum of bytes.
    Bytes,
    /// Sum of packets.
    Packets,
    /// Number of records.
    Flows,
}

impl Measure {
    /// Every measure, in the order of the documents.
    pub const ALL: [Measure; 3] = [Measure::Bytes, Measure::Packets, Measure::Flows];

    /// The name, which is that of a column of the ranking as well.
    pub fn name(self) -> &'static str {
        match self {
            Measure::Bytes => "bytes",
            Measure::Packets => "packets",
            Measure::Flows => "flows",
        }
    }

    /// Its place among [`Measure::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Measure {
    type Err = String;

    fn from_str(text: &str) -> Result<Measure, String> {
        let found = Measure::ALL
            .into_iter()
            .find(|measure| measure.name() == text);
        found.ok_or_else(|| "the measures are bytes, packets and flows".to_owned())
    }
}

/// Bits of an IPv6 address that make a network where only those of IPv4 are given.
const USUAL_BITS_IPV6: u8 = 64;

/// The bits of addresses that make a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Bits {
    ipv4: u8,
    ipv6: u8,
}

/// A column that makes a row of a ranking, or the networks of its addresses.
///
/// `srcaddr/24` are networks of 24 bits of IPv4 and 64 of IPv6, `srcaddr/24/48` of
/// 48 of IPv6, and `srcaddr/64` leaves IPv4 addresses whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    column: String,
    bits: Option<Bits>,
}

/// What the values of a key mean to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A port, beside which its service is named.
    Port,
    /// A protocol, which is shown by its name.
    Protocol,
    /// A value that is shown as it is.
    Plain,
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Key, String> {
        let mut parts = text.trim().split('/');
        // AWS's names have dashes.
        let column = parts.next().unwrap_or_default();
        let column = column.trim().to_lowercase().replace('-', "_");
        if column.is_empty() {
            return Err("a key is the name of a column, or `srcaddr/24`".to_owned());
        }
        let bits: Vec<&str> = parts.collect();
        let number = |text: &str| text.parse::<u8>().ok().filter(|bits| *bits <= 128);
        let bits = match bits[..] {
            [] => None,
            [only] => match number(only) {
                Some(ipv4 @ ..=32) => Some((ipv4, USUAL_BITS_IPV6)),
                Some(ipv6) => Some((32, ipv6)),
                None => return Err(no_bits(text, only)),
            },
            [first, second] => match (number(first), number(second)) {
                (Some(ipv4 @ ..=32), Some(ipv6)) => Some((ipv4, ipv6)),
                (Some(..=32), None) => return Err(no_bits(text, second)),
                _ => return Err(no_bits(text, first)),
            },
            _ => {
                return Err(format!(
                    "`{text}` has more than bits of IPv4 and of IPv6: `srcaddr/24/64`"
                ));
            }
        };
        let bits = bits.map(|(ipv4, ipv6)| Bits { ipv4, ipv6 });
        Ok(Key { column, bits })
    }
}

fn no_bits(key: &str, part: &str) -> String {
    if Measure::from_str(part).is_ok() {
        return format!("`{part}` in `{key}` is what a ranking is by, not what it is of");
    }
    format!(
        "`{part}` in `{key}` is no number of bits: `srcaddr/24`, or `srcaddr/24/64` with IPv6's"
    )
}

/// As users write it, without what goes without saying.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, '/')
    }
}

impl Key {
    fn write(&self, f: &mut impl fmt::Write, separator: char) -> fmt::Result {
        f.write_str(&self.column)?;
        match self.bits {
            None => Ok(()),
            Some(Bits { ipv4, ipv6 }) if ipv6 == USUAL_BITS_IPV6 && ipv4 < 32 => {
                write!(f, "{separator}{ipv4}")
            }
            Some(Bits { ipv4: 32, ipv6 }) if ipv6 > 32 => write!(f, "{separator}{ipv6}"),
            Some(Bits { ipv4, ipv6 }) => write!(f, "{separator}{ipv4}{separator}{ipv6}"),
        }
    }

    /// The name of its column in the rows of a ranking: `srcaddr_24`.
    pub(super) fn output_column(&self) -> String {
        let mut name = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut name, '_');
        name
    }

    pub(super) fn kind(&self) -> KeyKind {
        match self.column.as_str() {
            "srcport" | "dstport" | "client_port" | "server_port" => KeyKind::Port,
            "protocol" => KeyKind::Protocol,
            _ => KeyKind::Plain,
        }
    }

    /// The key in SQL over records of these columns.
    ///
    /// # Errors
    /// When there is no such column, or a prefix is asked of one that has no addresses.
    pub(super) fn sql(&self, columns: &Schema) -> Result<String, Error> {
        let column = &self.column;
        if let Ok(measure) = Measure::from_str(column) {
            return Err(Error::Parameter(format!(
                "`{column}` is what a ranking is by, not what it is of: `--by {measure}`"
            )));
        }
        let Ok(field) = columns.field_with_name(column) else {
            let names = columns.fields().iter().map(|field| field.name().as_str());
            return Err(Error::UnknownColumn {
                name: column.clone(),
                similar: similar(column, names),
            });
        };
        let quoted = format!("\"{}\"", column.replace('"', "\"\""));
        let Some(Bits { ipv4, ipv6 }) = self.bits else {
            return Ok(quoted);
        };
        match field.data_type() {
            DataType::Utf8View | DataType::Utf8 | DataType::LargeUtf8 => {
                Ok(format!("ip_prefix({quoted}, {ipv4}, {ipv6})"))
            }
            _ => Err(Error::Parameter(format!(
                "`{self}` is no network: `{column}` has no addresses"
            ))),
        }
    }
}

/// A ranking in words: `KEY[,KEY]…[/MEASURE]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stat {
    /// What makes a row.
    pub keys: Vec<Key>,
    /// What it is ordered by, largest first.
    pub by: Measure,
}

impl Stat {
    /// Reads the words. Without a measure in them, the ranking is by `usual`.
    ///
    /// ```
    /// use vpcflow_query::{Measure, Stat};
    ///
    /// let stat = Stat::parse("srcaddr/24,dstport/flows", Measure::Bytes).unwrap();
    /// assert_eq!((stat.keys.len(), stat.by), (2, Measure::Flows));
    /// assert_eq!(stat.to_string(), "srcaddr/24,dstport/flows");
    /// ```
    ///
    /// # Errors
    /// When a key is none.
    pub fn parse(text: &str, usual: Measure) -> Result<Stat, String> {
        let (keys, by) = match text.rsplit_once('/') {
            Some((keys, last)) => match last.trim().parse() {
                Ok(measure) => (keys, measure),
                Err(_) => (text, usual),
            },
            None => (text, usual),
        };
        let keys = keys.split(',').map(str::parse);
        Ok(Stat::new(keys.collect::<Result<_, _>>()?, by))
    }

    /// A ranking of these keys. One that is named twice counts once.
    pub fn new(keys: Vec<Key>, by: Measure) -> Stat {
        let mut once: Vec<Key> = Vec::new();
        for key in keys {
            if !once.contains(&key) {
                once.push(key);
            }
        }
        Stat { keys: once, by }
    }

    /// The keys, as users write them.
    pub fn keys_text(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        keys.join(",")
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.keys_text(), self.by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(text: &str) -> Result<String, String> {
        Stat::parse(text, Measure::Bytes).map(|stat| stat.to_string())
    }

    #[test]
    fn rankings_are_read() {
        for (text, told) in [
            ("srcaddr", "srcaddr/bytes"),
            ("srcaddr/flows", "srcaddr/flows"),
            ("srcaddr/24/packets", "srcaddr/24/packets"),
            ("srcaddr/24/48,dstport", "srcaddr/24/48,dstport/bytes"),
            ("srcaddr/64", "srcaddr/64/bytes"),
            // Whole IPv4 addresses, and networks of IPv6 as usual.
            ("srcaddr/32", "srcaddr/64/bytes"),
            ("srcaddr/32/128", "srcaddr/128/bytes"),
            ("srcaddr/0", "srcaddr/0/bytes"),
            ("Interface-Id, DSTPORT/flows", "interface_id,dstport/flows"),
            ("dstport,dstport", "dstport/bytes"),
        ] {
            assert_eq!(stat(text).as_deref(), Ok(told), "{text}");
            assert_eq!(stat(told).as_deref(), Ok(told), "{told}");
        }
    }

    #[test]
    fn mistakes_are_told() {
        for (text, told) in [
            ("", "a key is the name of a column"),
            ("srcaddr,", "a key is the name of a column"),
            ("srcaddr/x", "`x` in `srcaddr/x` is no number of bits"),
            ("srcaddr/129", "`129` in `srcaddr/129` is no number of bits"),
            (
                "srcaddr/48/64",
                "`48` in `srcaddr/48/64` is no number of bits",
            ),
            ("srcaddr/1/2/3", "more than bits of IPv4 and of IPv6"),
            ("srcaddr/bytes,dstport", "is what a ranking is by"),
        ] {
            let error = stat(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }
}
