//! Parameters of queries.

use datafusion::common::ScalarValue;

use crate::error::Error;

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, without the `$`.
    pub name: String,
    /// What values it takes.
    pub kind: ParameterKind,
    /// Its value unless one is given; `None` if one has to be.
    pub default: Option<ScalarValue>,
    /// What it means.
    pub description: String,
}

/// What values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// Text.
    Text,
}

impl ParameterKind {
    fn value(self, text: &str) -> Option<ScalarValue> {
        Some(match self {
            ParameterKind::Int => ScalarValue::Int64(Some(text.parse().ok()?)),
            ParameterKind::Double => ScalarValue::Float64(Some(text.parse().ok()?)),
            ParameterKind::Text => ScalarValue::Utf8(Some(text.to_owned())),
        })
    }

    /// The word that the head of a query has for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            ParameterKind::Int => "INT",
            ParameterKind::Double => "DOUBLE",
            ParameterKind::Text => "TEXT",
        }
    }

    fn description(self) -> &'static str {
        match self {
            ParameterKind::Int => "a whole number",
            ParameterKind::Double => "a number",
            ParameterKind::Text => "text",
        }
    }
}

impl Parameter {
    /// `limit INT 10: rows to show`; the default may be quoted, or missing.
    pub(super) fn read(text: &str) -> Option<Parameter> {
        let (name, rest) = text.split_once(' ')?;
        let end = rest.find([' ', ':'])?;
        let (kind, rest) = rest.split_at(end);
        let kinds = [
            ParameterKind::Int,
            ParameterKind::Double,
            ParameterKind::Text,
        ];
        let kind = *kinds.iter().find(|known| known.word() == kind)?;
        let rest = rest.trim_start();
        let (default, description) = if let Some(description) = rest.strip_prefix(": ") {
            (None, description)
        } else if let Some(quoted) = rest.strip_prefix('\'') {
            let (default, description) = quoted.split_once("': ")?;
            (Some(kind.value(default)?), description)
        } else {
            let (default, description) = rest.split_once(": ")?;
            (Some(kind.value(default)?), description)
        };
        Some(Parameter {
            name: name.to_owned(),
            kind,
            default,
            description: description.to_owned(),
        })
    }

    /// As in the head of a query: `limit INT 10`, `name TEXT ''`.
    pub fn declaration(&self) -> String {
        let (name, kind) = (&self.name, self.kind.word());
        match (&self.default, self.kind) {
            (None, _) => format!("{name} {kind}"),
            (Some(default), ParameterKind::Text) => format!("{name} {kind} '{default}'"),
            (Some(default), _) => format!("{name} {kind} {default}"),
        }
    }

    /// The value that a text stands for.
    pub(super) fn parse(&self, text: &str) -> Result<ScalarValue, Error> {
        self.kind.value(text).ok_or_else(|| {
            Error::Parameter(format!(
                "the parameter `{}` is {}, not `{text}`",
                self.name,
                self.kind.description()
            ))
        })
    }
}

/// The value of a parameter of a free statement: a number where it reads as one.
pub fn infer_parameter(text: &str) -> ScalarValue {
    let kinds = [ParameterKind::Int, ParameterKind::Double];
    let number = kinds.iter().find_map(|kind| kind.value(text));
    number.unwrap_or_else(|| ScalarValue::Utf8(Some(text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_read() {
        let read = |text| Parameter::read(text).map(|p| (p.name, p.default, p.description));
        let value = |name: &str, default, description: &str| {
            Some((name.to_owned(), default, description.to_owned()))
        };
        let text = |text: &str| Some(ScalarValue::from(text));
        assert_eq!(
            read("n INT 10: rows"),
            value("n", Some(ScalarValue::from(10_i64)), "rows")
        );
        assert_eq!(
            read("z DOUBLE 3: much"),
            value("z", Some(ScalarValue::from(3.0)), "much")
        );
        assert_eq!(read("a TEXT: an address"), value("a", None, "an address"));
        assert_eq!(
            read("p TEXT 22,23: ports"),
            value("p", text("22,23"), "ports")
        );
        assert_eq!(
            read("p TEXT '22, 23': ports"),
            value("p", text("22, 23"), "ports")
        );
        assert_eq!(
            read("p TEXT '': all: or some"),
            value("p", text(""), "all: or some")
        );
        for text in [
            "n INT 10",
            "z DOUBLE 0.5",
            "a TEXT",
            "p TEXT '22, 23'",
            "p TEXT ''",
        ] {
            let parameter = Parameter::read(&format!("{text}: what")).unwrap();
            assert_eq!(parameter.declaration(), text);
        }
        for wrong in [
            "n",
            "n INT",
            "n INT ten: rows",
            "n NUMBER 10: rows",
            "p TEXT 'x: y",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }
}
