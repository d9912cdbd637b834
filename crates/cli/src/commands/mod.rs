//! One module a command.

mod demo;
mod generate;
mod ingest;
mod provision;
mod query;
mod report;
mod setup;
mod shell;
mod sql;
mod store;
mod tail;
mod top;

pub(crate) use top::restore as restore_terminal;

use tokio_util::sync::CancellationToken;
use vpcflow_ingest::{Checkpoint, FilesCheckpoint, ObjectsCheckpoint};
use vpcflow_query::Limits;

use crate::args::{Arguments, Command, DecodeArgs, OutputArgs};
use crate::ending::{Ending, Signals};
use crate::failure::Failure;
use crate::open::Opened;
use crate::output::Output;
use crate::print::{Notes, counted};
use crate::progress::Progress;

/// Runs the command that the arguments name. Its queries keep to the limits, and it
/// hears of signals by `ending`.
pub(crate) async fn run(
    arguments: Arguments,
    limits: Limits,
    ending: Ending,
) -> Result<(), Failure> {
    match arguments.command {
        Command::Demo(args) => interruptible(ending, Box::pin(demo::run(args))).await,
        Command::Setup(args) => Box::pin(setup::run(args)).await,
        Command::Status(args) => interruptible(ending, Box::pin(provision::status(args))).await,
        Command::Teardown(args) => provision::teardown(args).await,
        Command::Tail(args) => Box::pin(tail::run(args, limits, ending)).await,
        Command::Ingest(args) => Box::pin(ingest::run(args, ending)).await,
        Command::Store(args) => Box::pin(store::run(args)).await,
        Command::Sql(args) => Box::pin(sql::run(args, limits, ending)).await,
        Command::Top(args) if !args.follow.is_empty() => Box::pin(top::follow(args, ending)).await,
        Command::Top(args) => interruptible(ending, Box::pin(top::run(args, limits))).await,
        Command::Report(args) => interruptible(ending, Box::pin(report::run(args, limits))).await,
        Command::Query(args) => interruptible(ending, Box::pin(query::run(args, limits))).await,
        Command::Generate(args) => generate::run(args).await,
        Command::Completions { shell } => shell::completions(shell),
        Command::Man(args) => shell::man(&args),
    }
}

/// Runs a command that only reads: a signal ends it where it is.
async fn interruptible(
    ending: Ending,
    command: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let stop = CancellationToken::new();
    ending.at_once(&stop)?;
    tokio::select! {
        biased;
        () = stop.cancelled() => Err(Failure::interrupted()),
        result = command => result,
    }
}

/// Returns when the user or the system asks the process to end.
async fn interrupted() {
    match Signals::new() {
        Ok(mut signals) => signals.next().await,
        // Without a handler, a signal ends the process.
        Err(_) => std::future::pending().await,
    }
}

/// All files that a store reads are one source: a file is known again wherever it
/// lies, and under whichever name it is given.
const FILES: &str = "files";

/// Standard input as a source of a store.
const STDIN: &str = "stdin";

/// How far the files of a store were read.
fn files_checkpoint(checkpoint: Option<&Checkpoint>) -> FilesCheckpoint {
    match checkpoint {
        Some(Checkpoint::Files(files)) => files.clone(),
        _ => FilesCheckpoint::default(),
    }
}

/// Which objects of a bucket a store has.
fn objects_checkpoint(checkpoint: Option<&Checkpoint>) -> ObjectsCheckpoint {
    match checkpoint {
        Some(Checkpoint::Objects(objects)) => objects.clone(),
        _ => ObjectsCheckpoint::default(),
    }
}

/// Prints the answers to statements, then the summary; says no to rejects if
/// the user is strict. What was read before a failure is counted as well.
async fn answer(
    opened: &Opened,
    statements: &[(String, vpcflow_query::Parameters)],
    output: &OutputArgs,
    decode: &DecodeArgs,
    notes: Notes,
) -> Result<(), Failure> {
    let output = Output::new(output)?;
    if statements.len() > 1 && output.takes_one_answer() {
        let message = format!(
            "there are {} statements, and a file takes the rows of one",
            statements.len()
        );
        return Err(Failure::usage(message));
    }
    let answered = print_answers(opened, statements, &output, notes).await;
    concluded(answered, opened, decode, notes).await
}

/// Prints the summary after an answer or a failure; says no to rejects if the user is
/// strict.
async fn concluded(
    answered: Result<(), Failure>,
    opened: &Opened,
    decode: &DecodeArgs,
    notes: Notes,
) -> Result<(), Failure> {
    if let Err(failure) = answered {
        return Err(counted_before(opened, notes, failure).await);
    }
    finish(opened, decode, notes)
}

/// Tells what was read before a failure, which it gives back.
async fn counted_before(opened: &Opened, notes: Notes, failure: Failure) -> Failure {
    // A command that was ended early stops here: its threads may have gone
    // before it, which is no failure to tell of.
    tokio::task::yield_now().await;
    let counts = opened.session.counts();
    if counts.records + counts.rejects > 0 && !failure.is_silent() {
        notes.summary(counts);
    }
    failure
}

async fn print_answers(
    opened: &Opened,
    statements: &[(String, vpcflow_query::Parameters)],
    output: &Output,
    notes: Notes,
) -> Result<(), Failure> {
    for (sql, parameters) in statements {
        let rows = opened.session.sql(sql, parameters.clone()).await?;
        let progress = Progress::new(&opened.session, notes);
        output.print(rows, progress).await?;
    }
    Ok(())
}

/// Files of refused lines alone that are told by name.
const REFUSED_FILES_TOLD: usize = 3;

/// The summary, and what the rejects among the lines mean for the exit status.
fn finish(opened: &Opened, decode: &DecodeArgs, notes: Notes) -> Result<(), Failure> {
    let counts = opened.session.counts();
    if counts.rejects > 0 && counts.records == 0 && !opened.has_stores {
        notes.say(
            "hint: every line was refused: `SELECT reason, count(*) FROM rejects GROUP BY 1` tells \
             why, and `--log-format` declares other fields",
        );
    } else {
        // Of another format than the others, perhaps.
        let refused = opened.session.refused_files();
        for name in refused.iter().take(REFUSED_FILES_TOLD) {
            notes.say(&format!("note: every line of `{name}` was refused"));
        }
        if refused.len() > REFUSED_FILES_TOLD {
            let more = refused.len() - REFUSED_FILES_TOLD;
            notes.say(&format!(
                "note: and of {}",
                counted(more as u64, "more file")
            ));
        }
        if !refused.is_empty() {
            notes.say(
                "hint: a file without a header line is read in the default format: ask for files of \
                 another one apart, with `--log-format`",
            );
        }
    }
    if opened.has_sources || opened.session.has_named_paths() {
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
