//! Aligned columns, for a terminal or as Markdown.

use std::fmt::Write;

use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape;
use crate::error::Error;

/// Rows held back to find the widths; later rows are fitted to those.
const SAMPLE_ROWS: usize = 1000;
/// A column is not cut narrower than this, even if the table does not fit then.
const MIN_WIDTH: usize = 6;
/// What stands for NULL: as in a record, where text is never `-`.
const NULL: &str = "-";
const TIME: &str = "%Y-%m-%d %H:%M:%S";

pub(super) struct TableWriter {
    style: Style,
    columns: Vec<Column>,
    /// Rows that wait for the widths.
    waiting: Vec<Vec<String>>,
    /// The header is written, and the widths are found.
    started: bool,
    /// The columns that fit, from the first on.
    shown: usize,
}

enum Style {
    Aligned { width: Option<usize> },
    Markdown,
}

struct Column {
    name: String,
    number: bool,
    width: usize,
}

impl TableWriter {
    pub(super) fn aligned(schema: &SchemaRef, width: Option<usize>) -> TableWriter {
        TableWriter::new(Style::Aligned { width }, schema)
    }

    pub(super) fn markdown(schema: &SchemaRef) -> TableWriter {
        TableWriter::new(Style::Markdown, schema)
    }

    fn new(style: Style, schema: &SchemaRef) -> TableWriter {
        let columns = schema.fields().iter().map(|field| {
            let name = style.cell(field.name());
            Column {
                width: name.width(),
                name,
                number: field.data_type().is_numeric(),
            }
        });
        let columns: Vec<Column> = columns.collect();
        TableWriter {
            style,
            shown: columns.len(),
            columns,
            waiting: Vec::new(),
            started: false,
        }
    }

    /// Takes rows and returns the text that is ready.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<String, Error> {
        let options = FormatOptions::default()
            .with_null(NULL)
            .with_timestamp_format(Some(TIME))
            .with_timestamp_tz_format(Some(TIME));
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref() as &dyn Array, &options))
            .collect::<Result<Vec<_>, _>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(formatters.len());
            for formatter in &formatters {
                cells.push(self.style.cell(&formatter.value(row).try_to_string()?));
            }
            if self.started {
                self.line(&mut text, &cells);
                continue;
            }
            self.waiting.push(cells);
            if self.waiting.len() >= SAMPLE_ROWS {
                text.push_str(&self.flush());
            }
        }
        Ok(text)
    }

    /// The rows that wait, after the header if it was not written yet.
    pub(super) fn flush(&mut self) -> String {
        if self.waiting.is_empty() {
            String::new()
        } else {
            self.finish()
        }
    }

    pub(super) fn finish(&mut self) -> String {
        let mut text = String::new();
        if !self.started {
            self.find_widths();
            self.header(&mut text);
            self.started = true;
        }
        for cells in std::mem::take(&mut self.waiting) {
            self.line(&mut text, &cells);
        }
        text
    }

    fn find_widths(&mut self) {
        for (index, column) in self.columns.iter_mut().enumerate() {
            let widest = self.waiting.iter().map(|cells| cells[index].width()).max();
            column.width = column.width.max(widest.unwrap_or(0));
        }
        let Style::Aligned {
            width: Some(available),
        } = self.style
        else {
            return;
        };
        // The widest column of text gives first.
        loop {
            let total: usize = self.columns.iter().map(|column| column.width + 2).sum();
            let widest = self
                .columns
                .iter_mut()
                .filter(|column| !column.number && column.width > MIN_WIDTH)
                .max_by_key(|column| column.width);
            match widest {
                Some(column) if total.saturating_sub(2) > available => column.width -= 1,
                _ => break,
            }
        }
        self.shown = self.columns_that_fit(available);
    }

    /// How many of the columns fit, from the first on; where not all do, with
    /// room for the `…` that stands for the others.
    fn columns_that_fit(&self, available: usize) -> usize {
        let total: usize = self.columns.iter().map(|column| column.width + 2).sum();
        if total.saturating_sub(2) <= available {
            return self.columns.len();
        }
        let mut end = 0;
        let fitting = self.columns.iter().take_while(|column| {
            end += column.width + 2;
            end < available
        });
        fitting.count().max(1)
    }

    fn header(&self, text: &mut String) {
        let names: Vec<String> = self
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        self.line(text, &names);
        let rules = self.columns.iter().map(|column| match self.style {
            Style::Aligned { .. } => "─".repeat(column.width),
            Style::Markdown if column.number => "-".repeat(column.width.max(2) - 1) + ":",
            Style::Markdown => "-".repeat(column.width),
        });
        self.line(text, &rules.collect::<Vec<_>>());
    }

    fn line(&self, text: &mut String, cells: &[String]) {
        let (start, between, end) = match self.style {
            Style::Aligned { .. } => ("", "  ", ""),
            Style::Markdown => ("| ", " | ", " |"),
        };
        let mut line = start.to_owned();
        let shown = cells.iter().zip(&self.columns).take(self.shown);
        for (index, (cell, column)) in shown.enumerate() {
            if index > 0 {
                line.push_str(between);
            }
            let cell = self.style.fit(cell, column.width);
            let space = " ".repeat(column.width.saturating_sub(cell.width()));
            if column.number {
                line.push_str(&space);
            }
            line.push_str(&cell);
            if !column.number {
                line.push_str(&space);
            }
        }
        if self.shown < self.columns.len() {
            line.push_str(between);
            line.push('…');
        }
        line.push_str(end);
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

impl Style {
    /// A value made safe for where it goes.
    fn cell(&self, value: &str) -> String {
        let value = escape(value).into_owned();
        match self {
            Style::Aligned { .. } => value,
            Style::Markdown => value.replace('\\', "\\\\").replace('|', "\\|"),
        }
    }

    /// A cell cut to the width of its column, where tables are cut.
    fn fit(&self, cell: &str, width: usize) -> String {
        if !matches!(self, Style::Aligned { width: Some(_) }) || cell.width() <= width {
            return cell.to_owned();
        }
        let mut fitted = String::new();
        let mut used = 1;
        for character in cell.chars() {
            used += character.width().unwrap_or(0);
            if used > width {
                break;
            }
            fitted.push(character);
        }
        fitted.push('…');
        fitted
    }
}
