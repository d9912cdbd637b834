//! Amounts of bytes, as people read and write them.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes: `1.5 GB`, in units of 1000.
///
/// ```
/// use vpcflow_query::Size;
///
/// assert_eq!("2GB".parse(), Ok(Size(2_000_000_000)));
/// assert_eq!("1.5 MiB".parse(), Ok(Size(1_572_864)));
/// assert_eq!(Size(1_500_000_000).to_string(), "1.5 GB");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Names of units in lower case, and their bytes. A bare letter is a unit of 1000.
const UNITS: [(&str, u64); 16] = [
    ("", 1),
    ("b", 1),
    ("k", 1000),
    ("kb", 1000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
    ("pb", 1_000_000_000_000_000),
    ("pib", 1 << 50),
];

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let wrong = || "a size is `500MB`, `2GB` or `1.5GiB`".to_owned();
        let end = text.find(|character: char| !character.is_ascii_digit() && character != '.');
        let (number, unit) = text.split_at(end.unwrap_or(text.len()));
        let unit = unit.trim().to_lowercase();
        let (_, unit_bytes) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(wrong)?;
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let bytes = number * *unit_bytes as f64;
        match bytes >= 1.0 && bytes < u64::MAX as f64 {
            true => Ok(Size(bytes as u64)),
            false => Err(wrong()),
        }
    }
}

/// In the largest unit that leaves a whole part.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut value = self.0 as f64 / 1000.0;
        let mut unit = 0;
        // 999.95 would be printed as 1000.0.
        while value >= 999.95 && unit + 1 < UNITS.len() {
            value /= 1000.0;
            unit += 1;
        }
        write!(f, "{value:.1} {}", UNITS[unit])
    }
}

/// A number with a comma for each thousand.
///
/// ```
/// assert_eq!(vpcflow_query::grouped(1_234_567_u64), "1,234,567");
/// ```
pub fn grouped(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = if number < 0 { "-" } else { "" }.to_owned();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_for_people() {
        assert_eq!(
            [0, 999, 1000, 999_949, 999_950, 1_500_000_000].map(|bytes| Size(bytes).to_string()),
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB", "1.5 GB"]
        );
    }

    #[test]
    fn sizes_are_read() {
        let read = |text: &str| text.parse().map(|Size(bytes)| bytes).ok();
        assert_eq!(read("512"), Some(512));
        assert_eq!(read("64kB"), Some(64_000));
        assert_eq!(read("64 KiB"), Some(65_536));
        assert_eq!(read("0.5g"), Some(500_000_000));
        for none in [
            "",
            "GB",
            "0",
            "-1",
            "1.2.3",
            "1XB",
            "1 GB more",
            "1e3",
            "99999999999PB",
        ] {
            assert_eq!(read(none), None, "{none}");
        }
    }
}
