//! The page: its frame, its head, and what it says of itself.

mod grid;
mod health;
mod parts;
mod rankings;
mod time;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use self::parts::{Clock, article, card, name, note, number, section};
use super::figures::{Unit, machine_time, share, short_count, span, time as date_time};
use super::html::Html;
use super::ranking::Ranking;
use super::{Chart, Report};
use crate::error::Error;

const STYLE: &str = include_str!("style.css");

/// What the browser may do: apply this one style, and nothing else. No script runs, no
/// address is asked, even if markup of others came into the page.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// The parts of the page: anchor and title.
const CONTENTS: [(&str, &str); 7] = [
    ("#figures", "Key figures"),
    ("#completeness", "Completeness"),
    ("#time", "Over time"),
    ("#rankings", "Rankings"),
    ("#shares", "Shares"),
    ("#matrix", "Who talks to whom"),
    ("#about", "About"),
];

pub(super) fn page(report: &Report) -> Result<String, Error> {
    let figures = Figures::new(report)?;
    let clock = Clock {
        is_one_day: figures.is_one_day(),
    };
    let mut html = Html::default();
    html.markup("<!DOCTYPE html>\n");
    html.element("html", &[("lang", "en".into())], |html| {
        html.element("head", &[], |html| {
            html.element("meta", &[("charset", "utf-8".into())], |_| {});
            let attributes = [
                ("http-equiv", "Content-Security-Policy".into()),
                ("content", policy().into()),
            ];
            html.element("meta", &attributes, |_| {});
            let attributes = [
                ("name", "viewport".into()),
                ("content", "width=device-width, initial-scale=1".into()),
            ];
            html.element("meta", &attributes, |_| {});
            let attributes = [("name", "color-scheme".into()), ("content", "light dark".into())];
            html.element("meta", &attributes, |_| {});
            let attributes = [("name", "referrer".into()), ("content", "no-referrer".into())];
            html.element("meta", &attributes, |_| {});
            html.leaf("title", &[], &report.options.title);
            html.element("style", &[], |html| {
                html.markup(STYLE);
            });
        });
        html.markup("\n");
        html.element("body", &[], |html| {
            html.markup(
                "<a class=\"skip\" href=\"#main\">To the figures</a>\
                 <svg class=\"defs\" aria-hidden=\"true\" width=\"0\" height=\"0\"><defs>\
                 <pattern id=\"hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><rect class=\"hatch-paper\" width=\"5\" height=\"5\"/>\
                 <rect class=\"hatch-line\" width=\"3\" height=\"5\"/></pattern></defs></svg>",
            );
            header(html, report, &figures);
            html.element("main", &[("id", "main".into())], |html| {
                key_figures(html, report, &figures);
                health::completeness(html, report, clock);
                time::over_time(html, report, clock);
                rankings::rankings(html, report, clock);
                rankings::shares(html, report, clock);
                grid::matrix(html, report);
                about(html, report);
            });
        });
    });
    html.markup("\n");
    Ok(html.into_string())
}

/// The figures of all traffic.
struct Figures {
    flows: i64,
    packets: Option<i64>,
    bytes: Option<i64>,
    accepted: i64,
    rejected: i64,
    sources: i64,
    destinations: i64,
    /// The times that the report is about: of the window, else of the records.
    from: Option<i64>,
    to: Option<i64>,
}

impl Figures {
    fn new(report: &Report) -> Result<Figures, Error> {
        let rows = &report.figures;
        let count = |name| -> Result<i64, Error> { Ok(rows.number(name)?.unwrap_or_default()) };
        let (window, health) = (report.options.window, &report.completeness);
        Ok(Figures {
            flows: count("flows")?,
            packets: rows.number("packets")?,
            bytes: rows.number("bytes")?,
            accepted: count("accepted")?,
            rejected: count("rejected")?,
            sources: count("sources")?,
            destinations: count("destinations")?,
            from: window.since_us.or(health.first_start),
            to: window.until_us.or(health.last_end),
        })
    }

