//! Pieces that the sections of a page are made of.

use std::borrow::Cow;

use crate::report::figures::{NONE, Unit, format_time, machine_time, share};
use crate::report::html::Html;

/// Characters of a name from a record that are shown: the rest is in its title.
const NAME_CHARACTERS: usize = 64;

/// How times are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Whether all times of the report are of one day, which its head names.
    pub(super) is_one_day: bool,
}

impl Clock {
    /// A time as an element, whose title is exact.
    pub(super) fn write(self, html: &mut Html, us: i64) {
        let format = match self.is_one_day {
            true => "%H:%M:%S",
            false => "%Y-%m-%d %H:%M",
        };
        let exact = machine_time(us);
        let attributes = [
            ("datetime", Cow::from(&*exact)),
            ("title", Cow::from(&*exact)),
        ];
        html.leaf("time", &attributes, format_time(us, format));
    }
}

/// A part of the page with a headline of the second level.
pub(super) fn section(
    html: &mut Html,
    id: &'static str,
    title: &'static str,
    content: impl FnOnce(&mut Html),
) {
    let heading = format!("{id}-heading");
    let attributes = [("id", id.into()), ("aria-labelledby", Cow::from(&*heading))];
    html.element("section", &attributes, |html| {
        html.leaf("h2", &[("id", Cow::from(&*heading))], title);
        content(html);
    });
}

/// A card with a headline of the third level.
pub(super) fn article(
    html: &mut Html,
    id: &'static str,
    title: &str,
    class: &'static str,
    content: impl FnOnce(&mut Html),
) {
    let heading = format!("{id}-heading");
    let attributes = [
        ("id", id.into()),
        ("class", class.into()),
        ("aria-labelledby", Cow::from(&*heading)),
    ];
    html.element("article", &attributes, |html| {
        html.leaf("h3", &[("id", Cow::from(&*heading))], title);
        content(html);
    });
}

/// A card with the statement behind it.
pub(super) fn card(
    html: &mut Html,
    id: &'static str,
    title: &str,
    class: &'static str,
    sql: &str,
    content: impl FnOnce(&mut Html),
) {
    article(html, id, title, class, |html| {
        content(html);
        statement(html, id, title, sql);
    });
}

/// A statement, to be copied.
pub(super) fn statement(html: &mut Html, of: &'static str, title: &str, sql: &str) {
    html.element("details", &[("class", "sql".into())], |html| {
        html.element("summary", &[], |html| {
            html.text("SQL");
            html.leaf(
                "span",
                &[("class", "hidden".into())],
                format!(" of {title}"),
            );
        });
        let label = format!("Statement of {title}");
        let attributes = [
            ("tabindex", "0".into()),
            ("role", "region".into()),
            ("aria-label", Cow::from(&*label)),
        ];
        html.element("pre", &attributes, |html| {
            html.element("code", &[("data-sql", of.into())], |html| {
                html.lines(sql);
            });
        });
    });
}

/// A table that scrolls in its own box where there is no room for it.
pub(super) fn table(
    html: &mut Html,
    id: &'static str,
    caption: &str,
    class: &'static str,
    content: impl FnOnce(&mut Html),
) {
    let attributes = [
        ("class", "scroll".into()),
        ("role", "region".into()),
        ("tabindex", "0".into()),
        ("aria-label", caption.into()),
    ];
    html.element("div", &attributes, |html| {
        let attributes = [("class", class.into()), ("data-table", id.into())];
        html.element("table", &attributes, |html| {
            html.leaf("caption", &[("class", "hidden".into())], caption);
            content(html);
        });
    });
}

/// The head of a table: names of columns of text, and of figures. A column without a
/// name has an empty cell.
pub(super) fn head(html: &mut Html, names: &[(&str, bool)]) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            for (name, is_figure) in names {
                let class = ("class", Cow::from(if *is_figure { "n" } else { "" }));
                match name.is_empty() {
                    true => html.leaf("td", &[class], ""),
                    false => html.leaf("th", &[("scope", "col".into()), class], name),
                };
            }
        });
    });
}

/// A cell with a figure, whose exact value is in its attributes.
pub(super) fn figure(html: &mut Html, clock: Clock, unit: Unit, value: Option<i64>) {
    let Some(exact) = value else {
        html.leaf("td", &[("class", "n none".into())], NONE);
        return;
    };
    let exact_text = exact.to_string();
    let mut attributes = vec![
        ("class", Cow::from("n")),
        ("data-value", Cow::from(&*exact_text)),
    ];
    let title = format!("{exact} bytes");
    if unit == Unit::Bytes {
        attributes.push(("title", Cow::from(&*title)));
    }
    html.element("td", &attributes, |html| match unit {
        Unit::Time => clock.write(html, exact),
        unit => {
            html.text(unit.shown(value));
        }
    });
}

/// A time that is the head of its row.
pub(super) fn time_head(html: &mut Html, clock: Clock, us: i64) {
    let attributes = [("scope", "row".into()), ("class", "n".into())];
    html.element("th", &attributes, |html| clock.write(html, us));
}

/// A cell with a part of a whole.
pub(super) fn part(html: &mut Html, value: Option<i64>, whole: Option<i64>) {
    let text = match (value, whole) {
        (Some(value), Some(whole)) => share(value, whole),
        _ => NONE.to_owned(),
    };
    html.leaf("td", &[("class", "n".into())], text);
}

/// A name from a record, kept apart from the text around it, whichever way it is
/// written, and cut where it is long.
pub(super) fn name(html: &mut Html, name: Option<&str>) {
    let Some(name) = name else {
        html.leaf("span", &[("class", "none".into())], "no value");
        return;
    };
    if name.chars().count() <= NAME_CHARACTERS {
        html.leaf("bdi", &[], name);
        return;
    }
    let shown: String = name.chars().take(NAME_CHARACTERS).chain(['…']).collect();
    html.leaf("bdi", &[("title", name.into())], shown);
}

/// A number in running text.
pub(super) fn number(html: &mut Html, unit: Unit, value: i64) {
    let exact = value.to_string();
    let mut attributes = vec![("value", Cow::from(&*exact))];
    let title = format!("{value} bytes");
    if unit == Unit::Bytes {
        attributes.push(("title", Cow::from(&*title)));
    }
    html.leaf("data", &attributes, unit.shown(Some(value)));
}

/// A sentence in place of a chart.
pub(super) fn note(html: &mut Html, text: &str) {
    html.leaf("p", &[("class", "note".into())], text);
}
