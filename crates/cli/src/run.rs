//! A command on its threads, and what ends it early.

use std::io;
use std::num::NonZero;
use std::process::ExitCode;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinError;
use vpcflow_query::{Error, Limits};

use crate::args::{Arguments, Command, LimitArgs};
use crate::commands;
use crate::ending::ending;
use crate::failure::Failure;
use crate::memory;

/// Stack of a thread that plans or runs queries: planning recurses deeply.
const STACK_BYTES: usize = 8 * 1024 * 1024;
/// How long a command that is ended early may take to let go of what it has. It
/// takes much less, unless a thread is blocked in a read or a write: nobody waits
/// for that.
const GRACE: Duration = Duration::from_millis(500);

/// Runs the command that the arguments name, on threads of its own, and reports how it
/// ended. This one stays free, so that signals and the end of the time are heard at
/// once, however busy the others are.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let ended = start(arguments);
    // Whatever has ended it: what comes now is for a terminal as it was.
    commands::restore_terminal();
    match ended {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Left) => Failure::interrupted().report_briefly(),
        Err(failure) => failure.report(),
    }
}

/// How a command that did not fail has ended.
enum Ended {
    Done,
    /// By signals, wherever it was.
    Left,
}

fn start(arguments: Arguments) -> Result<Ended, Failure> {
    let command = &arguments.command;
    if matches!(command, Command::Tail(_) | Command::Ingest(_)) {
        memory::share_arenas();
    }
    let (limits, spill) = match command.limits() {
        Some(args) => limits(args)?,
        None => (Limits::default(), None),
    };
    let timeout = command.timeout();
    let cannot_start = |error: io::Error| Failure::new(format!("cannot start threads: {error}"));
    let workers = workers(limits.threads).map_err(cannot_start)?;
    let control = Builder::new_current_thread().enable_all().build();
    let (ending, watcher) = ending();
    let result = control.map_err(cannot_start)?.block_on(async {
        let mut command = workers.spawn(Box::pin(commands::run(arguments, limits, ending)));
        tokio::select! {
            result = &mut command => joined(result),
            () = watcher.left() => Ok(Ended::Left),
            limit = over(timeout) => {
                command.abort();
                // It lets go where it is: at most a whole row was written.
                let _ = tokio::time::timeout(GRACE, &mut command).await;
                Err(too_long(limit))
            }
        }
    });
    match result {
        Ok(Ended::Done) => workers.shutdown_background(),
        // The threads end what they are at, which may be a file in the directory
        // for temporary files.
        _ if spill.is_some() => workers.shutdown_timeout(GRACE),
        // A thread may still be blocked in a read or a write: nobody waits for it.
        _ => workers.shutdown_background(),
    }
    result
}

fn workers(threads: NonZero<usize>) -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(threads.get())
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
}

fn joined(result: Result<Result<(), Failure>, JoinError>) -> Result<Ended, Failure> {
    match result {
        Ok(result) => result.map(|()| Ended::Done),
        Err(error) => Err(Failure::new(format!("internal error: {error}"))),
    }
}

/// Returns when the time is over; never, if there is no limit.
async fn over(limit: Option<Duration>) -> Duration {
    match limit {
        Some(limit) => {
            tokio::time::sleep(limit).await;
            limit
        }
        None => std::future::pending().await,
    }
}

pub(crate) fn too_long(limit: Duration) -> Failure {
    let seconds = limit.as_secs_f64();
    Failure::new(format!("not done within the time limit of {seconds} s")).hint(
        "give it more time with `--timeout`, or ask for less: a shorter time with `--since` and \
         `--until`, a condition",
    )
}

/// What a command may take, and the directory for its temporary files, which is
/// this process's own and goes at its end. Where none was named and none can be
/// made, a query that needs none runs as well.
fn limits(args: &LimitArgs) -> Result<(Limits, Option<TempDir>), Failure> {
    let usual = Limits::default();
    let mut spill = tempfile::Builder::new();
    let spill = spill.prefix("vpcflow-");
    let spill = match &args.temp_dir {
        Some(directory) => {
            let made = spill.tempdir_in(directory);
            Some(made.map_err(|error| Error::spill_directory(directory, &error))?)
        }
        None => spill.tempdir().ok(),
    };
    let limits = Limits {
        memory_bytes: args.memory_limit.map_or(usual.memory_bytes, |size| size.0),
        threads: args.threads.map_or(usual.threads, NonZero::from),
        spill_directory: spill.as_ref().map(|directory| directory.path().to_owned()),
        spill_bytes: args.temp_limit.map_or(usual.spill_bytes, |size| size.0),
    };
    Ok((limits, spill))
}
