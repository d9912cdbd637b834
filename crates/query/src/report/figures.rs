//! Numbers and times as people read them. Exact values stand beside them.

use jiff::Timestamp;

use crate::size::{Size, grouped};

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Things: `1,234,567`.
    Count,
    /// Bytes: `61.7 GB`.
    Bytes,
    /// A time in microseconds since the Unix epoch.
    Time,
}

/// What stands where there is no value.
pub(super) const NONE: &str = "–";

impl Unit {
    /// A value in a table.
    pub(super) fn shown(self, value: Option<i64>) -> String {
        match (self, value) {
            (_, None) => NONE.to_owned(),
            (Unit::Count, Some(value)) => count(value),
            (Unit::Bytes, Some(value)) => bytes(value),
            (Unit::Time, Some(us)) => time(us),
        }
    }

    /// A value where there is room for few figures.
    pub(super) fn short(self, value: i64) -> String {
        match self {
            Unit::Count => short_count(value),
            Unit::Bytes => short_bytes(value),
            Unit::Time => self.shown(Some(value)),
        }
    }
}

/// A whole number with a comma for each thousand.
pub(super) fn count(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}", grouped(value.unsigned_abs()))
}

/// Three figures and a unit: `12.3 M`.
pub(super) fn short_count(value: i64) -> String {
    const UNITS: [&str; 4] = ["k", "M", "G", "T"];
    let number = value.unsigned_abs();
    if number < 10_000 {
        return count(value);
    }
    let mut number = number as f64 / 1000.0;
    let mut unit = 0;
    // 999.95 would be printed as 1000.0.
    while number >= 999.95 && unit + 1 < UNITS.len() {
        number /= 1000.0;
        unit += 1;
    }
    let sign = if value < 0 { "−" } else { "" };
    let number = format!("{number:.1}");
    let number = number.strip_suffix(".0").unwrap_or(&number);
    format!("{sign}{number}\u{a0}{}", UNITS[unit])
}

/// Bytes in the largest unit that leaves a whole part; the space does not break.
pub(super) fn bytes(value: i64) -> String {
    let sign = if value < 0 { "−" } else { "" };
    let size = Size(value.unsigned_abs()).to_string();
    format!("{sign}{}", size.replace(' ', "\u{a0}"))
}

/// As [`bytes`], in two or three figures: `142 MB`, `4 GB`.
fn short_bytes(value: i64) -> String {
    let text = bytes(value);
    let Some((whole, rest)) = text.split_once('.') else {
        return text;
    };
    let (tenth, unit) = rest.split_at(1);
    if whole.len() >= 3 && value >= 0 {
        let rounded = format!("{whole}.{tenth}").parse::<f64>().map(f64::round);
        return rounded.map_or(text.clone(), |number| format!("{number}{unit}"));
    }
    match tenth {
        "0" => format!("{whole}{unit}"),
        _ => text,
    }
}

/// A part of a whole in percent: `41.2 %`; `–` of nothing.
pub(super) fn share(part: i64, whole: i64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    let percent = part as f64 / whole as f64 * 100.0;
    match percent {
        // Not nothing.
        percent if part != 0 && percent.abs() < 0.05 => "< 0.1\u{a0}%".to_owned(),
        // Not all.
        percent if part != whole && percent > 99.95 => "> 99.9\u{a0}%".to_owned(),
        percent => format!("{percent:.1}\u{a0}%"),
    }
}

/// A time in UTC, to the second.
pub(super) fn time(us: i64) -> String {
    format_time(us, "%Y-%m-%d %H:%M:%S")
}

/// A time in UTC as machines read it.
pub(super) fn machine_time(us: i64) -> String {
    format_time(us, "%Y-%m-%dT%H:%M:%SZ")
}

/// A time in UTC. One that no calendar has is its number.
pub(super) fn format_time(us: i64, format: &str) -> String {
    match Timestamp::from_microsecond(us) {
        Ok(time) => time.strftime(format).to_string(),
        Err(_) => format!("{us} µs"),
    }
}

/// A span in its two largest units: `1 h 5 min`.
pub(super) fn span(us: i64) -> String {
    const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = us.max(0) / 1_000_000;
    let mut parts: Vec<String> = Vec::new();
    for (unit, seconds) in UNITS {
        let number = rest / seconds;
        rest %= seconds;
        if number > 0 {
            parts.push(format!("{}\u{a0}{unit}", count(number)));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() {
        return "0\u{a0}s".to_owned();
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_for_people() {
        assert_eq!([0, -1, 1_234_567].map(count), ["0", "−1", "1,234,567"]);
        assert_eq!(
            [9_999, 10_000, 12_345_678, i64::MAX].map(short_count),
            ["9,999", "10\u{a0}k", "12.3\u{a0}M", "9223372\u{a0}T"]
        );
        assert_eq!(
            [0, 1_500, -61_700_000_000].map(bytes),
            ["0\u{a0}B", "1.5\u{a0}kB", "−61.7\u{a0}GB"]
        );
        assert_eq!(
            [999, 4_000_000_000, 141_600, 61_700, -141_600].map(short_bytes),
            [
                "999\u{a0}B",
                "4\u{a0}GB",
                "142\u{a0}kB",
                "61.7\u{a0}kB",
                "−141.6\u{a0}kB"
            ]
        );
        assert_eq!(Unit::Count.shown(None), NONE);
    }

    #[test]
    fn shares_are_not_rounded_to_nothing_or_all() {
        assert_eq!(share(0, 0), NONE);
        assert_eq!(share(1, 3), "33.3\u{a0}%");
        assert_eq!(share(0, 10), "0.0\u{a0}%");
        assert_eq!(share(1, 1_000_000), "< 0.1\u{a0}%");
        assert_eq!(share(999_999, 1_000_000), "> 99.9\u{a0}%");
        assert_eq!(share(7, 7), "100.0\u{a0}%");
    }

    #[test]
    fn times_and_spans_are_for_people() {
        assert_eq!(time(1_767_225_600_000_000), "2026-01-01 00:00:00");
        assert_eq!(machine_time(1_767_225_600_000_000), "2026-01-01T00:00:00Z");
        assert_eq!(time(i64::MAX), format!("{} µs", i64::MAX));
        let second = 1_000_000;
        assert_eq!(
            [0, 59, 3_600, 3_665, 90_061].map(|seconds| span(seconds * second)),
            [
                "0\u{a0}s",
                "59\u{a0}s",
                "1\u{a0}h",
                "1\u{a0}h 1\u{a0}min",
                "1\u{a0}d 1\u{a0}h"
            ]
        );
    }
}