    fn is_one_day(&self) -> bool {
        const DAY_US: i64 = 86_400_000_000;
        match (self.from, self.to) {
            // An end at midnight is of the day before.
            (Some(from), Some(to)) => {
                from.div_euclid(DAY_US) == to.saturating_sub(1).div_euclid(DAY_US)
            }
            _ => false,
        }
    }
}

fn header(html: &mut Html, report: &Report, figures: &Figures) {
    let options = &report.options;
    html.element("header", &[], |html| {
        html.markup("<p class=\"kind\">Flow log report</p>");
        html.element("h1", &[], |html| {
            html.leaf("bdi", &[], &options.title);
        });
        html.element("p", &[("class", "window".into())], |html| {
            match (figures.from, figures.to) {
                (Some(from), Some(to)) => {
                    html.leaf(
                        "time",
                        &[("datetime", machine_time(from).into())],
                        date_time(from),
                    );
                    html.text(" – ");
                    let shown = match figures.is_one_day() {
                        true => super::figures::format_time(to, "%H:%M:%S"),
                        false => date_time(to),
                    };
                    html.leaf("time", &[("datetime", machine_time(to).into())], shown);
                    html.text(" UTC");
                    let length = span(to.saturating_sub(from));
                    html.leaf("span", &[("class", "muted".into())], format!(" · {length}"));
                }
                _ => {
                    html.text("No records with a time");
                }
            }
        });
        html.element("dl", &[("class", "of".into())], |html| {
            fact(html, "Sources", |html| {
                for (index, source) in options.sources.iter().enumerate() {
                    if index > 0 {
                        html.text(", ");
                    }
                    name(html, Some(source));
                }
            });
            if let Some(condition) = &options.condition {
                fact(html, "Records", |html| {
                    html.element("code", &[], |html| {
                        html.lines(condition);
                    });
                });
            }
            fact(html, "Made", |html| {
                let made = options.made_us;
                let attributes = [("datetime", machine_time(made).into())];
                html.leaf("time", &attributes, date_time(made));
                html.text(concat!(" UTC by vpcflow ", env!("CARGO_PKG_VERSION")));
            });
        });
        html.element("nav", &[("aria-label", "Contents".into())], |html| {
            html.element("ul", &[], |html| {
                for (anchor, title) in CONTENTS {
                    html.element("li", &[], |html| {
                        html.leaf("a", &[("href", anchor.into())], title);
                    });
                }
            });
        });
    });
}

fn fact(html: &mut Html, term: &'static str, content: impl FnOnce(&mut Html)) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], term);
        html.element("dd", &[], content);
    });
}

fn key_figures(html: &mut Html, report: &Report, figures: &Figures) {
    section(html, "figures", "Key figures", |html| {
        if figures.flows == 0 {
            note(
                html,
                "There are no records of traffic in these sources and times.",
            );
        }
        html.element("dl", &[("class", "tiles".into())], |html| {
            tile(html, "Bytes", "bytes", Unit::Bytes, figures.bytes, "");
            tile(html, "Flows", "flows", Unit::Count, Some(figures.flows), "");
            tile(html, "Packets", "packets", Unit::Count, figures.packets, "");
            let of_flows = |part| share(part, figures.flows) + " of flows";
            let (accepted, rejected) = (figures.accepted, figures.rejected);
            tile(
                html,
                "Accepted",
                "accepted",
                Unit::Count,
                Some(accepted),
                &of_flows(accepted),
            );
            tile(
                html,
                "Rejected",
                "rejected",
                Unit::Count,
                Some(rejected),
                &of_flows(rejected),
            );
            tile(
                html,
                "Sources",
                "sources",
                Unit::Count,
                Some(figures.sources),
                "addresses",
            );
            let destinations = Some(figures.destinations);
            tile(
                html,
                "Destinations",
                "destinations",
                Unit::Count,
                destinations,
                "addresses",
            );
            let interfaces = Some(report.completeness.interfaces);
            tile(
                html,
                "Interfaces",
                "interfaces",
                Unit::Count,
                interfaces,
                "with records",
            );
        });
        glance(html, report, figures);
        parts::statement(html, "figures", "key figures", &report.figures_sql);
    });
}

