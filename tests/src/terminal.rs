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
    on_a_terminal_of(command, None, typed)
}

/// The columns and rows of a terminal.
pub type TerminalSize = (u16, u16);

/// As [`on_a_terminal`], of this size; `None`: of none that is known.
///
/// # Panics
///
/// When nothing can be typed.
#[must_use]
pub fn on_a_terminal_of(
    command: &Command,
    size: Option<TerminalSize>,
    typed: &str,
) -> Option<Outcome> {
    let mut script = script(command, size);
    let Ok(mut child) = script.spawn() else {
        skip();
        return None;
    };
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

/// `script` with a command on its terminal, and pipes for keyboard and screen.
pub(crate) fn script(command: &Command, size: Option<TerminalSize>) -> Command {
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(quoted).collect();
    let mut line = format!("exec {}", words.join(" "));
    if let Some((columns, rows)) = size {
        line = format!("stty cols {columns} rows {rows}; {line}");
    }
    let variables = command.get_envs();
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &line])
        .arg("/dev/null")
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .env("SHELL", "/bin/sh")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(directory) = command.get_current_dir() {
        script.current_dir(directory);
    }
    script
}

/// A word for a shell.
fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_string_lossy().replace('\'', r"'\''"))
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skip() {
    eprintln!("skipped in part: there is no `script`, which gives a terminal");
}
