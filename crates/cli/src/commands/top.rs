//! `vpcflow top`.

use vpcflow_query::{Limits, Parameters, Top};

use crate::args::TopArgs;
use crate::commands::answer;
use crate::failure::Failure;
use crate::open::open;
use crate::print::Notes;

pub(crate) async fn run(args: TopArgs, limits: Limits) -> Result<(), Failure> {
    let notes = Notes::new(args.from.decode.quiet);
    need_source(args.from.is_empty())?;
    let opened = open(&args.from, &args.aws, limits, notes).await?;
    if let Some(condition) = &args.r#where {
        // Told with its own place, rather than that in the whole statement.
        opened.session.check_condition(condition).await?;
    }
    let top = Top {
        keys: args.keys,
        by: args.by.into(),
        limit: args.n as usize,
        condition: args.r#where,
    };
    let sql = top.sql(&opened.session.flows_columns().await?)?;
    let statements = [(sql, Parameters::new())];
    answer(&opened, &statements, &args.output, &args.from.decode, notes).await
}

/// A ranking of nothing is a slip.
pub(super) fn need_source(none: bool) -> Result<(), Failure> {
    if none {
        return Err(Failure::usage("no source was named").hint(
            "name one with `--from`: a file, a pattern, a directory, `-` or `logs:GROUP`; or a \
                   store with `--store`",
        ));
    }
    Ok(())
}
