//! The binary `vpcflow`: arguments in, wiring, rows out.

mod args;
mod commands;
mod ending;
mod failpoints;
mod failure;
mod incidents;
mod open;
mod output;
mod print;
mod store;
mod time;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use crate::args::Arguments;
use crate::failure::Failure;

/// Stack of a thread that plans or runs queries: planning recurses deeply.
const STACK_BYTES: usize = 8 * 1024 * 1024;

fn main() -> ExitCode {
    // Several TLS back ends may be compiled in; rustls wants to be told which.
    // It fails only if one is installed already, which would serve as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let _failpoints = failpoints::set_up();
    let (work, this) = match (work_threads(), this_thread()) {
        (Ok(work), Ok(this)) => (work, this),
        (Err(error), _) | (_, Err(error)) => {
            return Failure::new(format!("cannot start threads: {error}")).report();
        }
    };
    let (ending, watcher) = ending::ending();
    // On a worker, for its larger stack.
    let command = work.spawn(Box::pin(commands::run(arguments, ending)));
    let ended = this.block_on(async {
        tokio::select! {
            result = command => Some(result),
            () = watcher.left() => None,
        }
    });
    // A thread may still be blocked in a read or a write: nobody waits for it.
    work.shutdown_background();
    match ended {
        Some(Ok(Ok(()))) => ExitCode::SUCCESS,
        Some(Ok(Err(failure))) => failure.report(),
        Some(Err(error)) => Failure::new(format!("internal error: {error}")).report(),
        None => Failure::interrupted().report_briefly(),
    }
}

/// What commands run on.
fn work_threads() -> io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build()
}

/// What hears signals, whatever the others are busy with.
fn this_thread() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
