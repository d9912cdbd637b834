//! The binary `vpcflow`: arguments in, wiring, rows out.

mod args;
mod bucket;
mod commands;
mod failpoints;
mod failure;
mod incidents;
mod open;
mod output;
mod print;
mod store;
mod time;

use std::process::ExitCode;

use clap::Parser;

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(STACK_BYTES)
        .build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(async {
                // On a worker, for its larger stack.
                match runtime.spawn(Box::pin(commands::run(arguments))).await {
                    Ok(result) => result,
                    Err(error) => Err(Failure::new(format!("internal error: {error}"))),
                }
            });
            // A thread may still be blocked in a read: nobody waits for it.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(Failure::new(format!("cannot start threads: {error}"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
