//! The part about completeness.

use super::parts::{Clock, card, figure, head, name, note, number, section, table, time_head};
use crate::report::Report;
use crate::report::completeness::Completeness;
use crate::report::figures::{Unit, span};
use crate::report::html::Html;
use crate::report::statements::REJECTS;

/// Two of the longest aggregation intervals.
const SILENT_US: i64 = 20 * 60 * 1_000_000;

pub(super) fn completeness(html: &mut Html, report: &Report, clock: Clock) {
    let health = &report.completeness;
    section(html, "completeness", "Completeness", |html| {
        html.element("div", &[("class", "cards uneven".into())], |html| {
            card(
                html,
                "statuses",
                "Records",
                "card",
                &health.statuses_sql,
                |html| {
                    checks(html, health, clock);
                },
            );
            card(
                html,
                "quiet",
                "Interfaces, longest silent first",
                "card",
                &health.interfaces_sql,
                |html| quiet(html, health, clock),
            );
            if health.gap_count > 0 {
                card(
                    html,
                    "gaps",
                    "Times without a record",
                    "card",
                    &health.gaps_sql,
                    |html| {
                        gaps(html, health, clock);
                    },
                );
            }
            if !health.rejects.is_empty() {
                card(html, "rejects", "Refused lines", "card", REJECTS, |html| {
                    rejects(html, health)
                });
            }
        });
    });
}

/// What is told in a word beside its sign.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Look,
}

/// A row for each thing that may be wrong.
fn checks(html: &mut Html, health: &Completeness, clock: Clock) {
    table(
        html,
        "statuses",
        "Records and what may be missing",
        "checks",
        |html| {
            head(html, &[("", false), ("Count", true), ("Means", false)]);
            html.element("tbody", &[], |html| {
                let plain = "records of these times";
                check(html, clock, "Records", health.records, None, plain);
                check(html, clock, "with traffic (OK)", health.ok, None, "");
                let nodata = "intervals without traffic: nothing is missing";
                check(html, clock, "NODATA", health.nodata, None, nodata);
                let (verdict, meaning) = match health.skipdata {
                    0 => (Verdict::Good, "nothing was left out by AWS"),
                    _ => (Verdict::Look, "intervals of which AWS left records out"),
                };
                check(
                    html,
                    clock,
                    "SKIPDATA",
                    health.skipdata,
                    Some(verdict),
                    meaning,
                );
                if health.other() > 0 {
                    let meaning = "records whose format has no log-status, or another one";
                    check(
                        html,
                        clock,
                        "without a status",
                        health.other(),
                        None,
                        meaning,
                    );
                }
                let (verdict, meaning) = match health.refused() {
                    0 => (Verdict::Good, "every line was read"),
                    _ => (
                        Verdict::Look,
                        "lines that are no record of the format, of all times",
                    ),
                };
                check(
                    html,
                    clock,
                    "Refused lines",
                    health.refused(),
                    Some(verdict),
                    meaning,
                );
                let (verdict, meaning) = match health.silent {
                    0 => (Verdict::Good, "none ended 20 minutes before the others"),
                    _ => (Verdict::Look, "without a record in the last 20 minutes"),
                };
                check(
                    html,
                    clock,
                    "Silent interfaces",
                    health.silent,
                    Some(verdict),
                    meaning,
                );
                let (verdict, meaning) = match health.gap_count {
                    0 => (Verdict::Good, "records start at least every 11 minutes"),
                    _ => (
                        Verdict::Look,
                        "times of more than 11 minutes without a record",
                    ),
                };
                check(
                    html,
                    clock,
                    "Gaps",
                    health.gap_count,
                    Some(verdict),
                    meaning,
                );
            });
        },
    );
    for (group, time) in &health.complete_to {
        html.element("p", &[("class", "note".into())], |html| {
            name(html, group.as_deref());
            html.text(" is complete up to ");
            match time {
                Some(time) => clock.write(html, *time),
                None => {
                    html.text("an unknown time");
                }
            }
            html.text(".");
        });
    }
}

