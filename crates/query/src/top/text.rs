//! Rankings as text, for people.

use datafusion::common::ScalarValue;
use unicode_width::UnicodeWidthStr;
use vpcflow_functions::{port_service, protocol_name};

use super::key::{KeyKind, Measure, Stat};
use super::numbers::{self, NONE, percent};
use super::table::{self, Column, fit, room};
use super::{Compared, Line, Look, Ranked, Ranking};
use crate::output::escape;
use crate::size::grouped;
use crate::sources::ReadCounts;

/// Marks of a trend at first: more, where there is room.
const FEW_MARKS: usize = 8;
/// Marks of a trend at most.
const MANY_MARKS: usize = 32;

impl Ranked {
    /// The rankings with their titles; `counts` is what was read.
    pub fn text(&self, counts: ReadCounts, look: &Look) -> String {
        let mut lines = Vec::new();
        for (index, ranking) in self.rankings.iter().enumerate() {
            if index > 0 {
                lines.push(String::new());
            }
            let title = look.wrap(&self.title(ranking, look));
            lines.extend(title.iter().map(|line| look.bold(line)));
            if index == 0 {
                let completeness = look.wrap(&self.completeness(counts, look));
                lines.extend(completeness.iter().map(|line| look.dim(line)));
            }
            lines.extend(self.table(ranking, look));
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// The lines of the tables alone, without titles.
    pub fn tables(&self, look: &Look) -> Vec<String> {
        let tables = self.rankings.iter();
        tables
            .flat_map(|ranking| self.table(ranking, look))
            .collect()
    }

    fn title(&self, ranking: &Ranking, look: &Look) -> Vec<String> {
        let by = ranking.stat.by;
        let keys = ranking.stat.keys_text();
        let shown = ranking.lines.len() as u64;
        let all = match ranking.groups > shown {
            true => format!(" of {}", grouped(ranking.groups)),
            false => String::new(),
        };
        let mut parts = vec![format!("Top {}{all} {keys} by {by}", self.limit)];
        if let (Some(first), Some(last)) = (ranking.total.first_us, ranking.total.last_us) {
            parts.push(window(first, last, look));
        }
        parts
    }

    /// How whole the data is.
    fn completeness(&self, counts: ReadCounts, look: &Look) -> Vec<String> {
        let number = |number: u64| match look.human {
            true => grouped(number),
            false => number.to_string(),
        };
        let counted = |count: u64, thing: &str| {
            let plural = if count == 1 { "" } else { "s" };
            format!("{} {thing}{plural}", number(count))
        };
        let mut parts = vec![
            format!("{} read", counted(counts.records, "record")),
            format!("{} refused", counted(counts.rejects, "line")),
        ];
        if self.nodata > 0 {
            parts.push(format!("{} NODATA left out", number(self.nodata)));
        }
        if self.skipdata > 0 {
            parts.push(format!(
                "{} SKIPDATA: AWS skipped records",
                number(self.skipdata)
            ));
        }
        if self.once {
            parts.push("flows that two interfaces saw count once".to_owned());
        }
        parts
    }

    fn table(&self, ranking: &Ranking, look: &Look) -> Vec<String> {
        if ranking.lines.is_empty() {
            return vec!["no record to rank".to_owned()];
        }
        let lines = lines_shown(ranking);
        let times = Times::of(&ranking.total, look);
        let mut columns = self.columns(ranking, &lines, look, times);
        let has_trend = ranking
            .lines
            .iter()
            .any(|line| line.trend != Default::default());
        let mut step = None;
        if has_trend {
            let (column, _) = trend(ranking, look, FEW_MARKS);
            let width = column
                .cells
                .iter()
                .map(|cell| cell.width())
                .max()
                .unwrap_or(0);
            columns.push(column);
            fit(&mut columns, look.width);
            // What is left of the line makes it finer.
            if columns.last().is_some_and(|column| column.title == TREND) {
                let marks = match look.width {
                    Some(terminal) => width + room(&columns, terminal),
                    None => MANY_MARKS,
                };
                let marks = marks.clamp(FEW_MARKS, MANY_MARKS);
                let (column, seconds) = trend(ranking, look, marks);
                columns.pop();
                columns.push(column);
                step = Some(seconds);
            }
        }
        fit(&mut columns, look.width);
        let mut shown = table::lines(&columns, look.rule(), look.ellipsis());
        // All but the ranked ones: what is left, and all.
        let ranked = ranking.lines.len() + 2;
        for line in shown.iter_mut().skip(ranked) {
            *line = look.dim(line);
        }
        let mut notes = Vec::new();
        if let Some(seconds) = step.filter(|_| columns.iter().any(|column| column.title == TREND)) {
            let by = ranking.stat.by;
            notes.push(format!("trend: {by}, {} a mark", numbers::span(seconds)));
        }
        if let Some(Compared {
            since_us, until_us, ..
        }) = self.compare
        {
            notes.push(format!(
                "change against {}",
                window(since_us, until_us, look)
            ));
        }
        shown.extend(look.wrap(&notes).iter().map(|line| look.dim(line)));
        shown
    }

    /// All columns but the trend, with their cells.
    fn columns(
        &self,
        ranking: &Ranking,
        lines: &[Shown],
        look: &Look,
        times: Times,
    ) -> Vec<Column> {
        let by = ranking.stat.by;
        let total = ranking.total.totals.measure(by);
        let mut columns = vec![Column::new("#", None).right()];
        columns[0].cells = lines.iter().map(|line| line.rank.clone()).collect();
        for (index, key) in ranking.stat.keys.iter().enumerate() {
            let mut column = Column::new(key.to_string(), None);
            column.cells = lines
                .iter()
                .map(|line| match (&line.label, index) {
                    (None, _) => key_text(&ranking.stat, &line.line.keys, index),
                    (Some(label), 0) => label.clone(),
                    (Some(_), _) => String::new(),
                })
                .collect();
            columns.push(column);
        }
        let mut add = |title: &str, worth: Option<u8>, cell: &dyn Fn(&Shown) -> String| {
            let mut column = Column::new(title, worth).right();
            column.cells = lines.iter().map(cell).collect();
            columns.push(column);
        };
        let sign = if look.human { "%" } else { "" };
        let tenth = |value: Option<f64>| match value {
            Some(value) => format!("{value:.1}{sign}"),
            None => NONE.to_owned(),
        };
        add(by.name(), None, &|shown| look.measure(&shown.line, by));
        add("share", Some(90), &|shown| {
            tenth(percent(shown.line.totals.measure(by), total))
        });
        add("cum", Some(60), &|shown| {
            tenth(percent(Some(shown.cumulative), total))
        });
        if self.compare.is_some() {
            add("before", Some(35), &|shown| {
                let before = Line {
                    totals: shown.line.previous,
                    ..Line::default()
                };
                look.measure(&before, by)
            });
            add("change", Some(95), &|shown| change(&shown.line, by));
        }
        if self.bidirectional {
            add("up", Some(76), &|shown| {
                look.bytes(Some(shown.line.request_bytes.unwrap_or(0)))
            });
            add("down", Some(77), &|shown| {
                look.bytes(shown.line.response_bytes())
            });
        }
        for (measure, worth) in [
            (Measure::Flows, 50),
            (Measure::Packets, 40),
            (Measure::Bytes, 55),
        ] {
            if measure != by {
                add(measure.name(), Some(worth), &|shown| {
                    look.measure(&shown.line, measure)
                });
            }
        }
        let is_timed = |shown: &Shown| shown.line.first_us.is_some();
        add("bit/s", Some(45), &|shown| match is_timed(shown) {
            true => look.rate(
                shown
                    .line
                    .rate(shown.line.totals.bytes.map(|bytes| 8 * bytes)),
            ),
            false => String::new(),
        });
        add("pkt/s", Some(20), &|shown| match is_timed(shown) {
            true => look.rate(shown.line.rate(shown.line.totals.packets)),
            false => String::new(),
        });
        for (title, worth, time) in [
            (
                "first seen",
                25,
                (|line: &Line| line.first_us) as fn(&Line) -> Option<i64>,
            ),
            ("last seen", 30, |line: &Line| line.last_us),
        ] {
            add(title, Some(worth), &|shown| {
                time(&shown.line).map_or_else(String::new, |us| numbers::time(us, times.format))
            });
        }
        columns
    }
}

/// The title of the trend's column.
const TREND: &str = "trend";

/// How the times of a ranking are written.
#[derive(Clone, Copy)]
struct Times {
    format: &'static str,
}

impl Times {
    fn of(total: &Line, look: &Look) -> Times {
        let day = |us: Option<i64>| us.map(|us| us.div_euclid(86_400_000_000));
        let one_day = day(total.first_us) == day(total.last_us);
        let format = match (look.human, one_day) {
            (true, true) => "%H:%M:%S",
            (true, false) => "%m-%d %H:%M",
            (false, _) => "%Y-%m-%d %H:%M:%S",
        };
        Times { format }
    }
}

/// A line of a table, with what stands before it.
struct Shown {
    rank: String,
    /// In place of the keys.
    label: Option<String>,
    line: Line,
    /// What the ranking is by, up to this line.
    cumulative: i128,
}

/// The ranked lines, what is left, and all.
fn lines_shown(ranking: &Ranking) -> Vec<Shown> {
    let by = ranking.stat.by;
    let mut cumulative = 0;
    let mut ranked = Line::default();
    let mut shown = Vec::new();
    for (index, line) in ranking.lines.iter().enumerate() {
        cumulative += line.totals.measure(by).unwrap_or(0);
        ranked.totals.add(&line.totals);
        ranked.previous.add(&line.previous);
        ranked.request_bytes =
            Some(ranked.request_bytes.unwrap_or(0) + line.request_bytes.unwrap_or(0));
        shown.push(Shown {
            rank: (index + 1).to_string(),
            label: None,
            line: line.clone(),
            cumulative,
        });
    }
    let total = &ranking.total;
    let all = total.totals.measure(by).unwrap_or(0);
    let others = ranking.groups.saturating_sub(ranking.lines.len() as u64);
    if others > 0 {
        let rest = Line {
            totals: total.totals.without(&ranked.totals),
            previous: total.previous.without(&ranked.previous),
            request_bytes: total
                .request_bytes
                .map(|bytes| bytes - ranked.request_bytes.unwrap_or(0)),
            ..Line::default()
        };
        shown.push(Shown {
            rank: String::new(),
            label: Some(format!("Others ({})", grouped(others))),
            line: rest,
            cumulative: all,
        });
    }
    shown.push(Shown {
        rank: String::new(),
        label: Some("Total".to_owned()),
        line: total.clone(),
        cumulative: all,
    });
    shown
}

/// The trend of each ranked line, and the seconds of a mark.
fn trend(ranking: &Ranking, look: &Look, marks: usize) -> (Column, i64) {
    let second = |us: i64| us.div_euclid(1_000_000);
    let first = second(ranking.total.first_us.unwrap_or(0));
    // An end is the first moment after a record.
    let last = second(ranking.total.last_us.unwrap_or(0) - 1).max(first);
    let mut column = Column::new(TREND, Some(80));
    let mut step = 1;
    for line in &ranking.lines {
        let (cells, seconds) = line.trend.over(first, last, marks);
        step = seconds;
        column.cells.push(look.marks(&cells));
    }
    (column, step)
}

/// A span of time in UTC; the day is told twice only if there are two.
fn window(first_us: i64, last_us: i64, look: &Look) -> String {
    let [first, last] = [first_us, last_us].map(|us| numbers::time(us, "%Y-%m-%d %H:%M:%S"));
    let last = match (first.split_once(' '), last.split_once(' ')) {
        (Some((first_day, _)), Some((day, time))) if first_day == day => time.to_owned(),
        _ => last,
    };
    format!("{first} {} {last} UTC", look.to())
}

fn change(line: &Line, by: Measure) -> String {
    let now = line.totals.measure(by).unwrap_or(0);
    match line.change(by) {
        Some(change) => numbers::change(change),
        None if now != 0 => "new".to_owned(),
        None => NONE.to_owned(),
    }
}

/// A key among those of a line, with the name that goes with it. Nothing in it acts on
/// a terminal.
pub(super) fn key_text(stat: &Stat, values: &[ScalarValue], index: usize) -> String {
    let value = &values[index];
    if value.is_null() {
        return NONE.to_owned();
    }
    let named = match (stat.keys[index].kind(), integer(value)) {
        (KeyKind::Port, Some(port)) => {
            let protocol = stat
                .keys
                .iter()
                .position(|key| key.kind() == KeyKind::Protocol);
            let service = match protocol.map(|index| integer(&values[index])) {
                // An unknown protocol is not any protocol.
                Some(protocol) => protocol.and_then(|protocol| port_service(port, Some(protocol))),
                None => port_service(port, None),
            };
            service.map(|service| format!("{port}/{service}"))
        }
        (KeyKind::Protocol, Some(protocol)) => protocol_name(protocol).map(str::to_ascii_lowercase),
        _ => None,
    };
    named.unwrap_or_else(|| escape(&plain(value)).into_owned())
}

/// A value as text.
fn plain(value: &ScalarValue) -> String {
    match value {
        ScalarValue::TimestampMicrosecond(Some(us), _) => numbers::time(*us, "%Y-%m-%d %H:%M:%S"),
        value => value.to_string(),
    }
}

fn integer(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int32(number) => number.map(i64::from),
        ScalarValue::Int64(number) => *number,
        _ => None,
    }
}
