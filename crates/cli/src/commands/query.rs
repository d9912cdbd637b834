//! `vpcflow query`.

use std::fmt::Write;

use vpcflow_query::{Library, Limits, Query};

use crate::args::QueryArgs;
use crate::commands::{answer, top::need_source};
use crate::failure::Failure;
use crate::open::open;
use crate::print::{Notes, out};

pub(crate) async fn run(args: QueryArgs, limits: Limits) -> Result<(), Failure> {
    let mut library = Library::shipped()?;
    if let Some(folder) = &args.library {
        library.add_folder(folder)?;
    }
    let Some(name) = &args.name else {
        return out(&list(&library));
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
    for parameter in &query.parameters {
        let default = match &parameter.default {
            Some(default) => format!(" = {default}"),
            None => String::new(),
        };
        let (name, description) = (&parameter.name, &parameter.description);
        let _ = writeln!(text, "  {name}{default}  {description}");
    }
    let _ = write!(text, "\n{}\n", query.sql);
    text
}
