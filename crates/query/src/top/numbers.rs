//! Numbers and times as people read them.

use datafusion::arrow::temporal_conversions::timestamp_us_to_datetime;

use crate::size::{Size, grouped};

/// What stands for a value that there is none of.
pub(super) const NONE: &str = "-";

/// From this on a number of things is in thousands, millions or more.
const COUNTED: i128 = 1_000_000;

/// A number of things: with a comma for each thousand, from a million on in units.
pub(super) fn count(number: i128) -> String {
    match number.unsigned_abs() < COUNTED as u128 {
        true => grouped(number),
        false => short(number as f64),
    }
}

/// In the largest unit of 1000 that leaves a whole part: `61.7 G`.
pub(super) fn short(number: f64) -> String {
    const UNITS: [&str; 7] = ["", " k", " M", " G", " T", " P", " E"];
    let mut value = number;
    let mut unit = 0;
    // 999.95 would be written as 1000.0.
    while value.abs() >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    match unit == 0 && value.fract() == 0.0 {
        true => format!("{value:.0}"),
        false => format!("{value:.1}{}", UNITS[unit]),
    }
}

/// Bytes in the largest unit of 1000: `61.7 GB`.
pub(super) fn bytes(number: i128) -> String {
    match u64::try_from(number) {
        Ok(bytes) => Size(bytes).to_string(),
        Err(_) => format!("{} B", grouped(number)),
    }
}

/// A part of a whole in percent, as every ranking has it: to a tenth.
pub(super) fn percent(part: Option<i128>, whole: Option<i128>) -> Option<f64> {
    let (part, whole) = (part?, whole.filter(|whole| *whole != 0)?);
    Some(tenth(100.0 * part as f64 / whole as f64))
}

/// Rounded to a tenth.
pub(super) fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// A change in percent; from ten times as much on, how many times it is.
pub(super) fn change(percent: f64) -> String {
    match percent < 900.0 {
        true => format!("{percent:+.1}%"),
        false => format!("x{}", short(1.0 + percent / 100.0)),
    }
}

/// A time in UTC, of microseconds since 1970.
pub(super) fn time(us: i64, format: &str) -> String {
    match timestamp_us_to_datetime(us) {
        Some(time) => time.format(format).to_string(),
        None => format!("{us} us"),
    }
}

/// How long a step is: `2 min`.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!(
            [0, -7, 999, 1000, 999_999, 1_000_000, 61_700_000_000].map(count),
            ["0", "-7", "999", "1,000", "999,999", "1.0 M", "61.7 G"]
        );
        assert_eq!(
            [0, 999, 1000, 999_949, 999_950].map(bytes),
            ["0 B", "999 B", "1.0 kB", "999.9 kB", "1.0 MB"]
        );
        assert_eq!(
            [0.0, 8.25, 836.96, 137_083_278.4].map(short),
            ["0", "8.2", "837.0", "137.1 M"]
        );
        assert_eq!(
            [12.34, -45.0, 0.0, 12_345.6].map(change),
            ["+12.3%", "-45.0%", "+0.0%", "x124.5"]
        );
        assert_eq!(
            [1, 120, 3600, 172_800].map(span),
            ["1 s", "2 min", "1 h", "2 d"]
        );
    }

    #[test]
    fn shares_are_to_a_tenth() {
        assert_eq!(percent(Some(1), Some(3)), Some(33.3));
        assert_eq!(percent(Some(1), Some(0)), None);
        assert_eq!(percent(None, Some(3)), None);
    }
}
