//! What a key says of the records in its object.
//!
//! AWS [delivers] flow logs under two layouts, the second for Hive, with or without
//! the hour:
//!
//! ```text
//! AWSLogs/ACCOUNT/vpcflowlogs/REGION/2026/11/22/10/NAME
//! AWSLogs/aws-account-id=ACCOUNT/aws-service=vpcflowlogs/aws-region=REGION/year=2026/month=11/day=22/hour=10/NAME
//! ```
//!
//! where `NAME` is `ACCOUNT_vpcflowlogs_REGION_FLOWLOG_20261122T1005Z_HASH.log.gz` or
//! `….log.parquet`. Only what is told by these layouts counts: other keys say nothing.
//!
//! [delivers]: https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-s3-path.html

use std::ops::Range;

const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A record may have started so long before the time in its file's name: ten
/// minutes of aggregation, and what AWS delivers late.
const STARTED_BEFORE_MS: i64 = 2 * HOUR_MS;
/// A record may have started so long after the time in its file's name: files have
/// the records of five minutes.
const STARTED_AFTER_MS: i64 = HOUR_MS;

/// The directory that all of AWS's services have in theirs.
const SERVICE: &str = "vpcflowlogs";

/// From when to when records are asked for, by their start, in milliseconds since the
/// Unix epoch; the end is not included.
///
/// It leaves objects out by the time in their keys, so generously that none is missed
/// which AWS delivers: a record may have started two hours before that time, or one
/// hour after. What is in no layout of AWS's is never left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// The first start.
    pub since_ms: Option<i64>,
    /// The first start that is too late.
    pub until_ms: Option<i64>,
}

impl Times {
    /// Whether all times are asked for.
    pub(super) fn is_all(self) -> bool {
        self == Times::default()
    }

    /// Whether files with times in this range may have records that are asked for.
    pub(super) fn may_be_in(self, files: &Range<i64>) -> bool {
        let is_early = |since_ms| files.end.saturating_add(STARTED_AFTER_MS) <= since_ms;
        let is_late = |until_ms| files.start.saturating_sub(STARTED_BEFORE_MS) >= until_ms;
        !self.since_ms.is_some_and(is_early) && !self.until_ms.is_some_and(is_late)
    }

    /// Whether every file with a time in this range may have some.
    pub(super) fn may_be_in_all(self, files: &Range<i64>) -> bool {
        let first = files.start..files.start;
        let last = files.end..files.end;
        self.may_be_in(&first) && self.may_be_in(&last)
    }
}

/// The times that names of files under a directory have, in milliseconds since the
/// Unix epoch; `None` when the directory does not say.
pub(super) fn times_of_directory(directory: &str) -> Option<Range<i64>> {
    let mut parts = directory.split('/');
    let hive = parts.any(|part| {
        part == SERVICE
            || part
                .strip_prefix("aws-service=")
                .is_some_and(|s| s == SERVICE)
    });
    let region = parts.next().filter(|_| hive)?;
    let mut number = |name: &str, digits: usize| {
        let part = parts.next()?;
        let digit = match region.starts_with("aws-region=") {
            true => part.strip_prefix(name)?.strip_prefix('=')?,
            false => part,
        };
        number_of(digit, digits)
    };
    let year = number("year", 4)?;
    let month = number("month", 2);
    let day = month.and_then(|_| number("day", 2));
    let hour = day.and_then(|_| number("hour", 2));
    let start = |month, day| Some(day_number(year, month, day)? * DAY_MS);
    match (month, day, hour) {
        (None, ..) => Some(start(1, 1)?..day_number(year + 1, 1, 1)? * DAY_MS),
        (Some(month), None, _) => {
            let (next_year, next) = if month == 12 {
                (year + 1, 1)
            } else {
                (year, month + 1)
            };
            Some(start(month, 1)?..day_number(next_year, next, 1)? * DAY_MS)
        }
        (Some(month), Some(day), None) => {
            let start = start(month, day)?;
            Some(start..start + DAY_MS)
        }
        (Some(month), Some(day), Some(hour)) => {
            let start = start(month, day)? + hour_ms(hour)?;
            Some(start..start + HOUR_MS)
        }
    }
}

/// The time in the name of one of AWS's files, in milliseconds since the Unix epoch.
pub(super) fn time_of_file(name: &str) -> Option<i64> {
    let (_, rest) = name.split_once(&format!("_{SERVICE}_"))?;
    let time = rest.split('_').nth(2)?.strip_suffix('Z')?;
    let (date, time) = time.split_once('T')?;
    if !date.is_ascii() || date.len() != 8 || !time.is_ascii() || time.len() != 4 {
        return None;
    }
    let day = day_number(
        number_of(&date[..4], 4)?,
        number_of(&date[4..6], 2)?,
        number_of(&date[6..], 2)?,
    )?;
    let minute = number_of(&time[2..], 2).filter(|minute| *minute < 60)?;
    Some(day * DAY_MS + hour_ms(number_of(&time[..2], 2)?)? + minute * 60_000)
}

/// The first and the last time that a record in a file of AWS's may have started, in
/// milliseconds since the Unix epoch.
pub(super) fn starts_in_file(name: &str) -> Option<(i64, i64)> {
    let time = time_of_file(name)?;
    Some((time - STARTED_BEFORE_MS, time + STARTED_AFTER_MS))
}

/// What the files of one flow log share in their keys: the format of a flow log
/// [never changes], so that one of its files tells that of all.
///
/// [never changes]: https://docs.aws.amazon.com/vpc/latest/userguide/working-with-flow-logs.html
pub(super) fn flow_log(name: &str) -> Option<&str> {
    time_of_file(name)?;
    let id = name.find("_fl-")? + 1;
    let end = id + name[id..].find('_')?;
    Some(&name[..end])
}

