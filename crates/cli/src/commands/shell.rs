//! `vpcflow completions` and `vpcflow man`: what shells and manuals know of the command
//! line.

use std::fs;
use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use vpcflow_ingest::system_message;
use vpcflow_query::Library;

use crate::args::{Arguments, ManArgs};
use crate::failure::Failure;
use crate::print::out;

/// Prints the completion script for a shell, in which the queries of the library are
/// known by name.
pub(super) fn completions(shell: Shell) -> Result<(), Failure> {
    let library = Library::shipped()?;
    let names = library.queries().iter().map(|query| query.name.clone());
    let names = PossibleValuesParser::new(names);
    let mut command = Arguments::command().mut_subcommand("query", |query| {
        query.mut_arg("name", |name| name.value_parser(names))
    });
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "vpcflow", &mut script);
    out(&String::from_utf8_lossy(&script))
}

/// Prints the manual page of a command, or writes the pages of all.
pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut command = Arguments::command();
    command.build();
    if let Some(directory) = &args.out {
        return write_all(command, directory);
    }
    let mut page = &command;
    for name in &args.command {
        page = page
            .find_subcommand(name)
            .ok_or_else(|| unknown(page, name))?;
    }
    let mut text = Vec::new();
    Man::new(page.clone()).render(&mut text)?;
    out(&String::from_utf8_lossy(&text))
}

fn write_all(command: Command, directory: &Path) -> Result<(), Failure> {
    let written =
        fs::create_dir_all(directory).and_then(|()| clap_mangen::generate_to(command, directory));
    written.map_err(|error| {
        let message = system_message(&error);
        Failure::new(format!(
            "cannot write to `{}`: {message}",
            directory.display()
        ))
    })
}

fn unknown(within: &Command, name: &str) -> Failure {
    let names: Vec<&str> = within.get_subcommands().map(Command::get_name).collect();
    let path = within
        .get_display_name()
        .unwrap_or("vpcflow")
        .replace('-', " ");
    let failure = Failure::usage(format!("`{path}` has no command `{name}`"));
    if names.is_empty() {
        failure
    } else {
        failure.hint(format!("its commands are {}", names.join(", ")))
    }
}
