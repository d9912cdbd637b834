//! Traffic over time.

use super::parts::{Clock, card, figure, head, note, number, section, table, time_head};
use crate::report::Report;
use crate::report::chart::{Stack, Tick, legend, stacked_bars};
use crate::report::figures::{Unit, bytes, count, format_time, machine_time};
use crate::report::html::Html;
use crate::report::timeline::{Sums, Timeline};

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;
/// Labels of the axis at most.
const TICKS: i64 = 7;

pub(super) fn over_time(html: &mut Html, report: &Report, clock: Clock) {
    section(html, "time", "Over time", |html| {
        let timeline = match &report.timeline {
            Ok(timeline) if !timeline.intervals.is_empty() => timeline,
            Ok(_) => return note(html, "No record has a time between 1970 and 2200."),
            Err(text) => return note(html, text),
        };
        let title = format!("Accepted and rejected, by {}", timeline.words());
        card(
            html,
            "timeline",
            &title,
            "card",
            &report.timeline_sql,
            |html| {
                charts(html, timeline);
                if timeline.without_time > 0 {
                    html.element("p", &[("class", "note".into())], |html| {
                        number(html, Unit::Count, timeline.without_time);
                        html.text(
                            " records have no time between 1970 and 2200, and are in no interval.",
                        );
                    });
                }
                html.element("details", &[], |html| {
                    html.leaf("summary", &[], "Table");
                    values(html, timeline, clock);
                });
            },
        );
    });
}

fn charts(html: &mut Html, timeline: &Timeline) {
    let Some((first, _)) = timeline.ends() else {
        return;
    };
    let length = timeline.len();
    let has_other = timeline.intervals.values().any(|sums| sums.other() > 0);
    legend(html, has_other);
    let ticks = ticks(first, timeline.interval_us, length);
    let stacks = |values: fn(&Sums) -> [i64; 3], say: fn(i64) -> String| -> Vec<Option<Stack>> {
        let stack = |place: usize| {
            let begin = first.checked_add(timeline.interval_us.checked_mul(place as i64)?)?;
            let sums = timeline.intervals.get(&begin)?;
            let values = values(sums);
            let [accepted, rejected, _] = values.map(say);
            let time = format_time(begin, "%Y-%m-%d %H:%M");
            Some(Stack {
                title: format!("{time} UTC\naccepted {accepted}\nrejected {rejected}"),
                values,
            })
        };
        (0..length).map(stack).collect()
    };
    let describe = |what: &str| {
        format!(
            "{what} in {} intervals of {}, accepted below and rejected above; the table has the \
             values.",
            count(length as i64),
            timeline.interval
        )
    };
    html.markup("<h4>Flows</h4>");
    let flows = stacks(|sums| [sums.accepted, sums.rejected, sums.other()], count);
    let text = describe("Flows");
    stacked_bars(
        html,
        "flows-chart",
        "Flows over time",
        &text,
        Unit::Count,
        &flows,
        &ticks,
    );
    if timeline.intervals.values().any(|sums| sums.bytes.is_some()) {
        html.markup("<h4>Bytes</h4>");
        let of_bytes = |sums: &Sums| {
            [sums.accepted_bytes, sums.rejected_bytes, sums.other_bytes()]
                .map(Option::unwrap_or_default)
        };
        let stacks = stacks(of_bytes, bytes);
        let text = describe("Bytes");
        stacked_bars(
            html,
            "bytes-chart",
            "Bytes over time",
            &text,
            Unit::Bytes,
            &stacks,
            &ticks,
        );
    }
}

fn values(html: &mut Html, timeline: &Timeline, clock: Clock) {
    let has_other = timeline.intervals.values().any(|sums| sums.other() > 0);
    table(html, "timeline", "Traffic by interval", "", |html| {
        let mut heads = vec![
            ("From", true),
            ("Accepted", true),
            ("Rejected", true),
            ("Flows", true),
            ("Accepted bytes", true),
            ("Rejected bytes", true),
            ("Bytes", true),
        ];
        if has_other {
            heads.insert(3, ("Without action", true));
        }
        head(html, &heads);
        html.element("tbody", &[], |html| {
            for (begin, sums) in &timeline.intervals {
                html.element("tr", &[], |html| {
                    time_head(html, clock, *begin);
                    figure(html, clock, Unit::Count, Some(sums.accepted));
                    figure(html, clock, Unit::Count, Some(sums.rejected));
                    if has_other {
                        figure(html, clock, Unit::Count, Some(sums.other()));
                    }
                    figure(html, clock, Unit::Count, Some(sums.flows));
                    figure(html, clock, Unit::Bytes, sums.accepted_bytes);
                    figure(html, clock, Unit::Bytes, sums.rejected_bytes);
                    figure(html, clock, Unit::Bytes, sums.bytes);
                });
            }
        });
    });
}

