//! One module a command.

mod demo;
mod generate;
mod provision;
mod query;
mod sql;
mod tail;
mod top;

use clap::CommandFactory;

use crate::args::{Arguments, Command, DecodeArgs, OutputArgs};
use crate::failure::Failure;
use crate::open::Opened;
use crate::print::{Notes, Output, out};

/// Runs the command that the arguments name.
pub(crate) async fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Demo(args) => interruptible(Box::pin(demo::run(args))).await,
        Command::Setup(args) => provision::setup(args).await,
        Command::Status(args) => interruptible(Box::pin(provision::status(args))).await,
        Command::Teardown(args) => provision::teardown(args).await,
        Command::Tail(args) => tail::run(args).await,
        Command::Sql(args) => interruptible(Box::pin(sql::run(args))).await,
        Command::Top(args) => interruptible(Box::pin(top::run(args))).await,
        Command::Query(args) => interruptible(Box::pin(query::run(args))).await,
        Command::Generate(args) => generate::run(args).await,
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "vpcflow", &mut script);
            out(&String::from_utf8_lossy(&script))
        }
    }
}

/// Runs a command that only reads: Ctrl-C ends it where it is.
async fn interruptible(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::select! {
        // The signal first, so that it is heard from the start on.
        biased;
        _ = tokio::signal::ctrl_c() => Err(Failure::interrupted()),
        result = command => result,
    }
}

/// Prints the answer to a statement, then the summary; says no to rejects if
/// the user is strict.
async fn answer(
    opened: &Opened,
    statements: &[(String, vpcflow_query::Parameters)],
    output: &OutputArgs,
    decode: &DecodeArgs,
    notes: Notes,
) -> Result<(), Failure> {
    let output = Output::new(output);
    for (sql, parameters) in statements {
        let rows = opened.session.sql(sql, parameters.clone()).await?;
        output.print(rows).await?;
    }
    finish(opened, decode, notes)
}

/// The summary, and what the rejects among the lines mean for the exit status.
fn finish(opened: &Opened, decode: &DecodeArgs, notes: Notes) -> Result<(), Failure> {
    let counts = opened.session.counts();
    if counts.rejects > 0 && counts.records == 0 && !opened.has_stores {
        notes.say(
            "hint: every line was refused: `SELECT reason, count(*) FROM rejects GROUP BY 1` tells \
             why, and `--log-format` declares other fields",
        );
    }
    if opened.has_sources {
        notes.summary(counts);
    }
    if decode.strict && counts.rejects > 0 {
        return Err(refused(counts.rejects));
    }
    Ok(())
}

/// What a strict user hears of refused lines.
fn refused(rejects: u64) -> Failure {
    let lines = if rejects == 1 {
        "1 line was"
    } else {
        &format!("{rejects} lines were")
    };
    Failure::new(format!("{lines} refused"))
        .hint("the table `rejects` has them with their places and reasons")
}
