//! `vpcflow sql`: one statement or several, or a prompt for them.

use std::io::Read;
use std::path::Path;

use vpcflow_ingest::{Location, system_message};
use vpcflow_query::{Limits, Parameters, infer_parameter, split_statements};

use crate::args::SqlArgs;
use crate::commands::{answer, interruptible};
use crate::ending::Ending;
use crate::failure::Failure;
use crate::open::open;
use crate::print::Notes;
use crate::prompt;

pub(super) async fn run(args: SqlArgs, limits: Limits, ending: Ending) -> Result<(), Failure> {
    if args.is_prompt() {
        return Box::pin(prompt::run(args, limits)).await;
    }
    interruptible(ending, Box::pin(answer_statements(args, limits))).await
}

async fn answer_statements(args: SqlArgs, limits: Limits) -> Result<(), Failure> {
    let notes = Notes::new(args.from.decode.quiet);
    let text = match (&args.sql, &args.file) {
        (Some(sql), _) => sql.clone(),
        (None, Some(file)) => read(file)?,
        // As a file of them.
        (None, None) if args.from.from.contains(&Location::Stdin) => {
            return Err(Failure::usage("no statement was given"));
        }
        (None, None) => read(Path::new("-"))?,
    };
    let statements = split_statements(&text)?;
    if statements.is_empty() {
        return Err(Failure::usage("the statement is empty"));
    }
    let parameters: Parameters = args
        .param
        .iter()
        .map(|(key, text)| (key.clone(), infer_parameter(text)))
        .collect();
    let opened = open(&args.from, &args.aws, limits, notes).await?;
    let statements: Vec<_> = statements
        .into_iter()
        .map(|statement| (statement, parameters.clone()))
        .collect();
    answer(&opened, &statements, &args.output, &args.from.decode, notes).await?;
    let has_files = opened.session.has_named_paths();
    if args.from.is_empty() && !has_files && text.to_lowercase().contains("flows") {
        notes.say(
            "note: no source was named, so `flows` is empty: name one with `--from` or `--store`",
        );
    }
    Ok(())
}

fn read(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let result = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    result.map_err(|error| {
        let message = system_message(&error);
        Failure::new(format!("cannot read `{}`: {message}", file.display()))
    })
}