/// Round times along the axis, of intervals from `first` on.
fn ticks(first: i64, interval_us: i64, length: usize) -> Vec<Tick> {
    const STEPS: [i64; 11] = [
        MINUTE_US,
        2 * MINUTE_US,
        5 * MINUTE_US,
        10 * MINUTE_US,
        15 * MINUTE_US,
        30 * MINUTE_US,
        HOUR_US,
        2 * HOUR_US,
        3 * HOUR_US,
        6 * HOUR_US,
        12 * HOUR_US,
    ];
    let Some(span) = interval_us.checked_mul(length as i64) else {
        return Vec::new();
    };
    let days = (0..6).flat_map(|power| [1, 2, 5].map(|first| first * 10_i64.pow(power) * DAY_US));
    let steps = STEPS.into_iter().chain(days);
    let step = steps.into_iter().find(|step| span / step < TICKS);
    let step = step.unwrap_or(span.max(1));
    let begin = first - first.rem_euclid(step);
    let times = (0..=TICKS + 1).filter_map(|index| begin.checked_add(step.checked_mul(index)?));
    let times = times.filter(|time| *time >= first && *time < first.saturating_add(span));
    times
        .map(|time| Tick {
            percent: (time - first) as f64 / span as f64 * 100.0,
            text: match time.rem_euclid(DAY_US) {
                0 if step >= 200 * DAY_US => format_time(time, "%Y-%m"),
                0 => format_time(time, "%-d %b"),
                _ => format_time(time, "%H:%M"),
            },
        })
        .collect()
}

/// The interval with the most bytes, or flows.
pub(super) fn busiest(html: &mut Html, timeline: &Timeline) {
    let has_bytes = timeline.intervals.values().any(|sums| sums.bytes.is_some());
    let amount = |sums: &Sums| match has_bytes {
        true => sums.bytes.unwrap_or_default(),
        false => sums.flows,
    };
    // The first of several.
    let busiest = timeline
        .intervals
        .iter()
        .rev()
        .max_by_key(|(_, sums)| amount(sums));
    let Some((begin, sums)) = busiest.filter(|_| timeline.intervals.len() > 1) else {
        return;
    };
    html.element("li", &[], |html| {
        html.text(format!("The busiest {} began at ", timeline.words()));
        let attributes = [("datetime", machine_time(*begin).into())];
        html.leaf("time", &attributes, format_time(*begin, "%Y-%m-%d %H:%M"));
        html.text(" with ");
        let unit = if has_bytes { Unit::Bytes } else { Unit::Count };
        number(html, unit, amount(sums));
        html.text(if has_bytes { "." } else { " flows." });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_at_round_times() {
        let texts = |first: i64, interval: i64, length: usize| -> Vec<String> {
            ticks(first, interval, length)
                .into_iter()
                .map(|tick| tick.text)
                .collect()
        };
        let new_year = 1_767_225_600_000_000;
        assert_eq!(
            texts(new_year, MINUTE_US, 60),
            ["1 Jan", "00:10", "00:20", "00:30", "00:40", "00:50"]
        );
        assert_eq!(
            texts(new_year + 5 * HOUR_US, 30 * MINUTE_US, 72),
            ["06:00", "12:00", "18:00", "2 Jan", "06:00", "12:00"]
        );
        assert_eq!(
            texts(new_year, DAY_US, 3),
            ["1 Jan", "12:00", "2 Jan", "12:00", "3 Jan", "12:00"]
        );
        assert_eq!(texts(new_year, 5 * DAY_US, 73).len(), 4);
        assert!(texts(i64::MIN, i64::MAX, 96).is_empty());
    }
}
