//! What there is to draw, at a moment.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use vpcflow_ingest::{Clock, SourceProgress, SystemClock};
use vpcflow_query::{LiveCounts, LiveTop, Look, RejectedFlow, escape};

use super::keys::Choice;
use super::screen::Shown;
use super::sink::Intake;
use crate::commands::tail::{group_parts, united};
use crate::print::{counted, grouped, span};

/// Lines above and below the ranking: title, counts, completeness, rankings, the
/// heading of rejected flows, keys, and those between.
const FIXED_LINES: u16 = 8;
/// Lines of a table beside its rows: heading, rule, others, total, note.
const TABLE_LINES: usize = 5;
/// How much of a new rate counts.
const WEIGHT: f64 = 0.4;

/// What is drawn.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    pub(super) title: String,
    /// How many records were accepted and rejected each second.
    pub(super) accepted: String,
    pub(super) rejected: String,
    pub(super) counts: String,
    /// How far the sources are read.
    pub(super) completeness: String,
    pub(super) rankings: Vec<String>,
    /// The table of the ranking.
    pub(super) table: Vec<String>,
    /// The newest rejected flows.
    pub(super) rejects: Vec<String>,
}

/// Makes views.
pub(super) struct Viewer {
    shown: Shown,
    view: View,
    names: Vec<String>,
    /// When the records were last counted.
    last: Option<(Instant, LiveCounts)>,
    accepted_rate: f64,
    rejected_rate: f64,
}

impl Viewer {
    pub(super) fn new(shown: Shown) -> Viewer {
        Viewer {
            shown,
            view: View::default(),
            names: Vec::new(),
            last: None,
            accepted_rate: 0.0,
            rejected_rate: 0.0,
        }
    }

    /// How many rankings there are.
    pub(super) fn rankings(&self) -> usize {
        self.names.len().max(1)
    }

    /// What is to be drawn on a screen of this size. While the user has it paused, it is
    /// as it was.
    pub(super) fn view(
        &mut self,
        intake: &Mutex<Intake>,
        choice: &Choice,
        (width, height): (u16, u16),
        ended: bool,
    ) -> io::Result<&View> {
        if choice.paused && !self.view.table.is_empty() {
            return Ok(&self.view);
        }
        let rejects = usize::from(height / 5).clamp(2, 8);
        let room = usize::from(height.saturating_sub(FIXED_LINES)).saturating_sub(rejects);
        let look = Look {
            width: Some(usize::from(width)),
            human: true,
            color: false,
            ..self.shown.look
        };
        let mut intake = intake.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = intake.top.counts();
        let read = intake.counts();
        let notice = intake.notice().map(str::to_owned);
        let overflow = intake.top.overflow(choice.ranking);
        if self.names.is_empty() {
            let stats = &intake.top.options().stats;
            self.names = stats.iter().map(ToString::to_string).collect();
        }
        let limit = room
            .saturating_sub(TABLE_LINES)
            .clamp(1, intake.top.options().limit);
        let ranked = intake
            .top
            .ranked(choice.ranking, choice.active_filter(), limit);
        let rejected = rejected_lines(&intake.top, rejects, &look);
        drop(intake);
        let ranked = ranked.map_err(io::Error::other)?;
        self.count(counts);
        let now_ms = SystemClock.now_ms();
        let last_us = ranked
            .rankings
            .first()
            .and_then(|ranking| ranking.total.last_us);
        self.view = View {
            title: self.title(last_us, ended),
            accepted: format!("{}/s", grouped(self.accepted_rate.round() as u64)),
            rejected: format!("{}/s", grouped(self.rejected_rate.round() as u64)),
            counts: format!(
                "{}, {} refused",
                counted(read.records, "record"),
                grouped(read.rejects)
            ),
            completeness: self.completeness(now_ms, counts, overflow, notice.as_deref()),
            rankings: self.names.clone(),
            table: ranked.tables(&look),
            rejects: rejected,
        };
        Ok(&self.view)
    }

    fn count(&mut self, counts: LiveCounts) {
        let now = Instant::now();
        if let Some((before, last)) = self.last {
            let seconds = (now - before).as_secs_f64();
            if seconds < 0.2 {
                // A key was pressed: the time is too short to tell a rate.
                return;
            }
            let follow = |rate: &mut f64, now: u64, before: u64| {
                let new = now.saturating_sub(before) as f64 / seconds;
                *rate += WEIGHT * (new - *rate);
            };
            follow(&mut self.accepted_rate, counts.accepted, last.accepted);
            follow(&mut self.rejected_rate, counts.rejected, last.rejected);
        }
        self.last = Some((now, counts));
    }

