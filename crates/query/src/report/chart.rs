//! Charts as SVG.
//!
//! Across, everything is in percent of the width, so that a chart is as wide as its
//! place and its letters are not: no `viewBox` stretches them. Colours come from the
//! style by class, so that they follow the scheme; what is rejected is hatched too.

use std::borrow::Cow;

use super::figures::Unit;
use super::html::Html;

/// A stack of a bar chart: what is in an interval, from the bottom up.
#[derive(Debug, Clone)]
pub(super) struct Stack {
    /// What a pointer over it is told.
    pub(super) title: String,
    /// Accepted, rejected, neither.
    pub(super) values: [i64; 3],
}

/// A label of the axis of time.
#[derive(Debug, Clone)]
pub(super) struct Tick {
    /// Its place, in percent of the width.
    pub(super) percent: f64,
    pub(super) text: String,
}

/// How the three values of a stack are filled.
const FILLS: [(&str, &str); 3] = [
    ("class", "accepted"),
    ("fill", "url(#hatch)"),
    ("class", "other"),
];

const TOP: f64 = 14.0;
const HEIGHT: f64 = 150.0;
const BELOW: f64 = 24.0;
/// The largest part of a stack is seen, however small it is beside other stacks.
const LEAST: f64 = 1.0;
/// Parts that would not be.
const UNSEEN: f64 = 0.2;

/// Stacked bars, a place for each interval, with axes of values and time.
pub(super) fn stacked_bars(
    html: &mut Html,
    id: &'static str,
    title: &str,
    description: &str,
    unit: Unit,
    stacks: &[Option<Stack>],
    ticks: &[Tick],
) {
    let tops = stacks.iter().flatten().map(|stack| {
        let values = stack.values.iter().map(|value| (*value).max(0) as f64);
        values.sum::<f64>()
    });
    let step = step(tops.clone().fold(0.0, f64::max));
    let lines = (tops.fold(0.0, f64::max) / step).ceil().max(1.0);
    let scale = HEIGHT / (lines * step);
    let all = TOP + HEIGHT + BELOW;

    html.element("div", &[("class", "plot".into())], |html| {
        let attributes = [
            ("class", "axis".into()),
            ("width", "64".into()),
            ("height", number(all)),
            ("aria-hidden", "true".into()),
        ];
        html.element("svg", &attributes, |html| {
            for line in 0..=lines as u32 {
                let y = TOP + HEIGHT - f64::from(line) * step * scale;
                let attributes = [
                    ("x", "58".into()),
                    ("y", number(y + 4.0)),
                    ("text-anchor", "end".into()),
                ];
                let value = (f64::from(line) * step) as i64;
                html.leaf("text", &attributes, unit.short(value));
            }
        });
        let (title_id, text_id) = (format!("{id}-title"), format!("{id}-text"));
        let attributes = [
            ("class", "bars".into()),
            ("width", "100%".into()),
            ("height", number(all)),
            ("role", "img".into()),
            ("aria-labelledby", format!("{title_id} {text_id}").into()),
        ];
        html.element("svg", &attributes, |html| {
            html.leaf("title", &[("id", title_id.into())], title);
            html.leaf("desc", &[("id", text_id.into())], description);
            for line in 0..=lines as u32 {
                let y = (TOP + HEIGHT - f64::from(line) * step * scale).round() + 0.5;
                let class = if line == 0 { "base" } else { "grid" };
                let attributes = [
                    ("class", class.into()),
                    ("x1", "0".into()),
                    ("x2", "100%".into()),
                    ("y1", number(y)),
                    ("y2", number(y)),
                ];
                html.element("line", &attributes, |_| {});
            }
            let place = 100.0 / stacks.len().max(1) as f64;
            for (index, stack) in stacks.iter().enumerate() {
                if let Some(stack) = stack {
                    write_stack(html, stack, index as f64 * place, place, scale);
                }
            }
            for (index, tick) in ticks.iter().enumerate() {
                write_tick(html, tick, index % 2 == 1);
            }
        });
    });
}

fn write_stack(html: &mut Html, stack: &Stack, x: f64, place: f64, scale: f64) {
    html.element("g", &[], |html| {
        html.leaf("title", &[], &stack.title);
        // A pointer finds it wherever it is over the interval.
        let attributes = [
            ("class", "touch".into()),
            ("x", percent(x)),
            ("width", percent(place)),
            ("y", "0".into()),
            ("height", number(TOP + HEIGHT)),
        ];
        html.element("rect", &attributes, |_| {});
        let mut y = TOP + HEIGHT;
        let largest = stack.values.into_iter().max();
        for (value, fill) in stack.values.into_iter().zip(FILLS) {
            let mut height = value.max(0) as f64 * scale;
            if Some(value) == largest && value > 0 {
                height = height.max(LEAST);
            }
            if height < UNSEEN {
                continue;
            }
            y -= height;
            let attributes = [
                (fill.0, fill.1.into()),
                ("x", percent(x + place * 0.07)),
                ("width", percent(place * 0.86)),
                ("y", number(y)),
                ("height", number(height)),
            ];
            html.element("rect", &attributes, |_| {});
        }
    });
}

