//! A query: its head and its statement.

use crate::error::Error;
use crate::session::Parameters;

use super::parameter::Parameter;

/// A query of the library.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Its name, unique among all packs.
    pub name: String,
    /// The pack: what it is about.
    pub pack: String,
    /// What the answer is, in one line.
    pub summary: String,
    /// The whole description.
    pub description: String,
    /// Its parameters, in the order of the file.
    pub parameters: Vec<Parameter>,
    /// Columns of `flows` that it needs beyond those of version 2.
    pub needs: Vec<String>,
    /// The statement, with `$name` for each parameter.
    pub sql: String,
}

impl Query {
    pub(super) fn read(pack: &str, name: &str, text: &str) -> Result<Query, Error> {
        let mut query = Query {
            name: name.to_owned(),
            pack: pack.to_owned(),
            summary: String::new(),
            description: String::new(),
            parameters: Vec::new(),
            needs: Vec::new(),
            sql: String::new(),
        };
        let mut rest = text;
        while let Some((line, after)) = rest.split_once('\n')
            && let Some(comment) = line.strip_prefix("--")
        {
            rest = after;
            let comment = comment.trim();
            if let Some(declaration) = comment.strip_prefix("param ") {
                let parameter = Parameter::read(declaration);
                query
                    .parameters
                    .push(parameter.ok_or_else(|| wrong_head(name, declaration))?);
            } else if let Some(fields) = comment.strip_prefix("needs ") {
                query
                    .needs
                    .extend(fields.split_whitespace().map(str::to_owned));
            } else if query.summary.is_empty() {
                query.summary.push_str(comment);
                query.description.push_str(comment);
            } else {
                query.description.push('\n');
                query.description.push_str(comment);
            }
        }
        query
            .description
            .truncate(query.description.trim_end().len());
        query.sql = rest.trim().trim_end_matches(';').to_owned();
        if query.sql.is_empty() {
            return Err(Error::Parameter(format!(
                "the query `{name}` has no statement"
            )));
        }
        Ok(query)
    }

    /// The values of its parameters: those given as text, else the defaults.
    ///
    /// # Errors
    /// When a name is not among them, a value does not fit, or one without a
    /// default is not given.
    pub fn bind(&self, given: &[(String, String)]) -> Result<Parameters, Error> {
        let mut values = Parameters::new();
        for parameter in &self.parameters {
            if let Some(default) = &parameter.default {
                values.insert(parameter.name.clone(), default.clone());
            }
        }
        for (name, text) in given {
            let parameter = self
                .parameters
                .iter()
                .find(|parameter| parameter.name == *name);
            let parameter = parameter.ok_or_else(|| self.unknown_parameter(name))?;
            values.insert(name.clone(), parameter.parse(text)?);
        }
        for parameter in &self.parameters {
            if !values.contains_key(&parameter.name) {
                return Err(Error::MissingParameter {
                    query: self.name.clone(),
                    name: parameter.name.clone(),
                    description: parameter.description.clone(),
                });
            }
        }
        Ok(values)
    }

    fn unknown_parameter(&self, name: &str) -> Error {
        let names: Vec<_> = self.parameters.iter().map(|p| p.name.as_str()).collect();
        let known = match names.as_slice() {
            [] => "it has none".to_owned(),
            names => format!("it has {}", names.join(", ")),
        };
        Error::Parameter(format!(
            "the query `{}` has no parameter `{name}`: {known}",
            self.name
        ))
    }

    /// Checks that the data has the fields that the query needs.
    ///
    /// # Errors
    /// When it lacks one, naming it.
    pub fn check_fields(&self, columns: &[String]) -> Result<(), Error> {
        match self.needs.iter().find(|field| !columns.contains(field)) {
            None => Ok(()),
            Some(field) => Err(Error::MissingField {
                query: self.name.clone(),
                field: field.clone(),
            }),
        }
    }
}

fn wrong_head(name: &str, declaration: &str) -> Error {
    Error::Parameter(format!(
        "the head of the query `{name}` cannot be read: `{declaration}` is not `NAME INT|DOUBLE|TEXT \
         [DEFAULT]: description`"
    ))
}

#[cfg(test)]
mod tests {
    use datafusion::common::ScalarValue;

    use super::*;

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

    #[test]
    fn a_parameter_without_a_default_has_to_be_given() {
        let text = "-- What it is.\n-- param a TEXT: an address\nSELECT $a";
        let query = Query::read("pack", "name", text).unwrap();
        let error = query.bind(&[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the query `name` needs the parameter `a`: an address"
        );
        assert!(Query::read("pack", "name", "-- Nothing.\n").is_err());
    }
}