    fn title(&self, last_us: Option<i64>, ended: bool) -> String {
        let mut title = format!("vpcflow top  {}", escape(&self.shown.sources));
        title += &format!("  last {}", span(self.shown.window_s * 1000));
        if let Some(last_us) = last_us {
            let time = jiff::Timestamp::from_microsecond(last_us);
            if let Ok(time) = time {
                title += &format!(" to {} UTC", time.strftime("%Y-%m-%d %H:%M:%S"));
            }
        }
        if ended {
            title += "  all is read";
        }
        title
    }

    /// How whole what is shown is.
    fn completeness(
        &self,
        now_ms: i64,
        counts: LiveCounts,
        overflow: i64,
        notice: Option<&str>,
    ) -> String {
        let progress = self
            .shown
            .progress
            .iter()
            .map(|progress| *progress.borrow());
        let mut parts = Vec::new();
        if let Some(progress) = united(progress.clone()) {
            parts.extend(group_parts(&progress, now_ms));
        }
        for progress in progress {
            if let SourceProgress::Files(files) = progress {
                parts.push(counted(files.files as u64, "file"));
            }
        }
        parts.extend(left_out(counts));
        if overflow > 0 {
            parts.push(format!(
                "memory is full: {} of other keys together",
                counted(overflow as u64, "record")
            ));
        }
        if let Some(notice) = notice {
            parts.push(escape(notice).into_owned());
        }
        parts.join(self.separator())
    }

    fn separator(&self) -> &'static str {
        if self.shown.look.ascii { " | " } else { " · " }
    }
}

/// Records that are in no ranking, of each kind that there are.
fn left_out(counts: LiveCounts) -> impl Iterator<Item = String> {
    let kinds = [
        (counts.nodata, "NODATA"),
        (counts.skipdata, "SKIPDATA"),
        (counts.late, "late"),
        (counts.astray, "without a time"),
    ];
    let kinds = kinds.into_iter().filter(|(count, _)| *count > 0);
    kinds.map(|(count, what)| format!("{} {what}", grouped(count)))
}

/// The newest rejected flows, a line each. Nothing in them acts on a terminal.
fn rejected_lines(top: &LiveTop, count: usize, look: &Look) -> Vec<String> {
    top.rejected()
        .take(count)
        .map(|flow| rejected(flow, look))
        .collect()
}

fn rejected(flow: &RejectedFlow, look: &Look) -> String {
    let text = |text: &Option<String>| match text {
        Some(text) => escape(text).into_owned(),
        None => "-".to_owned(),
    };
    let time = flow
        .start_us
        .and_then(|us| jiff::Timestamp::from_microsecond(us).ok());
    let time = time.map_or("-".to_owned(), |time| time.strftime("%H:%M:%S").to_string());
    let arrow = if look.ascii { "->" } else { "→" };
    let end = |address: &Option<String>, port: &String| format!("{}:{port}", text(address));
    let source = end(&flow.source, &port(flow.source_port, None));
    let target = end(&flow.target, &port(flow.target_port, flow.protocol));
    let packets = flow.packets.and_then(|packets| u64::try_from(packets).ok());
    let packets = packets.map_or(String::new(), |packets| counted(packets, "packet"));
    let protocol = flow.protocol.map_or("-".to_owned(), |protocol| {
        let name = vpcflow_query::protocol_name(protocol.into());
        name.map_or_else(|| protocol.to_string(), str::to_ascii_lowercase)
    });
    let interface = text(&flow.interface);
    format!("{time}  {source} {arrow} {target} {protocol}  {packets}  {interface}")
}

/// A port, with its service where the protocol tells it.
fn port(port: Option<i32>, protocol: Option<i32>) -> String {
    let Some(port) = port else {
        return "-".to_owned();
    };
    let service = protocol
        .and_then(|protocol| vpcflow_query::port_service(port.into(), Some(protocol.into())));
    match service {
        Some(service) => format!("{port}/{service}"),
        None => port.to_string(),
    }
}
