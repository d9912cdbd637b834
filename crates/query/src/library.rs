//! The query library: the statements of the folder `queries`, with their
//! descriptions, parameters and the fields they need.
//!
//! A query is a file `queries/<pack>/<name>.sql` that begins with comments:
//!
//! ```text
//! -- One line that says what the answer is.
//! --
//! -- More about it, if there is more to say.
//! -- param limit INT 10: rows to show
//! -- needs srcaddr action
//! ```

use datafusion::common::ScalarValue;

use crate::error::{Error, similar};
use crate::session::Parameters;

macro_rules! queries {
    ($($pack:literal / $name:literal),* $(,)?) => {
        const FILES: &[(&str, &str, &str)] = &[$((
            $pack,
            $name,
            include_str!(concat!("../../../queries/", $pack, "/", $name, ".sql")),
        )),*];
    };
}

queries! {
    "health" / "silent-interfaces",
    "investigation" / "port-scan",
    "rejects" / "top-rejected",
    "talkers" / "top-talkers",
    "volume" / "large-transfers",
}

/// A query of the library.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its name, unique among all packs.
    pub name: &'static str,
    /// The pack: what it is about.
    pub pack: &'static str,
    /// What the answer is, in one line.
    pub summary: &'static str,
    /// The whole description.
    pub description: String,
    /// Its parameters, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// Columns of `flows` that it needs beyond those of version 2.
    pub needs: Vec<&'static str>,
    /// The statement, with `$name` for each parameter.
    pub sql: &'static str,
}

/// A parameter of a query.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its name, without the `$`.
    pub name: &'static str,
    /// Its value unless one is given; also tells its type.
    pub default: ScalarValue,
    /// What it means.
    pub description: &'static str,
}

/// All queries of the library, by pack and name.
///
/// # Errors
/// When the head of a query cannot be read, which a test rules out.
pub fn queries() -> Result<Vec<Query>, Error> {
    FILES
        .iter()
        .map(|(pack, name, text)| Query::read(pack, name, text))
        .collect()
}

/// The query of this name.
///
/// # Errors
/// When there is none.
pub fn find_query(name: &str) -> Result<Query, Error> {
    let queries = queries()?;
    let similar = similar(name, queries.iter().map(|query| query.name));
    let found = queries.into_iter().find(|query| query.name == name);
    found.ok_or_else(|| Error::UnknownQuery {
        name: name.to_owned(),
        similar,
    })
}

impl Query {
    fn read(pack: &'static str, name: &'static str, text: &'static str) -> Result<Query, Error> {
        let mut query = Query {
            name,
            pack,
            summary: "",
            description: String::new(),
            parameters: Vec::new(),
            needs: Vec::new(),
            sql: "",
        };
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n')
            && let Some(comment) = line.strip_prefix("--")
        {
            rest = after;
            let comment = comment.trim();
            if let Some(parameter) = comment.strip_prefix("param ") {
                query.parameters.push(Parameter::read(name, parameter)?);
            } else if let Some(fields) = comment.strip_prefix("needs ") {
                query.needs.extend(fields.split_whitespace());
            } else if query.summary.is_empty() {
                query.summary = comment;
                query.description.push_str(comment);
            } else {
                query.description.push('\n');
                query.description.push_str(comment);
            }
        }
        query
            .description
            .truncate(query.description.trim_end().len());
        query.sql = rest.trim().trim_end_matches(';');
        Ok(query)
    }

