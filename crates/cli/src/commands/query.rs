//! `vpcflow query`.

use std::fmt::Write;

use vpcflow_query::{Query, find_query, queries};

use crate::args::QueryArgs;
use crate::commands::{answer, top::need_source};
use crate::failure::Failure;
use crate::open::open;
use crate::print::{Notes, out};

pub(crate) async fn run(args: QueryArgs) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        return out(&list()?);
    };
    let query = find_query(name)?;
    if args.explain {
        return out(&explain(&query));
    }
    let parameters = query.bind(&args.param)?;
    need_source(args.from.is_empty())?;
    let notes = Notes::new(args.from.decode.quiet);
    let opened = open(&args.from, &args.aws, notes).await?;
    query.check_fields(&opened.session.flows_columns().await?)?;
    let statements = [(query.sql.to_owned(), parameters)];
    answer(&opened, &statements, &args.output, &args.from.decode, notes).await
}

fn list() -> Result<String, Failure> {
    let mut queries = queries()?;
    queries.sort_by_key(|query| query.name);
    let width = queries
        .iter()
        .map(|query| query.name.len())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for query in queries {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{:width$}  {}", query.name, query.summary);
    }
    Ok(text)
}

fn explain(query: &Query) -> String {
    let mut text = format!("{} ({})\n\n{}\n", query.name, query.pack, query.description);
    if !query.needs.is_empty() {
        let _ = write!(text, "\nNeeds: {}\n", query.needs.join(", "));
    }
    if !query.parameters.is_empty() {
        text.push_str("\nParameters:\n");
    }
    for parameter in &query.parameters {
        let (name, default) = (parameter.name, &parameter.default);
        let _ = writeln!(text, "  {name} = {default}  {}", parameter.description);
    }
    let _ = write!(text, "\n{}\n", query.sql);
    text
}
