//! Columns side by side, of which the least worth give way where not all fit.

use unicode_width::UnicodeWidthStr;

/// A column of a table for people.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) title: String,
    /// A cell for each line.
    pub(super) cells: Vec<String>,
    /// Numbers stand at the right.
    pub(super) at_right: bool,
    /// The least goes first where not all columns fit; `None` stays.
    pub(super) worth: Option<u8>,
    width: usize,
}

/// A column that stays is not cut narrower than this.
const MIN_WIDTH: usize = 8;
/// Between columns.
const GAP: usize = 2;

impl Column {
    pub(super) fn new(title: impl Into<String>, worth: Option<u8>) -> Column {
        Column {
            title: title.into(),
            cells: Vec::new(),
            at_right: false,
            worth,
            width: 0,
        }
    }

    /// Of numbers.
    pub(super) fn right(self) -> Column {
        Column {
            at_right: true,
            ..self
        }
    }

    fn measure(&mut self) {
        let cells = self.cells.iter().map(|cell| cell.width()).max();
        self.width = cells.unwrap_or(0).max(self.title.width());
    }

    fn cell(&self, text: &str, ellipsis: &str) -> String {
        let text = cut(text, self.width, ellipsis);
        let space = " ".repeat(self.width.saturating_sub(text.width()));
        match self.at_right {
            true => space + &text,
            false => text + &space,
        }
    }
}

/// The text, shortened to a width.
pub(super) fn cut(text: &str, width: usize, ellipsis: &str) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(ellipsis.width());
    let mut short = String::new();
    for character in text.chars() {
        short.push(character);
        if short.width() > room {
            short.pop();
            break;
        }
    }
    short + ellipsis
}

/// Lets columns go until the others fit, then cuts the widest of those that stay.
/// Without a width all are shown in full.
pub(super) fn fit(columns: &mut Vec<Column>, width: Option<usize>) {
    for column in &mut *columns {
        column.measure();
    }
    let Some(width) = width else {
        return;
    };
    while total_width(columns) > width {
        let least = columns
            .iter()
            .enumerate()
            .filter_map(|(index, column)| Some((column.worth?, index)))
            .min();
        let Some((_, index)) = least else { break };
        columns.remove(index);
    }
    while total_width(columns) > width {
        let widest = columns
            .iter_mut()
            .filter(|column| !column.at_right && column.width > MIN_WIDTH)
            .max_by_key(|column| column.width);
        match widest {
            Some(column) => column.width -= 1,
            None => break,
        }
    }
}

/// What is left of the width beside the columns.
pub(super) fn room(columns: &[Column], width: usize) -> usize {
    width.saturating_sub(total_width(columns))
}

fn total_width(columns: &[Column]) -> usize {
    let widths: usize = columns.iter().map(|column| column.width + GAP).sum();
    widths.saturating_sub(GAP)
}

/// The titles, a rule, and each line.
pub(super) fn lines(columns: &[Column], rule: &str, ellipsis: &str) -> Vec<String> {
    let join = |cells: Vec<String>| {
        let line = cells.join(&" ".repeat(GAP));
        line.trim_end().to_owned()
    };
    let titles = columns
        .iter()
        .map(|column| column.cell(&column.title, ellipsis));
    let rules = columns.iter().map(|column| rule.repeat(column.width));
    let mut lines = vec![join(titles.collect()), join(rules.collect())];
    let count = columns.iter().map(|column| column.cells.len()).max();
    for index in 0..count.unwrap_or(0) {
        let cells = columns.iter().map(|column| {
            let cell = column.cells.get(index).map_or("", String::as_str);
            column.cell(cell, ellipsis)
        });
        lines.push(join(cells.collect()));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(title: &str, cell: &str, worth: Option<u8>) -> Column {
        let mut column = Column::new(title, worth);
        column.cells.push(cell.to_owned());
        column
    }

    #[test]
    fn the_least_worth_goes_first_and_keys_are_cut_last() {
        let columns = || {
            vec![
                column("key", "2001:db8::1234:5678", None),
                column("a", "11111", Some(2)).right(),
                column("b", "22222", Some(1)).right(),
            ]
        };
        let shown = |width| {
            let mut columns = columns();
            fit(&mut columns, width);
            lines(&columns, "-", "~").pop().unwrap()
        };
        assert_eq!(shown(None), "2001:db8::1234:5678  11111  22222");
        assert_eq!(shown(Some(33)), "2001:db8::1234:5678  11111  22222");
        assert_eq!(shown(Some(32)), "2001:db8::1234:5678  11111");
        assert_eq!(shown(Some(20)), "2001:db8::1234:5678");
        assert_eq!(shown(Some(12)), "2001:db8::1~");
        assert_eq!(shown(Some(3)), "2001:db~");
    }
}
