//! How far a tail has come, for people and for programs.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use vpcflow_ingest::{Budget, BudgetUsage, Clock, Progress, SourceProgress, SystemClock};
use vpcflow_query::ReadCounts;

use super::sinks::Intake;
use crate::args::{ProgressStyle, TailArgs};
use crate::print::{Notes, bytes, grouped};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(500);
/// How often an object is printed.
const REPORT: Duration = Duration::from_secs(10);

/// A line at the bottom of the terminal, and the notes above it.
#[derive(Debug, Clone)]
pub(super) struct StatusLine {
    notes: Notes,
    style: ProgressStyle,
    /// The line is on the terminal, and has to go before anything else.
    shown: Arc<Mutex<bool>>,
}

impl StatusLine {
    /// Shown as the user says; else where it disturbs nothing: on a terminal
    /// that the records are not printed to.
    pub(super) fn new(args: &TailArgs, notes: Notes) -> StatusLine {
        let free = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let style = match args.progress {
            Some(style) => style,
            None if free && !args.decode.quiet => ProgressStyle::Line,
            None => ProgressStyle::None,
        };
        StatusLine {
            notes,
            style,
            shown: Arc::default(),
        }
    }

    /// A sentence above the line.
    pub(super) fn say(&self, text: &str) {
        self.clear();
        self.notes.say(text);
    }

    /// Takes the line off the terminal.
    fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *shown) {
            // Nobody is left to tell when standard error is gone.
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    /// Puts the line in place of the last one: in one write, so that it does
    /// not flicker, and no longer than the terminal is wide.
    fn draw(&self, text: &str) {
        let width = terminal_size::terminal_size_of(io::stderr());
        let width = width.map_or(80, |(width, _)| usize::from(width.0));
        let text: String = text.chars().take(width.saturating_sub(1)).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = io::stderr()
            .write_all(format!("\r{text}\x1b[K").as_bytes())
            .is_ok();
    }
}

/// A source whose progress is shown.
struct Shown {
    name: String,
    progress: watch::Receiver<SourceProgress>,
    budget: Option<Budget>,
}

/// The progress of all sources.
pub(super) struct Board {
    line: StatusLine,
    intake: Arc<tokio::sync::Mutex<Intake>>,
    sources: Vec<Shown>,
    counts: ReadCounts,
    /// When, and how many records there were, when the line was last drawn.
    last: Option<(i64, u64)>,
    records_per_second: f64,
}

impl Board {
    pub(super) fn new(line: StatusLine, intake: Arc<tokio::sync::Mutex<Intake>>) -> Board {
        Board {
            line,
            intake,
            sources: Vec::new(),
            counts: ReadCounts::default(),
            last: None,
            records_per_second: 0.0,
        }
    }

    /// Adds a source; its progress is told to what is returned.
    pub(super) fn add(
        &mut self,
        name: String,
        nothing_yet: SourceProgress,
        budget: Option<Budget>,
    ) -> watch::Sender<SourceProgress> {
        let (sender, progress) = watch::channel(nothing_yet);
        self.sources.push(Shown {
            name,
            progress,
            budget,
        });
        sender
    }

