//! The binary `vpcflow`: arguments in, wiring, rows out.

mod args;
mod bucket;
mod commands;
mod ending;
mod failpoints;
mod failure;
mod incidents;
mod line;
mod memory;
mod open;
mod output;
mod pager;
mod print;
mod progress;
mod prompt;
mod run;
mod store;
mod time;

use std::process::ExitCode;

use clap::Parser;

use crate::args::Arguments;

fn main() -> ExitCode {
    // Several TLS back ends may be compiled in; rustls wants to be told which.
    // It fails only if one is installed already, which would serve as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let arguments = Arguments::parse();
    let _failpoints = failpoints::set_up();
    run::run(arguments)
}
