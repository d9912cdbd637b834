//! A view on the screen.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use vpcflow_query::Look;

use super::keys::Choice;
use super::view::View;

/// What keys do, in a line.
const KEYS: &str = "q quit  p pause  / filter  tab next ranking  ? keys";
/// And in full.
const HELP: [&str; 8] = [
    "q, Ctrl-C    quit",
    "p, space     pause what is shown; records are counted on",
    "tab, 1 to 9  another ranking",
    "/            show rows in whose keys there is a text",
    "Enter, Esc   keep the text, or drop it",
    "Ctrl-Z       suspend",
    "?            close this",
    "Shares, others and total are of all records of the time shown.",
];

/// Draws a view. All that it has is text that acts on no terminal.
pub(super) fn draw(frame: &mut Frame<'_>, view: &View, choice: &Choice, look: &Look) {
    let area = frame.area();
    let mut lines = Lines {
        area,
        next: area.top(),
    };
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let dim = Style::new().add_modifier(Modifier::DIM);
    let reversed = Style::new().add_modifier(Modifier::REVERSED);
    let colored = |color: Color| match look.color {
        true => Style::new().fg(color),
        false => Style::new(),
    };
    let mut title = view.title.clone();
    if choice.paused {
        title = format!("paused  {title}");
    }
    let width = usize::from(area.width);
    lines.put(frame, Line::styled(format!(" {title:width$}"), reversed));
    lines.put(
        frame,
        Line::from(vec![
            Span::raw("accepted "),
            Span::styled(view.accepted.clone(), colored(Color::Green)),
            Span::raw("  rejected "),
            Span::styled(view.rejected.clone(), colored(Color::Red)),
            Span::raw("  "),
            Span::raw(view.counts.clone()),
        ]),
    );
    lines.put(frame, Line::styled(view.completeness.clone(), dim));
    lines.put(frame, Line::default());
    let mut names = Vec::new();
    for (index, name) in view.rankings.iter().enumerate() {
        let style = if index == choice.ranking {
            reversed
        } else {
            dim
        };
        names.push(Span::styled(format!(" {} {name} ", index + 1), style));
    }
    match (&choice.edited, choice.filter.as_str()) {
        (Some(edited), _) => names.push(Span::styled(format!("  filter: {edited}_"), bold)),
        (None, "") => {}
        (None, filter) => names.push(Span::raw(format!("  filter: {filter}"))),
    }
    lines.put(frame, Line::from(names));
    let below = view.rejects.len() as u16 + 2;
    let end = area.bottom().saturating_sub(below).max(lines.next);
    for (index, text) in view.table.iter().enumerate() {
        if lines.next >= end {
            break;
        }
        let style = if index == 0 { bold } else { Style::new() };
        lines.put(frame, Line::styled(text.clone(), style));
    }
    lines.next = end;
    lines.put(frame, Line::styled("newest rejected", bold));
    for text in &view.rejects {
        lines.put(frame, Line::styled(text.clone(), colored(Color::Red)));
    }
    lines.next = area.bottom().saturating_sub(1);
    lines.put(frame, Line::styled(KEYS, dim));
    if choice.help {
        help(frame, area);
    }
}

/// Lines of the screen, from the top.
struct Lines {
    area: Rect,
    next: u16,
}

impl Lines {
    fn put(&mut self, frame: &mut Frame<'_>, line: Line<'_>) {
        if self.next < self.area.bottom() {
            let place = Rect::new(self.area.left(), self.next, self.area.width, 1);
            frame.render_widget(line, place);
            self.next += 1;
        }
    }
}

fn help(frame: &mut Frame<'_>, area: Rect) {
    let widest = HELP.iter().map(|line| line.len() as u16).max().unwrap_or(0);
    let (width, height) = (widest + 4, HELP.len() as u16 + 2);
    let (width, height) = (width.min(area.width), height.min(area.height));
    let left = area.left() + (area.width - width) / 2;
    let top = area.top() + (area.height - height) / 2;
    let place = Rect::new(left, top, width, height);
    let text: Vec<Line<'_>> = HELP
        .iter()
        .map(|line| Line::raw(format!(" {line}")))
        .collect();
    frame.render_widget(Clear, place);
    frame.render_widget(
        Paragraph::new(text).block(Block::bordered().title(" keys ")),
        place,
    );
}