    /// Shows the progress, for ever.
    pub(super) async fn show(&mut self) {
        let every = match self.line.style {
            ProgressStyle::Line => REDRAW,
            ProgressStyle::Json => REPORT,
            ProgressStyle::None => return std::future::pending().await,
        };
        let mut ticks = tokio::time::interval(every);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            self.report();
        }
    }

    /// Ends the display: the line goes, objects end with the last state.
    pub(super) fn end(&mut self) {
        match self.line.style {
            ProgressStyle::Line => self.line.clear(),
            ProgressStyle::Json => self.report(),
            ProgressStyle::None => {}
        }
    }

    fn report(&mut self) {
        // While the records are being written, the last counts will do.
        if let Ok(intake) = self.intake.try_lock() {
            self.counts = intake.counts();
        }
        let now_ms = SystemClock.now_ms();
        if let Some((last_ms, records)) = self.last.replace((now_ms, self.counts.records)) {
            let seconds = (now_ms - last_ms).max(1) as f64 / 1000.0;
            let rate = self.counts.records.saturating_sub(records) as f64 / seconds;
            self.records_per_second += 0.3 * (rate - self.records_per_second);
        }
        match self.line.style {
            ProgressStyle::Line => self.line.draw(&self.text(now_ms)),
            ProgressStyle::Json => {
                self.line.notes.always(&self.object(now_ms).to_string());
            }
            ProgressStyle::None => {}
        }
    }

    /// The line, for people.
    fn text(&self, now_ms: i64) -> String {
        let mut parts = vec![
            format!("{} records/s", grouped(self.records_per_second as u64)),
            bytes(self.counts.bytes),
        ];
        if let Some(progress) = self.united() {
            parts.extend(group_parts(&progress, now_ms));
        }
        for usage in self.usages(now_ms) {
            let mut part = format!("{:.1}/{:.0} calls/s", usage.calls_per_second, usage.rate);
            if usage.throttled > 0 {
                part += &format!(", {} throttled", grouped(usage.throttled));
            }
            parts.push(part);
        }
        parts.push(format!("{} rejects", grouped(self.counts.rejects)));
        parts.join(" · ")
    }

    /// The progress of all log groups as one: as far as the last of them.
    fn united(&self) -> Option<Progress> {
        let groups = self
            .sources
            .iter()
            .filter_map(|source| match *source.progress.borrow() {
                SourceProgress::LogGroup(progress) => Some(progress),
                _ => None,
            });
        groups.reduce(|left, right| Progress {
            complete_to_ms: left.complete_to_ms.min(right.complete_to_ms),
            newest_event_ms: match (left.newest_event_ms, right.newest_event_ms) {
                (Some(left), Some(right)) => Some(left.min(right)),
                (left, right) => left.or(right),
            },
            backlog_ms: left.backlog_ms.max(right.backlog_ms),
            streams: left.streams + right.streams,
            late_streams: left.late_streams + right.late_streams,
            silent_streams: left.silent_streams + right.silent_streams,
            ..left
        })
    }

    /// The use of each budget, which several groups may share.
    fn usages(&self, now_ms: i64) -> Vec<BudgetUsage> {
        let mut budgets: Vec<&Budget> = Vec::new();
        for budget in self
            .sources
            .iter()
            .filter_map(|source| source.budget.as_ref())
        {
            if !budgets.iter().any(|known| known.is_shared_with(budget)) {
                budgets.push(budget);
            }
        }
        budgets.iter().map(|budget| budget.usage(now_ms)).collect()
    }

    /// The same for programs.
    fn object(&self, now_ms: i64) -> Value {
        let sources = self.sources.iter().map(|source| {
            let usage = source.budget.as_ref().map(|budget| budget.usage(now_ms));
            json!({
                "source": source.name,
                "progress": *source.progress.borrow(),
                "calls": usage,
            })
        });
        json!({
            "time_ms": now_ms,
            "records": self.counts.records,
            "rejects": self.counts.rejects,
            "bytes": self.counts.bytes,
            "records_per_second": self.records_per_second.round(),
            "sources": sources.collect::<Vec<_>>(),
        })
    }
}

fn group_parts(progress: &Progress, now_ms: i64) -> Vec<String> {
    let mut parts = Vec::new();
    if let Some(newest_ms) = progress.newest_event_ms {
        parts.push(format!("newest {} ago", span(now_ms - newest_ms)));
    }
    if progress.complete_to_ms > 0 {
        parts.push(format!(
            "complete to {}",
            clock_time(progress.complete_to_ms)
        ));
    }
    if progress.backlog_ms > 60_000 {
        parts.push(format!("{} to catch up with", span(progress.backlog_ms)));
    }
    let mut interfaces = format!("{} streams", grouped(progress.streams as u64));
    if progress.late_streams > 0 {
        interfaces += &format!(", {} late", progress.late_streams);
    }
    if progress.silent_streams > 0 {
        interfaces += &format!(", {} silent", progress.silent_streams);
    }
    parts.push(interfaces);
    parts
}

/// A span in its largest whole units.
fn span(ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, _) => format!("{minutes} min"),
        (hours @ ..48, minutes, _) => format!("{hours} h {minutes} min"),
        (hours, ..) => format!("{} d", hours / 24),
    }
}

/// A time of day in UTC.
fn clock_time(time_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(time_ms) {
        Ok(time) => time.strftime("%H:%M:%S").to_string(),
        Err(_) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_for_people() {
        let minute = 60_000;
        let texts = [5_999, minute, 59 * minute, 61 * minute, 49 * 60 * minute].map(span);
        assert_eq!(texts, ["5 s", "1 min", "59 min", "1 h 1 min", "2 d"]);
    }

    #[test]
    fn a_log_group_in_words() {
        let progress = Progress {
            complete_to_ms: 3_600_000,
            newest_event_ms: Some(7_200_000),
            streams: 1_000,
            late_streams: 3,
            silent_streams: 1,
            ..Progress::default()
        };
        assert_eq!(
            group_parts(&progress, 7_560_000),
            [
                "newest 6 min ago",
                "complete to 01:00:00",
                "1,000 streams, 3 late, 1 silent"
            ]
        );
    }
}
