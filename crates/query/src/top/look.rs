//! How rankings look: on which terminal, with which signs and in which units.

use unicode_width::UnicodeWidthStr;

use super::key::Measure;
use super::numbers::{self, NONE};
use super::{Line, table};

/// How a ranking looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// Columns of the terminal, which lines are made to fit; `None`: as wide as they are.
    pub width: Option<usize>,
    /// Numbers in units, and times as short as the window lets them be.
    pub human: bool,
    /// Nothing beyond ASCII.
    pub ascii: bool,
    /// Bold titles and dim notes.
    pub color: bool,
}

impl Look {
    pub(super) fn separator(&self) -> &'static str {
        if self.ascii { " | " } else { " · " }
    }

    pub(super) fn to(&self) -> &'static str {
        if self.ascii { "to" } else { "–" }
    }

    pub(super) fn rule(&self) -> &'static str {
        if self.ascii { "-" } else { "─" }
    }

    pub(super) fn ellipsis(&self) -> &'static str {
        if self.ascii { "~" } else { "…" }
    }

    pub(super) fn bold(&self, text: &str) -> String {
        self.painted(text, "\u{1b}[1m")
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.painted(text, "\u{1b}[2m")
    }

    pub(super) fn painted(&self, text: &str, code: &str) -> String {
        match self.color && !text.is_empty() {
            true => format!("{code}{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }

    pub(super) fn count(&self, number: Option<i128>) -> String {
        match number {
            None => NONE.to_owned(),
            Some(number) if self.human => numbers::count(number),
            Some(number) => number.to_string(),
        }
    }

    pub(super) fn bytes(&self, number: Option<i128>) -> String {
        match number {
            Some(number) if self.human => numbers::bytes(number),
            number => self.count(number),
        }
    }

    pub(super) fn measure(&self, line: &Line, by: Measure) -> String {
        let measure = line.totals.measure(by);
        let text = match by {
            Measure::Bytes => self.bytes(measure),
            Measure::Packets | Measure::Flows => self.count(measure),
        };
        match (line.at_least, self.ascii) {
            (false, _) => text,
            (true, false) => format!("≥{text}"),
            (true, true) => format!(">={text}"),
        }
    }

    pub(super) fn rate(&self, rate: Option<f64>) -> String {
        match rate {
            None => NONE.to_owned(),
            Some(rate) if self.human => numbers::short(rate),
            Some(rate) => format!("{rate:.1}"),
        }
    }

    /// An amount in each step of a span, as marks of eight heights. Nothing has none.
    pub(super) fn marks(&self, cells: &[i64]) -> String {
        let marks: [&str; 8] = match self.ascii {
            true => [".", ":", "-", "=", "+", "*", "#", "@"],
            false => ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
        };
        let most = i128::from(cells.iter().copied().max().unwrap_or(0)).max(1);
        let mark = |cell: &i64| match i128::from(*cell) {
            ..=0 => " ",
            cell => marks[((cell * 8 + most - 1) / most - 1) as usize],
        };
        cells.iter().map(mark).collect()
    }

    /// The parts one after another, in as many lines as they need.
    pub(super) fn wrap(&self, parts: &[String]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            match (lines.last_mut(), self.width) {
                (Some(line), width)
                    if width.is_none_or(|width| {
                        line.width() + self.separator().width() + part.width() <= width
                    }) =>
                {
                    line.push_str(self.separator());
                    line.push_str(part);
                }
                _ => lines.push(part.clone()),
            }
        }
        match self.width {
            Some(width) => lines
                .iter()
                .map(|line| table::cut(line, width, self.ellipsis()))
                .collect(),
            None => lines,
        }
    }
}
