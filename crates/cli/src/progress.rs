//! How far a query has come, on a terminal.

use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval_at};
use vpcflow_query::{Reach, ReadCounts, Session};

use crate::line::Line;
use crate::print::{Notes, bytes, grouped, span};

/// What is answered before needs no line.
const AFTER: Duration = Duration::from_millis(500);
/// How often the line is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// A line that tells how much was read, while a query runs.
#[derive(Debug)]
pub(crate) struct Progress<'a> {
    shown: Option<Shown<'a>>,
}

#[derive(Debug)]
struct Shown<'a> {
    session: &'a Session,
    line: Line,
    began: Instant,
    ticks: Interval,
}

impl<'a> Progress<'a> {
    /// Of what is read for statements, where standard error is a terminal and the
    /// user wants notes.
    pub(crate) fn new(session: &'a Session, notes: Notes) -> Progress<'a> {
        let is_shown = !notes.is_quiet() && Line::is_possible();
        Progress {
            shown: is_shown.then(|| Shown {
                session,
                line: Line::default(),
                began: Instant::now(),
                ticks: ticks(),
            }),
        }
    }

    /// None.
    pub(crate) fn none() -> Progress<'a> {
        Progress { shown: None }
    }

    /// Waits for `work`, and draws the line meanwhile.
    pub(crate) async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let Some(shown) = &mut self.shown else {
            return work.await;
        };
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = shown.ticks.tick() => shown.draw(),
            }
        }
    }

    /// Takes the line off the terminal, for good: rows come.
    pub(crate) fn end(&mut self) {
        self.shown = None;
    }
}

impl Shown<'_> {
    fn draw(&self) {
        let counts = self.session.counts();
        let text = text(counts, self.session.reach(), self.began.elapsed());
        self.line.draw(&text);
    }
}

/// Also where a query is ended early.
impl Drop for Shown<'_> {
    fn drop(&mut self) {
        self.line.clear();
    }
}

fn ticks() -> Interval {
    let mut ticks = interval_at(tokio::time::Instant::now() + AFTER, REDRAW);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn text(counts: ReadCounts, reach: Reach, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let mut parts = Vec::new();
    let part = match reach.total_bytes {
        Some(total) => reach.done_bytes as f64 / total.max(1) as f64,
        None => 0.0,
    };
    parts.push(match reach.total_bytes {
        Some(total) => format!(
            "{} of {} ({:.0} %)",
            bytes(reach.done_bytes),
            bytes(total),
            (100.0 * part).floor()
        ),
        None => bytes(counts.bytes),
    });
    parts.push(format!(
        "{} records, {} records/s",
        grouped(counts.records),
        grouped((counts.records as f64 / seconds) as u64)
    ));
    // What is left to read at the speed so far. After it the query may still sort.
    if part > 0.0 && part < 1.0 {
        let left_ms = 1000.0 * seconds * (1.0 - part) / part;
        parts.push(format!("{} left", span(left_ms as i64)));
    }
    parts.join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_what_was_read_and_what_is_left() {
        let counts = ReadCounts {
            records: 3_000_000,
            bytes: 345_000_000,
            ..ReadCounts::default()
        };
        let told = |done_bytes, total_bytes| {
            let reach = Reach {
                done_bytes,
                total_bytes,
            };
            text(counts, reach, Duration::from_secs(2))
        };
        assert_eq!(
            told(345_000_000, Some(1_380_000_000)),
            "345.0 MB of 1.4 GB (25 %) · 3,000,000 records, 1,500,000 records/s · 6 s left"
        );
        assert_eq!(
            told(0, None),
            "345.0 MB · 3,000,000 records, 1,500,000 records/s"
        );
        // All is read, and the rows are sorted.
        assert_eq!(
            told(10, Some(10)),
            "10 B of 10 B (100 %) · 3,000,000 records, 1,500,000 records/s"
        );
    }
}