/// A number of exactly so many digits.
fn number_of(text: &str, digits: usize) -> Option<i64> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

fn hour_ms(hour: i64) -> Option<i64> {
    (hour < 24).then_some(hour * HOUR_MS)
}

/// Days since the Unix epoch, in the Gregorian calendar.
fn day_number(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let index = usize::try_from(month).ok()?.checked_sub(1)?;
    let (start, end) = (before.get(index)?, before.get(index + 1)?);
    let days = end - start + i64::from(is_leap && month == 2);
    if !(1..=days).contains(&day) {
        return None;
    }
    let last = year - 1;
    // Days of whole years up to 1970: 1969 * 365 and 477 leap days.
    let years = last * 365 + last / 4 - last / 100 + last / 400 - 719_162;
    Some(years + start + i64::from(is_leap && month > 2) + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T00:00:00Z.
    const NOV_22: i64 = 1_795_305_600_000;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(day_number(1970, 1, 1), Some(0));
        assert_eq!(day_number(2000, 3, 1), Some(11_017));
        assert_eq!(day_number(2024, 2, 29), Some(19_782));
        assert_eq!(day_number(2026, 11, 22), Some(NOV_22 / DAY_MS));
        for (month, day) in [(2, 29), (13, 1), (0, 1), (4, 31), (1, 0)] {
            assert_eq!(day_number(2026, month, day), None, "{month}-{day}");
        }
        // Each day follows the one before it.
        let mut next = day_number(1999, 1, 1).unwrap();
        for year in 1999..2033 {
            for month in 1..=12 {
                for number in (1..=31).map_while(|day| day_number(year, month, day)) {
                    assert_eq!(number, next);
                    next += 1;
                }
            }
        }
    }

    #[test]
    fn directories_of_both_layouts_tell_their_times() {
        let plain = "team/AWSLogs/123456789012/vpcflowlogs/eu-central-1";
        let hive =
            "AWSLogs/aws-account-id=123456789012/aws-service=vpcflowlogs/aws-region=eu-central-1";
        for (directory, times) in [
            (
                format!("{plain}/2026"),
                Some(NOV_22 - 325 * DAY_MS..NOV_22 + 40 * DAY_MS),
            ),
            (
                format!("{plain}/2026/11"),
                Some(NOV_22 - 21 * DAY_MS..NOV_22 + 9 * DAY_MS),
            ),
            (
                format!("{plain}/2026/12"),
                Some(NOV_22 + 9 * DAY_MS..NOV_22 + 40 * DAY_MS),
            ),
            (format!("{plain}/2026/11/22"), Some(NOV_22..NOV_22 + DAY_MS)),
            (
                format!("{plain}/2026/11/22/05"),
                Some(NOV_22 + 5 * HOUR_MS..NOV_22 + 6 * HOUR_MS),
            ),
            (
                format!("{hive}/year=2026/month=11/day=22/hour=05"),
                Some(NOV_22 + 5 * HOUR_MS..NOV_22 + 6 * HOUR_MS),
            ),
            (
                format!("{hive}/year=2026/month=11"),
                Some(NOV_22 - 21 * DAY_MS..NOV_22 + 9 * DAY_MS),
            ),
            (plain.to_owned(), None),
            (hive.to_owned(), None),
            (format!("{plain}/26/11"), None),
            (format!("{plain}/2026/13/01"), None),
            (format!("{plain}/2026/02/30"), None),
            (format!("{hive}/2026/11/22"), None),
            // Of another service, or of somebody else: it says nothing.
            (
                "AWSLogs/123456789012/elasticloadbalancing/eu-central-1/2026/11/22".into(),
                None,
            ),
            ("2026/11/22".into(), None),
            (String::new(), None),
        ] {
            assert_eq!(times_of_directory(&directory), times, "{directory}");
        }
    }

    #[test]
    fn names_of_files_tell_their_time_and_flow_log() {
        let name = "123456789012_vpcflowlogs_eu-central-1_fl-0a1b_20261122T1005Z_1234abcd.log.gz";
        assert_eq!(time_of_file(name), Some(NOV_22 + 10 * HOUR_MS + 5 * 60_000));
        assert_eq!(
            flow_log(name),
            Some("123456789012_vpcflowlogs_eu-central-1_fl-0a1b")
        );
        for name in [
            "flows.log.gz",
            "1_vpcflowlogs_r_fl-0_20261322T1005Z_0.log.gz",
            "1_vpcflowlogs_r_fl-0_20261122T2505Z_0.log.gz",
            "1_vpcflowlogs_r_fl-0_20261122T1065Z_0.log.gz",
            "1_vpcflowlogs_r_fl-0_2026112éT1005Z_0.log.gz",
            "1_vpcflowlogs_r_fl-0",
        ] {
            assert_eq!((time_of_file(name), flow_log(name)), (None, None), "{name}");
        }
    }

    #[test]
    fn what_may_have_a_record_is_kept() {
        let times = |since: i64, until: i64| Times {
            since_ms: Some(NOV_22 + since * HOUR_MS),
            until_ms: Some(NOV_22 + until * HOUR_MS),
        };
        let hour = |hour: i64| NOV_22 + hour * HOUR_MS..NOV_22 + (hour + 1) * HOUR_MS;
        let kept: Vec<_> = (0..24)
            .filter(|h| times(10, 12).may_be_in(&hour(*h)))
            .collect();
        assert_eq!(kept, [9, 10, 11, 12, 13]);
        let whole: Vec<_> = (0..24)
            .filter(|h| times(10, 12).may_be_in_all(&hour(*h)))
            .collect();
        assert_eq!(whole, [10, 11, 12]);
        assert!(Times::default().may_be_in_all(&hour(3)));
    }
}