fn write_tick(html: &mut Html, tick: &Tick, is_second: bool) {
    let anchor = match tick.percent {
        percent if percent < 4.0 => "start",
        percent if percent > 96.0 => "end",
        _ => "middle",
    };
    let attributes = [
        ("class", Cow::from(if is_second { "second" } else { "" })),
        ("x", percent(tick.percent)),
        ("y", number(TOP + HEIGHT + 18.0)),
        ("text-anchor", anchor.into()),
    ];
    html.leaf("text", &attributes, &tick.text);
    let attributes = [
        ("class", "base".into()),
        ("x1", percent(tick.percent)),
        ("x2", percent(tick.percent)),
        ("y1", number(TOP + HEIGHT)),
        ("y2", number(TOP + HEIGHT + 4.0)),
    ];
    html.element("line", &attributes, |_| {});
}

/// A round step of which about three reach the value.
fn step(most: f64) -> f64 {
    let least = (most / 4.0).max(1.0);
    let power = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|first| first * power);
    steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(least)
}

/// What the colours mean.
pub(super) fn legend(html: &mut Html, has_other: bool) {
    let names = ["accepted", "rejected", "without action"];
    let shown = names.iter().zip(FILLS).take(if has_other { 3 } else { 2 });
    html.element("p", &[("class", "legend".into())], |html| {
        for (name, (attribute, value)) in shown {
            html.element("span", &[], |html| {
                square(html, &[(attribute, value.into())]);
                html.text(*name);
            });
        }
    });
}

/// A bar that is as long as a value is beside the largest; of rejected traffic or not.
pub(super) fn bar(html: &mut Html, value: i64, largest: i64, is_rejected: bool) {
    let part = match largest > 0 {
        true => (value.max(0) as f64 / largest as f64 * 100.0).min(100.0),
        false => 0.0,
    };
    let fill = FILLS[usize::from(is_rejected)];
    let attributes = [
        ("class", "bar".into()),
        ("width", "100%".into()),
        ("height", "5".into()),
        ("aria-hidden", "true".into()),
    ];
    html.element("svg", &attributes, |html| {
        html.element(
            "rect",
            &[
                ("class", "track".into()),
                ("width", "100%".into()),
                ("height", "5".into()),
            ],
            |_| {},
        );
        let attributes = [
            (fill.0, fill.1.into()),
            ("width", percent(part)),
            ("height", "5".into()),
        ];
        html.element("rect", &attributes, |_| {});
    });
}

/// The shades of parts of a whole, the last of all others.
const SHADES: [&str; 7] = ["p1", "p2", "p3", "p4", "p5", "p6", "p0"];

/// Parts of a whole side by side, the rest of it at the end.
pub(super) fn share_bar(html: &mut Html, title: &str, parts: &[i64], whole: i64) {
    let whole = whole as f64;
    let attributes = [
        ("class", "shares".into()),
        ("width", "100%".into()),
        ("height", "26".into()),
        ("role", "img".into()),
        (
            "aria-label",
            Cow::from(format!(
                "{title}: parts of the whole, in the order of the table"
            )),
        ),
    ];
    html.element("svg", &attributes, |html| {
        html.element(
            "rect",
            &[
                ("class", "p0".into()),
                ("width", "100%".into()),
                ("height", "26".into()),
            ],
            |_| {},
        );
        let mut x = 0.0;
        for (part, shade) in parts.iter().zip(SHADES) {
            let width = match whole > 0.0 {
                true => ((*part).max(0) as f64 / whole * 100.0).min(100.0 - x),
                false => 0.0,
            };
            let attributes = [
                ("class", shade.into()),
                ("x", percent(x)),
                ("width", percent(width)),
                ("height", "26".into()),
            ];
            html.element("rect", &attributes, |_| {});
            x += width;
            // Keeps shades apart.
            let attributes = [
                ("class", "gap".into()),
                ("x1", percent(x)),
                ("x2", percent(x)),
                ("y1", "0".into()),
                ("y2", "26".into()),
            ];
            html.element("line", &attributes, |_| {});
        }
    });
}

/// The shade of a part, beside its name.
pub(super) fn swatch(html: &mut Html, part: usize) {
    let shade = SHADES[part.min(SHADES.len() - 1)];
    square(html, &[("class", shade.into())]);
}

fn square(html: &mut Html, fill: &[(&'static str, Cow<'_, str>)]) {
    let attributes = [
        ("class", "swatch".into()),
        ("width", "11".into()),
        ("height", "11".into()),
        ("aria-hidden", "true".into()),
    ];
    html.element("svg", &attributes, |html| {
        let size = [("width", Cow::from("11")), ("height", Cow::from("11"))];
        let attributes: Vec<_> = fill.iter().cloned().chain(size).collect();
        html.element("rect", &attributes, |_| {});
    });
}

fn percent(value: f64) -> Cow<'static, str> {
    Cow::from(format!("{}%", rounded(value)))
}

fn number(value: f64) -> Cow<'static, str> {
    Cow::from(rounded(value))
}

/// Three places, without the zeros at their end.
fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(
            [0.0, 3.0, 10.0, 88.0, 4_001.0, 9e18].map(step),
            [1.0, 1.0, 5.0, 50.0, 2_000.0, 5e18]
        );
        assert_eq!([0.0, 12.5, 33.333_33].map(rounded), ["0", "12.5", "33.333"]);
    }

    #[test]
    fn a_part_is_within_the_whole() {
        for (parts, whole) in [(&[3, 1][..], 4), (&[9], 4), (&[-1, i64::MAX], 5), (&[1], 0)] {
            let mut html = Html::default();
            share_bar(&mut html, "parts", parts, whole);
            let html = html.into_string();
            for width in html.split("width=\"").skip(1) {
                let width: f64 = width.split(['%', '"']).next().unwrap().parse().unwrap();
                assert!((0.0..=100.0).contains(&width), "{html}");
            }
        }
    }
}