/// A figure with its exact value, or what it is a part of.
fn tile(
    html: &mut Html,
    term: &'static str,
    id: &'static str,
    unit: Unit,
    value: Option<i64>,
    detail: &str,
) {
    html.element("div", &[], |html| {
        html.leaf("dt", &[], term);
        let exact = value.map(|value| value.to_string()).unwrap_or_default();
        let attributes = [("data-figure", id.into()), ("data-value", exact.into())];
        html.element("dd", &attributes, |html| {
            let shown = match (unit, value) {
                (Unit::Count, Some(value)) => short_count(value),
                (unit, value) => unit.shown(value),
            };
            html.leaf("span", &[("class", "figure".into())], &shown);
            let exact = match value {
                Some(value) if detail.is_empty() => super::figures::count(value),
                // Short of what it is.
                Some(value) if unit.shown(Some(value)) != shown => {
                    format!("{} · {detail}", super::figures::count(value))
                }
                _ => detail.to_owned(),
            };
            html.leaf("span", &[("class", "exact".into())], exact);
        });
    });
}

/// What stands out, in words.
fn glance(html: &mut Html, report: &Report, figures: &Figures) {
    let ranking = |id: &str| -> Option<&Ranking> {
        let (_, chart) = report.rankings.iter().find(|(spec, _)| spec.id == id)?;
        chart.as_ref().ok()
    };
    html.element("ul", &[("class", "glance".into())], |html| {
        if let Some(sources) = ranking("sources")
            && let Some((label, values)) = sources.rows.first()
            && let (Some(value), Some(whole)) =
                (values[sources.measure], sources.total[sources.measure])
        {
            let by = sources.by();
            html.element("li", &[], |html| {
                html.text("The largest source is ");
                name(html, label.name.as_deref());
                html.text(" with ");
                number(html, by.unit, value);
                if by.unit == Unit::Count {
                    html.text(format!(" {}", by.name));
                }
                html.text(format!(", {} of all.", share(value, whole)));
            });
        }
        if let Some(rejected) = ranking("rejected-sources")
            && let Some((label, values)) = rejected.rows.first()
            && let [Some(flows), Some(targets), Some(ports), ..] = values[..]
        {
            html.element("li", &[], |html| {
                html.text("Most rejected is ");
                name(html, label.name.as_deref());
                html.text(": ");
                number(html, Unit::Count, flows);
                html.text(" of ");
                number(html, Unit::Count, figures.rejected);
                html.text(" rejected flows, to ");
                number(html, Unit::Count, targets);
                html.text(if targets == 1 {
                    " target at "
                } else {
                    " targets at "
                });
                number(html, Unit::Count, ports);
                html.text(if ports == 1 { " port." } else { " ports." });
            });
        }
        if let Ok(timeline) = &report.timeline {
            time::busiest(html, timeline);
        }
        health::in_words(html, &report.completeness);
    });
}

fn about(html: &mut Html, report: &Report) {
    section(html, "about", "About this report", |html| {
        html.markup(
            "<p>All figures are exact, and each is the answer to the statement below its chart, \
             which runs as it is: <code>vpcflow sql \"…\"</code> with the sources above. A click \
             selects a statement. Times are UTC; units of bytes are decimal, so that 1 kB is \
             1,000 bytes, and exact values are in the titles.</p><p>Records that tell of no traffic \
             (NODATA, SKIPDATA) count only for completeness. A flow that two interfaces saw has \
             records of both, and counts for each. Flows are records of an aggregation interval, not \
             connections.</p>",
        );
        let passes = match report.options.condition {
            None => "The sources were read once.",
            Some(_) => {
                "The sources were read once for the traffic, and once for completeness, which the \
                 condition does not touch."
            }
        };
        html.leaf("p", &[], passes);
    });
}

/// The chart with its statement, or the note in its place.
fn chart_card<T>(
    html: &mut Html,
    id: &'static str,
    title: &str,
    class: &'static str,
    chart: &Chart<T>,
    content: impl FnOnce(&mut Html, &T),
    sql: impl FnOnce(&T) -> &str,
) {
    match chart {
        Ok(chart) => card(html, id, title, class, sql(chart), |html| {
            content(html, chart)
        }),
        Err(text) => article(html, id, title, class, |html| note(html, text)),
    }
}