fn check(
    html: &mut Html,
    clock: Clock,
    what: &'static str,
    count: i64,
    verdict: Option<Verdict>,
    meaning: &'static str,
) {
    html.element("tr", &[], |html| {
        html.leaf("th", &[("scope", "row".into())], what);
        figure(html, clock, Unit::Count, Some(count));
        html.element("td", &[], |html| {
            match verdict {
                Some(Verdict::Good) => {
                    html.markup("<span class=\"badge good\">✓ good</span> ");
                }
                Some(Verdict::Look) => {
                    html.markup("<span class=\"badge look\">! look</span> ");
                }
                None => {}
            }
            html.text(meaning);
        });
    });
}

fn quiet(html: &mut Html, health: &Completeness, clock: Clock) {
    if health.quiet.is_empty() {
        note(html, "No record names its interface.");
        return;
    }
    table(
        html,
        "quiet",
        "Interfaces, longest silent first",
        "names",
        |html| {
            let heads = [
                ("Interface", false),
                ("Last record", true),
                ("Silent for", true),
                ("Records", true),
                ("NODATA", true),
                ("SKIPDATA", true),
            ];
            head(html, &heads);
            html.element("tbody", &[], |html| {
                for interface in &health.quiet {
                    html.element("tr", &[], |html| {
                        html.element("th", &[("scope", "row".into())], |html| {
                            name(html, interface.id.as_deref());
                        });
                        figure(html, clock, Unit::Time, interface.seen_to);
                        let silent = health.newest.zip(interface.seen_to);
                        let silent = silent.map(|(newest, seen_to)| newest.saturating_sub(seen_to));
                        let class = match silent {
                            Some(us) if us > SILENT_US => "n look",
                            _ => "n",
                        };
                        let text = silent.map_or_else(|| "–".to_owned(), span);
                        html.leaf("td", &[("class", class.into())], text);
                        figure(html, clock, Unit::Count, Some(interface.records));
                        figure(html, clock, Unit::Count, Some(interface.nodata));
                        figure(html, clock, Unit::Count, Some(interface.skipdata));
                    });
                }
            });
        },
    );
    let others = health.interfaces - health.quiet.len() as i64;
    if others > 0 {
        html.element("p", &[("class", "note".into())], |html| {
            html.text("and ");
            number(html, Unit::Count, others);
            html.text(if others == 1 { " other" } else { " others" });
        });
    }
}

fn gaps(html: &mut Html, health: &Completeness, clock: Clock) {
    table(
        html,
        "gaps",
        "Times without a record, longest first",
        "",
        |html| {
            head(
                html,
                &[("Last before", true), ("First after", true), ("Long", true)],
            );
            html.element("tbody", &[], |html| {
                for (before, after) in &health.gaps {
                    html.element("tr", &[], |html| {
                        time_head(html, clock, *before);
                        figure(html, clock, Unit::Time, Some(*after));
                        let length = span(after.saturating_sub(*before));
                        html.leaf("td", &[("class", "n".into())], length);
                    });
                }
            });
        },
    );
}

fn rejects(html: &mut Html, health: &Completeness) {
    let clock = Clock { is_one_day: false };
    table(html, "rejects", "Refused lines by reason", "", |html| {
        head(html, &[("Reason", false), ("Lines", true)]);
        html.element("tbody", &[], |html| {
            for (reason, lines) in &health.rejects {
                html.element("tr", &[], |html| {
                    html.element("th", &[("scope", "row".into())], |html| {
                        name(html, reason.as_deref());
                    });
                    figure(html, clock, Unit::Count, Some(*lines));
                });
            }
        });
    });
    note(
        html,
        "Of all lines of the sources: a line that cannot be read has no time.",
    );
}

/// What a reader has to know before the figures are believed.
pub(super) fn in_words(html: &mut Html, health: &Completeness) {
    let mut troubles: Vec<(i64, &str, &str)> = vec![
        (health.skipdata, " SKIPDATA record", " SKIPDATA records"),
        (health.refused(), " refused line", " refused lines"),
        (health.silent, " silent interface", " silent interfaces"),
        (health.gap_count, " gap", " gaps"),
    ];
    troubles.retain(|(count, ..)| *count > 0);
    html.element("li", &[], |html| {
        if troubles.is_empty() {
            html.text("Nothing is known to be missing.");
            return;
        }
        html.text("Not all traffic may be here: ");
        for (index, (count, one, several)) in troubles.iter().enumerate() {
            if index > 0 {
                html.text(", ");
            }
            number(html, Unit::Count, *count);
            html.text(if *count == 1 { one } else { several });
        }
        html.text(".");
    });
}
