//! A terminal for the binary.

use std::ffi::OsStr;
use std::io::Write;
use std::iter;
use std::process::{Command, Stdio};

use crate::Outcome;

/// Runs a command on a terminal where somebody types this. What it prints, on
/// both outputs, is in `stdout`.
///
/// `None` when there is no `script`, the program of util-linux that gives a
/// terminal: that is on standard error, and the test should go on without.
///
/// # Panics
///
/// When nothing can be typed.
#[must_use]
pub fn on_a_terminal(command: &Command, typed: &str) -> Option<Outcome> {
    let mut script = script(command, "")?;
    script
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = script.spawn().expect("`script` can be run");
    let mut keyboard = child.stdin.take().expect("the pipe was asked for");
    keyboard
        .write_all(typed.as_bytes())
        .expect("`script` reads what is typed");
    drop(keyboard);
    let output = child.wait_with_output().expect("`script` ends");
    let mut outcome = Outcome::from(output);
    outcome.stdout = outcome.stdout.replace('\r', "");
    Some(outcome)
}

/// A command on a terminal, with these words of a shell before it.
pub(crate) fn script(command: &Command, before: &str) -> Option<Command> {
    let there = Command::new("script").arg("--version").output();
    if there.is_err() {
        skip();
        return None;
    }
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(quoted).collect();
    let variables = command.get_envs();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{before} {}", words.join(" ")))
        .arg("/dev/null")
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .env("SHELL", "/bin/sh");
    Some(script)
}

/// A word for a shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip() {
    eprintln!("skipped in part: there is no `script`, which gives a terminal");
}
