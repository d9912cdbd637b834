//! Rankings with bars, and shares of a whole.

use std::borrow::Cow;

use super::chart_card;
use super::parts::{Clock, figure, head, name, part, table};
use crate::report::chart::{bar, share_bar, swatch};
use crate::report::figures::count;
use crate::report::html::Html;
use crate::report::ranking::{Label, Ranking, Spec};
use crate::report::{Chart, Report};

/// Rankings in the order of the page.
const RANKINGS: [&str; 6] = [
    "sources",
    "destinations",
    "services",
    "interfaces",
    "rejected-sources",
    "rejected-ports",
];
const SHARES: [&str; 2] = ["protocols", "directions"];
/// Those that are shown as parts of a whole.
const PARTS_OF_A_WHOLE: [&str; 3] = ["protocols", "services", "directions"];
/// Parts of a bar, without all others: more shades are not told apart.
const PARTS: usize = 6;

pub(super) fn rankings(html: &mut Html, report: &Report, clock: Clock) {
    super::section(html, "rankings", "Rankings", |html| {
        cards(html, report, clock, &RANKINGS);
    });
}

pub(super) fn shares(html: &mut Html, report: &Report, clock: Clock) {
    super::section(html, "shares", "Shares", |html| {
        cards(html, report, clock, &SHARES);
    });
}

fn cards(html: &mut Html, report: &Report, clock: Clock, ids: &[&str]) {
    html.element("div", &[("class", "cards two".into())], |html| {
        for id in ids {
            let mut rankings = report.rankings.iter();
            if let Some((spec, chart)) = rankings.find(|(spec, _)| spec.id == *id) {
                ranking_card(html, spec, chart, clock);
            }
        }
    });
}

fn ranking_card(html: &mut Html, spec: &'static Spec, chart: &Chart<Ranking>, clock: Clock) {
    let title = match chart {
        Ok(ranking) => format!("{} by {}", spec.title, ranking.by().name),
        Err(_) => spec.title.to_owned(),
    };
    let class = if spec.of_rejected {
        "card wide"
    } else {
        "card"
    };
    let content = |html: &mut Html, ranking: &Ranking| {
        if !PARTS_OF_A_WHOLE.contains(&spec.id) {
            return ranked(html, ranking, clock, None);
        }
        let values = ranking.rows.iter().take(PARTS);
        let values = values.map(|(_, values)| values[ranking.measure].unwrap_or_default());
        let whole = ranking.total[ranking.measure].unwrap_or_default();
        share_bar(html, &title, &values.collect::<Vec<_>>(), whole);
        ranked(html, ranking, clock, Some(PARTS));
    };
    chart_card(html, spec.id, &title, class, chart, content, |ranking| {
        &ranking.sql
    });
}

/// A ranking as a table; with bars, or with the colours of the first rows.
fn ranked(html: &mut Html, ranking: &Ranking, clock: Clock, coloured: Option<usize>) {
    let spec = ranking.spec;
    // What it is by comes first, and packets only where it is by them.
    let mut columns: Vec<usize> = (0..spec.columns.len())
        .filter(|column| *column != ranking.measure && spec.columns[*column].name != "packets")
        .collect();
    columns.insert(0, ranking.measure);
    let largest = ranking
        .rows
        .iter()
        .filter_map(|(_, values)| values[ranking.measure]);
    let largest = largest.max().unwrap_or_default();

    let caption = format!("{} by {}", spec.title, ranking.by().name);
    let class = if coloured.is_some() {
        "ranking share"
    } else {
        "ranking"
    };
    table(html, spec.id, &caption, class, |html| {
        let mut heads = vec![("", true), (spec.thing, false)];
        for (place, column) in columns.iter().enumerate() {
            heads.push((spec.columns[*column].head, true));
            if place == 0 {
                heads.push(("Share", true));
            }
        }
        head(html, &heads);
        html.element("tbody", &[], |html| {
            for (row, (label, values)) in ranking.rows.iter().enumerate() {
                html.element("tr", &[], |html| {
                    html.leaf("td", &[("class", "n rank".into())], (row + 1).to_string());
                    html.element("th", &[("scope", "row".into())], |html| {
                        if let Some(parts) = coloured {
                            swatch(html, row.min(parts));
                        }
                        labelled(html, label);
                        if coloured.is_none() {
                            let value = values[ranking.measure].unwrap_or_default();
                            bar(html, value, largest, spec.of_rejected);
                        }
                    });
                    figures(html, ranking, &columns, values, clock);
                });
            }
            if let Some(others) = &ranking.others {
                let number = ranking.groups - ranking.rows.len() as i64;
                let things = if number == 1 { spec.thing } else { spec.things };
                html.element("tr", &[("class", "others".into())], |html| {
                    html.leaf("td", &[], "");
                    html.element("th", &[("scope", "row".into())], |html| {
                        if coloured.is_some() {
                            swatch(html, PARTS);
                        }
                        html.text("All others");
                        let detail = format!("{} {things}", count(number));
                        let attributes = [
                            ("class", Cow::from("detail")),
                            ("data-others", Cow::from(number.to_string())),
                        ];
                        html.leaf("span", &attributes, detail);
                    });
                    figures(html, ranking, &columns, others, clock);
                });
            }
        });
        let has_totals = ranking.total.iter().any(Option::is_some);
        if has_totals {
            html.element("tfoot", &[], |html| {
                html.element("tr", &[], |html| {
                    html.leaf("td", &[], "");
                    html.leaf("th", &[("scope", "row".into())], "All");
                    figures(html, ranking, &columns, &ranking.total, clock);
                });
            });
        }
    });
}

fn figures(
    html: &mut Html,
    ranking: &Ranking,
    columns: &[usize],
    values: &[Option<i64>],
    clock: Clock,
) {
    for (place, column) in columns.iter().enumerate() {
        figure(
            html,
            clock,
            ranking.spec.columns[*column].unit,
            values[*column],
        );
        if place == 0 {
            part(html, values[*column], ranking.total[*column]);
        }
    }
}

fn labelled(html: &mut Html, label: &Label) {
    name(html, label.name.as_deref());
    if let Some(detail) = &label.detail {
        html.leaf("span", &[("class", "detail".into())], detail);
    }
}
