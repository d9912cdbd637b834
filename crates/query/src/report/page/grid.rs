//! Who talks to whom, as a table whose cells are shaded.

use std::borrow::Cow;

use super::chart_card;
use super::parts::{name, note, table};
use crate::report::Report;
use crate::report::figures::Unit;
use crate::report::html::Html;
use crate::report::matrix::Matrix;
use crate::top::Measure;

/// Shades of a cell, from the lightest on.
const SHADES: [&str; 6] = ["n s1", "n s2", "n s3", "n s4", "n s5", "n s6"];

/// More than any address has: such text is no network.
const NETWORK_CHARACTERS: usize = 48;

pub(super) fn matrix(html: &mut Html, report: &Report) {
    let ends = match report.options.network_bits {
        32 => "addresses".to_owned(),
        bits => format!("networks of {bits} bits"),
    };
    super::section(html, "matrix", "Who talks to whom", |html| {
        let by = report
            .matrix
            .as_ref()
            .map_or(report.options.by, |matrix| matrix.by);
        let title = format!("{} between {ends}", head(by));
        chart_card(
            html,
            "pairs",
            &title,
            "card",
            &report.matrix,
            |html, matrix| {
                grid(html, matrix, &title);
                note(
                    html,
                    "From the sources at the left to the destinations at the top, the largest of \
                     each. Shades are of a logarithmic scale; all others have none.",
                );
            },
            |matrix| &matrix.sql,
        );
    });
}

fn head(by: Measure) -> &'static str {
    match by {
        Measure::Bytes => "Bytes",
        Measure::Packets => "Packets",
        Measure::Flows => "Flows",
    }
}

fn grid(html: &mut Html, matrix: &Matrix, caption: &str) {
    let unit = match matrix.by {
        Measure::Bytes => Unit::Bytes,
        Measure::Packets | Measure::Flows => Unit::Count,
    };
    let shades = Shades::new(matrix);
    table(html, "pairs", caption, "grid", |html| {
        html.element("thead", &[], |html| {
            html.element("tr", &[], |html| {
                html.leaf("th", &[("scope", "col".into())], "Source");
                for destination in &matrix.destinations {
                    html.element(
                        "th",
                        &[("scope", "col".into()), ("class", "n".into())],
                        |html| {
                            head_name(html, destination.as_deref());
                        },
                    );
                }
                if matrix.has_other_destinations {
                    html.leaf(
                        "th",
                        &[("scope", "col".into()), ("class", "n".into())],
                        "All others",
                    );
                }
                html.leaf(
                    "th",
                    &[("scope", "col".into()), ("class", "n sum".into())],
                    "Sum",
                );
            });
        });
        html.element("tbody", &[], |html| {
            for (row, values) in matrix.values.iter().enumerate() {
                html.element("tr", &[], |html| {
                    html.element("th", &[("scope", "row".into())], |html| {
                        match matrix.sources.get(row) {
                            Some(source) => name(html, source.as_deref()),
                            None => {
                                html.text("All others");
                            }
                        }
                    });
                    for (column, value) in values.iter().enumerate() {
                        let is_named =
                            row < matrix.sources.len() && column < matrix.destinations.len();
                        cell(html, unit, *value, shades.of(*value).filter(|_| is_named));
                    }
                    cell(html, unit, Some(matrix.row_sum(row)), None);
                });
            }
        });
        html.element("tfoot", &[], |html| {
            html.element("tr", &[], |html| {
                html.leaf("th", &[("scope", "row".into())], "Sum");
                for column in 0..matrix.columns() {
                    cell(html, unit, Some(matrix.column_sum(column)), None);
                }
                cell(html, unit, Some(matrix.sum()), None);
            });
        });
    });
}

/// The name of a column, which may go on in a second line from the length of a
/// network on.
fn head_name(html: &mut Html, network: Option<&str>) {
    match network.and_then(|network| network.split_once('/')) {
        Some((address, bits)) if address.len() < NETWORK_CHARACTERS => {
            html.element("bdi", &[], |html| {
                html.text(address).markup("<wbr>").text(format!("/{bits}"));
            });
        }
        _ => name(html, network),
    }
}

fn cell(html: &mut Html, unit: Unit, value: Option<i64>, shade: Option<&'static str>) {
    let Some(value) = value else {
        html.leaf("td", &[("class", "n none".into())], "·");
        return;
    };
    let exact = value.to_string();
    let mut attributes = vec![
        ("class", Cow::from(shade.unwrap_or("n"))),
        ("data-value", Cow::from(&*exact)),
    ];
    let title = format!("{value} bytes");
    if unit == Unit::Bytes {
        attributes.push(("title", Cow::from(&*title)));
    }
    html.leaf("td", &attributes, unit.short(value));
}

/// Shades by the logarithm of a value: traffic differs by orders of magnitude.
struct Shades {
    least: f64,
    most: f64,
}

impl Shades {
    fn new(matrix: &Matrix) -> Shades {
        let named = matrix.values.iter().take(matrix.sources.len());
        let named = named.flat_map(|row| row.iter().take(matrix.destinations.len()));
        let logarithms = named.flatten().filter(|value| **value > 0);
        let (mut least, mut most) = (f64::INFINITY, 0.0_f64);
        for logarithm in logarithms.map(|value| (*value as f64).ln()) {
            least = least.min(logarithm);
            most = most.max(logarithm);
        }
        Shades { least, most }
    }

    fn of(&self, value: Option<i64>) -> Option<&'static str> {
        let value = value.filter(|value| *value > 0)?;
        let span = (self.most - self.least).max(f64::MIN_POSITIVE);
        let part = ((value as f64).ln() - self.least) / span;
        let shade = (part * SHADES.len() as f64) as usize;
        Some(SHADES[shade.min(SHADES.len() - 1)])
    }
}
