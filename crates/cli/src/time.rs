//! Times and durations as users write them.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo, Timestamp, Unit};

/// A time given as `15m` (that long ago) or as a date, in UTC unless it has an
/// offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// This many milliseconds before now.
    Ago(i64),
    /// Milliseconds since the Unix epoch.
    At(i64),
}

impl Moment {
    /// The time in milliseconds since the Unix epoch.
    pub(crate) fn to_ms(self, now_ms: i64) -> i64 {
        match self {
            Moment::Ago(ms) => now_ms.saturating_sub(ms),
            Moment::At(ms) => ms,
        }
    }
}

/// Reads a time: `now`, `15m`, `2h30m`, `7d`, `2026-11-22`,
/// `2026-11-22T10:00:00Z`.
pub(crate) fn moment(text: &str) -> Result<Moment, String> {
    if text == "now" {
        return Ok(Moment::Ago(0));
    }
    if let Some(ms) = span_ms(text) {
        return Ok(Moment::Ago(ms));
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(Moment::At(timestamp.as_millisecond()));
    }
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).ok();
    match text.parse::<DateTime>().ok().and_then(utc) {
        Some(zoned) => Ok(Moment::At(zoned.timestamp().as_millisecond())),
        None => {
            Err("a time is `15m`, `2h`, `7d` (ago), `now`, or as `2026-11-22T10:00` in UTC".into())
        }
    }
}

/// Reads a duration: `5s`, `2h30m`, `1d`, `250ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let ms = span_ms(text).and_then(|ms| u64::try_from(ms).ok());
    ms.map(Duration::from_millis)
        .ok_or_else(|| "a duration is `5s`, `15m`, `2h` or `1d`".into())
}

/// Reads a number of days: `90d`, `2w`.
pub(crate) fn days(text: &str) -> Result<u32, String> {
    const DAY_MS: i64 = 86_400_000;
    let ms = span_ms(text).filter(|ms| *ms > 0 && ms % DAY_MS == 0);
    ms.and_then(|ms| u32::try_from(ms / DAY_MS).ok())
        .ok_or_else(|| "whole days are meant: `90d`".into())
}

/// The milliseconds of a span that is not negative; a day has 24 hours.
fn span_ms(text: &str) -> Option<i64> {
    // `P1D` and a bare number are spans too, but nobody means them.
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let hours = SpanRelativeTo::days_are_24_hours();
    let ms = span.total((Unit::Millisecond, hours)).ok()?;
    (ms >= 0.0).then_some(ms as i64)
}

/// A time in UTC, to the second.
pub(crate) fn date_time_ms(time_ms: i64) -> String {
    match Timestamp::from_millisecond(time_ms) {
        Ok(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        Err(_) => format!("{time_ms} ms"),
    }
}

/// As [`date_time_ms`], of microseconds.
pub(crate) fn date_time_us(time_us: i64) -> String {
    date_time_ms(time_us.div_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(moment("15m"), Ok(Moment::Ago(900_000)));
        assert_eq!(moment("2h30m"), Ok(Moment::Ago(9_000_000)));
        assert_eq!(moment("7d"), Ok(Moment::Ago(604_800_000)));
        assert_eq!(moment("now").unwrap().to_ms(5), 5);
        for text in [
            "2026-01-01",
            "2026-01-01T00:00",
            "2026-01-01 00:00:00",
            "2026-01-01T01:00:00+01:00",
        ] {
            assert_eq!(moment(text), Ok(Moment::At(1_767_225_600_000)), "{text}");
        }
        for text in ["", "15", "yesterday", "-15m", "15 parsecs", "2026-13-01"] {
            assert!(moment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("1d"), Ok(Duration::from_secs(86_400)));
        assert!(duration("5").is_err());
    }
}
