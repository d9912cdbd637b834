//! Traffic over time, in intervals that fit the span of the data.

use std::collections::BTreeMap;

use super::rows::Rows;
use crate::error::Error;

/// The interval that the engine counts by: how long the traffic goes on is known only
/// when all of it was read, and every longer interval is made of these.
pub(super) const BASE: &str = "1 minute";

/// Intervals at most in a time line.
const MOST: i128 = 96;

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

/// Lengths below a day.
const LENGTHS: [(i64, &str); 11] = [
    (MINUTE_US, "1 minute"),
    (2 * MINUTE_US, "2 minutes"),
    (5 * MINUTE_US, "5 minutes"),
    (10 * MINUTE_US, "10 minutes"),
    (15 * MINUTE_US, "15 minutes"),
    (30 * MINUTE_US, "30 minutes"),
    (HOUR_US, "1 hour"),
    (2 * HOUR_US, "2 hours"),
    (3 * HOUR_US, "3 hours"),
    (6 * HOUR_US, "6 hours"),
    (12 * HOUR_US, "12 hours"),
];

/// Accepted and rejected traffic by interval.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    /// The length of an interval in SQL, and in microseconds.
    pub(super) interval: String,
    pub(super) interval_us: i64,
    /// Intervals with records, by their begin.
    pub(super) intervals: BTreeMap<i64, Sums>,
    /// Records that are in no interval, since they have no time, or none of our age.
    pub(super) without_time: i64,
}

/// Sums over some records. A sum of bytes is `None` where no record has any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) accepted: i64,
    pub(super) rejected: i64,
    /// With those that have no action.
    pub(super) flows: i64,
    pub(super) accepted_bytes: Option<i64>,
    pub(super) rejected_bytes: Option<i64>,
    pub(super) bytes: Option<i64>,
}

impl Sums {
    /// Neither accepted nor rejected.
    pub(super) fn other(&self) -> i64 {
        self.flows
            .wrapping_sub(self.accepted)
            .wrapping_sub(self.rejected)
    }

    /// Of what is neither accepted nor rejected.
    pub(super) fn other_bytes(&self) -> Option<i64> {
        let known = [self.accepted_bytes, self.rejected_bytes];
        let known = known.into_iter().flatten().fold(0, i64::wrapping_add);
        let other = self.bytes?.wrapping_sub(known);
        (self.other() > 0).then_some(other)
    }

    fn add(&mut self, other: Sums) {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.wrapping_add(b)),
            (a, b) => a.or(b),
        };
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.flows += other.flows;
        self.accepted_bytes = sum(self.accepted_bytes, other.accepted_bytes);
        self.rejected_bytes = sum(self.rejected_bytes, other.rejected_bytes);
        self.bytes = sum(self.bytes, other.bytes);
    }
}

impl Timeline {
    /// Of the answer by [`BASE`].
    pub(super) fn new(rows: &Rows) -> Result<Timeline, Error> {
        let times = rows.numbers("time")?;
        let counts = |name| -> Result<Vec<i64>, Error> {
            let numbers = rows.numbers(name)?;
            Ok(numbers.into_iter().map(Option::unwrap_or_default).collect())
        };
        let (accepted, rejected) = (counts("accepted")?, counts("rejected")?);
        let flows = counts("flows")?;
        let accepted_bytes = rows.numbers("accepted_bytes")?;
        let rejected_bytes = rows.numbers("rejected_bytes")?;
        let bytes = rows.numbers("bytes")?;

        let known = times.iter().copied().flatten();
        let span = known.clone().min().zip(known.max());
        let (interval_us, interval) = interval(span);
        let mut timeline = Timeline {
            interval,
            interval_us,
            intervals: BTreeMap::new(),
            without_time: 0,
        };
        for (row, time) in times.into_iter().enumerate() {
            let Some(time) = time else {
                timeline.without_time += flows[row];
                continue;
            };
            let begin = time - time.rem_euclid(interval_us);
            timeline.intervals.entry(begin).or_default().add(Sums {
                accepted: accepted[row],
                rejected: rejected[row],
                flows: flows[row],
                accepted_bytes: accepted_bytes[row],
                rejected_bytes: rejected_bytes[row],
                bytes: bytes[row],
            });
        }
        Ok(timeline)
    }

    /// The begin of the first interval, and of the last.
    pub(super) fn ends(&self) -> Option<(i64, i64)> {
        let (first, _) = self.intervals.first_key_value()?;
        let (last, _) = self.intervals.last_key_value()?;
        Some((*first, *last))
    }

    /// The length of an interval in words: `minute`, `5 minutes`.
    pub(super) fn words(&self) -> &str {
        self.interval.strip_prefix("1 ").unwrap_or(&self.interval)
    }

    /// How many intervals there are from the first to the last.
    pub(super) fn len(&self) -> usize {
        let Some((first, last)) = self.ends() else {
            return 0;
        };
        let between = (i128::from(last) - i128::from(first)) / i128::from(self.interval_us);
        usize::try_from(between).unwrap_or_default() + 1
    }
}

/// The shortest length of which so few cover the span that each is seen.
fn interval(span: Option<(i64, i64)>) -> (i64, String) {
    let (first, last) = span.unwrap_or_default();
    let fits = |us: i64| {
        let intervals = last.div_euclid(us) as i128 - first.div_euclid(us) as i128 + 1;
        intervals <= MOST
    };
    if let Some((us, name)) = LENGTHS.iter().find(|(us, _)| fits(*us)) {
        return (*us, (*name).to_owned());
    }
    // 1, 2, 5, 10, 20, 50 … days: each begins where one of the minutes does. The whole
    // range of times is not longer than 96 times the last of these.
    let days = (0..7).flat_map(|power| [1, 2, 5].map(|first| first * 10_i64.pow(power)));
    let days = days.take_while(|days| days.checked_mul(DAY_US).is_some());
    let mut longest = 1;
    for days in days {
        longest = days;
        if fits(days * DAY_US) {
            break;
        }
    }
    let plural = if longest == 1 { "" } else { "s" };
    (longest * DAY_US, format!("{longest} day{plural}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_fit_the_span() {
        let of = |span_us: i64| interval(Some((0, span_us))).1;
        assert_eq!(interval(None).1, "1 minute");
        assert_eq!(of(0), "1 minute");
        assert_eq!(of(95 * MINUTE_US), "1 minute");
        assert_eq!(of(96 * MINUTE_US), "2 minutes");
        assert_eq!(of(24 * HOUR_US - 1), "15 minutes");
        assert_eq!(of(30 * DAY_US), "12 hours");
        assert_eq!(of(90 * DAY_US), "1 day");
        assert_eq!(of(365 * DAY_US), "5 days");
        // Where no calendar goes, too.
        let (longest_us, name) = interval(Some((i64::MIN, i64::MAX)));
        assert_eq!(name, "5000000 days");
        assert!(i128::from(u64::MAX) / i128::from(longest_us) < MOST);
    }

    #[test]
    fn sums_of_nothing_are_none() {
        let mut sums = Sums::default();
        sums.add(Sums {
            accepted: 1,
            flows: 2,
            bytes: Some(7),
            accepted_bytes: Some(5),
            ..Sums::default()
        });
        assert_eq!((sums.other(), sums.other_bytes()), (1, Some(2)));
        assert_eq!(sums.rejected_bytes, None);
        sums.add(Sums::default());
        assert_eq!(sums.bytes, Some(7));
    }
}
