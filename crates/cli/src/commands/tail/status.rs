//! How far a tail has come, for people and for programs.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;
use vpcflow_ingest::{Budget, BudgetUsage, Clock, Progress, SourceProgress, SystemClock};
use vpcflow_query::ReadCounts;
use vpcflow_store::{CommitTotals, SharedStore};

use super::sinks::Intake;
use crate::args::{ProgressStyle, TailArgs};
use crate::line::Line;
use crate::print::{Notes, bytes, grouped, span};

/// How often the line is redrawn.
const REDRAW: Duration = Duration::from_millis(500);
/// How often an object is printed.
const REPORT: Duration = Duration::from_secs(10);

/// A line at the bottom of the terminal, and the notes above it.
#[derive(Debug, Clone)]
pub(super) struct StatusLine {
    notes: Notes,
    style: ProgressStyle,
    line: Line,
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
            line: Line::default(),
        }
    }

    /// A sentence above the line.
    pub(super) fn say(&self, text: &str) {
        self.line.clear();
        self.notes.say(text);
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
    store: Option<SharedStore>,
    stored: CommitTotals,
    sources: Vec<Shown>,
    counts: ReadCounts,
    /// When, and how many records there were, when the line was last drawn.
    last: Option<(i64, u64)>,
    records_per_second: f64,
}

impl Board {
    pub(super) fn new(
        line: StatusLine,
        intake: Arc<tokio::sync::Mutex<Intake>>,
        store: Option<SharedStore>,
    ) -> Board {
        Board {
            line,
            intake,
            store,
            stored: CommitTotals::default(),
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
            ProgressStyle::Line => self.line.line.clear(),
            ProgressStyle::Json => self.report(),
            ProgressStyle::None => {}
        }
    }

    fn report(&mut self) {
        // While the records are being written, the last counts will do.
        if let Ok(intake) = self.intake.try_lock() {
            self.counts = intake.counts();
        }
        if let Some(totals) = self.store.as_ref().and_then(SharedStore::totals) {
            self.stored = totals;
        }
        let now_ms = SystemClock.now_ms();
        if let Some((last_ms, records)) = self.last.replace((now_ms, self.counts.records)) {
            let seconds = (now_ms - last_ms).max(1) as f64 / 1000.0;
            let rate = self.counts.records.saturating_sub(records) as f64 / seconds;
            self.records_per_second += 0.3 * (rate - self.records_per_second);
        }
        match self.line.style {
            ProgressStyle::Line => self.line.line.draw(&self.text(now_ms)),
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
        let progress = self.sources.iter().map(|source| *source.progress.borrow());
        if let Some(progress) = united(progress) {
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
        if self.store.is_some() {
            parts.push(stored_part(self.stored, now_ms));
        }
        parts.join(" · ")
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
            "stored": self.store.as_ref().map(|_| json!({
                "commits": self.stored.commits,
                "records": self.stored.rows,
                "rejects": self.stored.rejects,
                "bytes": self.stored.size_bytes,
                "last_commit_ms": self.stored.last_ms,
            })),
            "sources": sources.collect::<Vec<_>>(),
        })
    }
}

/// The progress of all log groups as one: as far as the last of them.
pub(in crate::commands) fn united(
    sources: impl Iterator<Item = SourceProgress>,
) -> Option<Progress> {
    let groups = sources.filter_map(|progress| match progress {
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

/// What the store has since the tail began.
fn stored_part(stored: CommitTotals, now_ms: i64) -> String {
    match stored.last_ms {
        Some(last_ms) => format!(
            "{} stored, commit {} ago",
            bytes(stored.size_bytes),
            span(now_ms - last_ms)
        ),
        None => "no commit yet".to_owned(),
    }
}

/// How far log groups are read, in words.
pub(in crate::commands) fn group_parts(progress: &Progress, now_ms: i64) -> Vec<String> {
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
    let mut interfaces = match progress.streams {
        1 => "1 stream".to_owned(),
        streams => format!("{} streams", grouped(streams as u64)),
    };
    if progress.late_streams > 0 {
        interfaces += &format!(", {} late", progress.late_streams);
    }
    if progress.silent_streams > 0 {
        interfaces += &format!(", {} silent", progress.silent_streams);
    }
    parts.push(interfaces);
    parts
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
