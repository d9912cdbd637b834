//! `vpcflow query`.

use std::fmt::Write;

use vpcflow_query::{Library, Limits, Parameter, Query};

use crate::args::QueryArgs;
use crate::commands::{answer, top::need_source};
use crate::failure::Failure;
use crate::open::open;
use crate::output::Output;
use crate::print::{Notes, out};

pub(crate) async fn run(args: QueryArgs, limits: Limits) -> Result<(), Failure> {
    let mut library = Library::shipped()?;
    if let Some(folder) = &args.library {
        library.add_folder(folder)?;
    }
    let Some(name) = &args.name else {
        // For people, unless the user names a format.
        if !args.output.names_format() {
            return out(&list(&library));
        }
        return Output::new(&args.output)?.print_rows(&library.rows()?);
    };
    let query = library.find(name)?;
    if args.explain {
        return out(&explain(query));
    }
    let parameters = query.bind(&args.param)?;
    need_source(args.from.is_empty())?;
    let notes = Notes::new(args.from.decode.quiet);
    let opened = open(&args.from, &args.aws, limits, notes).await?;
    query.check_fields(&opened.session.flows_columns().await?)?;
    let statements = [(query.sql.clone(), parameters)];
    answer(&opened, &statements, &args.output, &args.from.decode, notes).await
}

/// The queries, pack by pack.
fn list(library: &Library) -> String {
    let queries = library.queries();
    let width = queries.iter().map(|query| query.name.len()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    let mut pack = "";
    for query in queries {
        // Writing to a string does not fail.
        if query.pack != pack {
            let margin = if pack.is_empty() { "" } else { "\n" };
            pack = &query.pack;
            let _ = writeln!(text, "{margin}{pack}");
        }
        let _ = writeln!(text, "  {:width$}  {}", query.name, query.summary);
    }
    text
}

fn explain(query: &Query) -> String {
    let mut text = format!("{} ({})\n\n{}\n", query.name, query.pack, query.description);
    if !query.needs.is_empty() {
        let _ = write!(text, "\nNeeds: {}\n", query.needs.join(", "));
    }
    if !query.parameters.is_empty() {
        text.push_str("\nParameters:\n");
    }
    let declarations = query.parameters.iter().map(Parameter::declaration);
    let declarations: Vec<_> = declarations.collect();
    let width = declarations.iter().map(|text| text.chars().count()).max();
    let width = width.unwrap_or(0);
    for (parameter, declaration) in query.parameters.iter().zip(declarations) {
        // One without a default has to be given.
        let has_to = match parameter.default {
            Some(_) => "",
            None => " (required)",
        };
        let description = &parameter.description;
        let _ = writeln!(text, "  {declaration:width$}  {description}{has_to}");
    }
    let _ = write!(text, "\n{}\n", query.sql);
    text
}