    /// The values of its parameters: those given as text, else the defaults.
    ///
    /// # Errors
    /// When a name is not among them, or a value does not fit.
    pub fn bind(&self, given: &[(String, String)]) -> Result<Parameters, Error> {
        let mut values: Parameters = self
            .parameters
            .iter()
            .map(|parameter| (parameter.name.to_owned(), parameter.default.clone()))
            .collect();
        for (name, text) in given {
            let Some(value) = values.get_mut(name) else {
                let names: Vec<_> = self.parameters.iter().map(|p| p.name).collect();
                return Err(Error::Parameter(format!(
                    "the query `{}` has no parameter `{name}`: it has {}",
                    self.name,
                    names.join(", ")
                )));
            };
            let data_type = value.data_type();
            *value = ScalarValue::try_from_string(text.clone(), &data_type).map_err(|_| {
                let kind = if data_type.is_integer() {
                    "a whole number"
                } else {
                    "a number"
                };
                Error::Parameter(format!("the parameter `{name}` is {kind}, not `{text}`"))
            })?;
        }
        Ok(values)
    }

    /// Checks that the data has the fields that the query needs.
    ///
    /// # Errors
    /// When it lacks one, naming it.
    pub fn check_fields(&self, columns: &[String]) -> Result<(), Error> {
        match self
            .needs
            .iter()
            .find(|field| !columns.iter().any(|column| column == *field))
        {
            None => Ok(()),
            Some(field) => Err(Error::MissingField {
                query: self.name.to_owned(),
                field: (*field).to_owned(),
            }),
        }
    }
}

impl Parameter {
    /// `limit INT 10: rows to show`
    fn read(query: &str, text: &'static str) -> Result<Parameter, Error> {
        let parsed = || {
            let (declaration, description) = text.split_once(": ")?;
            let mut words = declaration.split_whitespace();
            let (name, sql_type, default) = (words.next()?, words.next()?, words.next()?);
            let default = match sql_type {
                "INT" => ScalarValue::Int64(Some(default.parse().ok()?)),
                "DOUBLE" => ScalarValue::Float64(Some(default.parse().ok()?)),
                "TEXT" => ScalarValue::Utf8(Some(default.to_owned())),
                _ => return None,
            };
            Some(Parameter {
                name,
                default,
                description,
            })
        };
        parsed().ok_or_else(|| {
            Error::Parameter(format!(
                "the head of the query `{query}` cannot be read: `{text}`"
            ))
        })
    }
}

/// The value of a parameter of a free statement: a number where it reads as one.
pub fn infer_parameter(text: &str) -> ScalarValue {
    if let Ok(number) = text.parse::<i64>() {
        ScalarValue::Int64(Some(number))
    } else if let Ok(number) = text.parse::<f64>() {
        ScalarValue::Float64(Some(number))
    } else {
        ScalarValue::Utf8(Some(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_in_the_library_and_has_its_tests() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../queries");
        let mut names = Vec::new();
        for pack in std::fs::read_dir(root).unwrap() {
            for file in std::fs::read_dir(pack.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|extension| extension == "sql") {
                    assert!(
                        path.with_extension("slt").exists(),
                        "{} lacks its .slt",
                        path.display()
                    );
                    names.push(path.file_stem().unwrap().to_str().unwrap().to_owned());
                }
            }
        }
        names.sort();
        let mut known: Vec<_> = queries().unwrap().iter().map(|query| query.name).collect();
        known.sort_unstable();
        assert_eq!(known, names);
    }

    #[test]
    fn the_head_of_a_query_is_read() {
        let text =
            "-- What it is.\n--\n-- More.\n-- param n INT 10: rows\n-- needs vpc_id\nSELECT $n;\n";
        let query = Query::read("pack", "name", text).unwrap();
        assert_eq!(query.summary, "What it is.");
        assert_eq!(query.description, "What it is.\n\nMore.");
        assert_eq!(query.sql, "SELECT $n");
        assert_eq!(query.needs, ["vpc_id"]);
        assert!(query.check_fields(&["srcaddr".into()]).is_err());
        let values = query.bind(&[("n".into(), "3".into())]).unwrap();
        assert_eq!(values["n"], ScalarValue::Int64(Some(3)));
        let error = query.bind(&[("n".into(), "x".into())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the parameter `n` is a whole number, not `x`"
        );
        let error = query.bind(&[("m".into(), "1".into())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the query `name` has no parameter `m`: it has n"
        );
    }
}
