//! The commands that the documents show print what the documents say.
//!
//! In `README.md` and `docs/`, a fenced block marked `console` is a session:
//! lines that begin with `$ ` are commands, the lines below are what they print
//! on a terminal, in full; one marked `console 80` is on a terminal of 80 columns.
//! The sessions of a document run one after another in one empty
//! directory, by a shell, so a document makes what it reads (`vpcflow generate
//! logs`). Commands that are neither `vpcflow …` nor `… | vpcflow …` are only text.
//! How long it took may differ, and empty lines after the output count for nothing.
//!
//! `UPDATE_DOCS=1 cargo test --test documents` writes what is printed now.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use vpcflow_tests::{binary, on_a_terminal_of, vpcflow, workspace};

const UPDATE_VARIABLE: &str = "UPDATE_DOCS";

#[test]
fn commands_print_what_is_shown() {
    let mut differences = Vec::new();
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let (updated, differing) = replay(&text);
        if env::var_os(UPDATE_VARIABLE).is_some() && updated != text {
            fs::write(&path, updated).unwrap();
        } else if !differing.is_empty() {
            differences.push(format!("{}:\n{}", path.display(), differing.join("\n")));
        }
    }
    assert!(
        differences.is_empty(),
        "documents show something else than commands print ({UPDATE_VARIABLE}=1 writes them):\n{}",
        differences.join("\n")
    );
}

#[test]
fn a_difference_is_told_and_mended() {
    let text = "
```console
$ vpcflow sql 'SELECT 1 AS one' -q
one
───
  2

$ cargo run
as it is
$ vpcflow sql 'SELECT 2 AS two' --from - < /dev/null
two
───
  2
0 records, 0 rejects, 0 B, 7.00 s, 0 records/s
```
";
    let (updated, differing) = replay(text);
    assert_eq!(updated, text.replacen("  2\n", "  1\n", 1));
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert!(differing[0].starts_with("$ vpcflow sql 'SELECT 1 AS one' -q\n"));
}

fn documents() -> Vec<PathBuf> {
    let mut documents = vec![workspace("README.md")];
    let mut folders = vec![workspace("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    documents.sort();
    documents
}

/// Runs the commands of a document. Returns the document as it should be, and
/// what differs.
fn replay(text: &str) -> (String, Vec<String>) {
    let directory = tempfile::tempdir().unwrap();
    let mut updated = String::new();
    let mut differing = Vec::new();
    let mut lines = text.lines().peekable();
    // `Some(None)` is a session on a terminal without an end of its lines.
    let mut session: Option<Option<u16>> = None;
    while let Some(line) = lines.next() {
        updated.push_str(line);
        updated.push('\n');
        if is_fence(line) {
            session = session_of(line);
        }
        let Some((columns, command)) = session.zip(line.strip_prefix("$ ")) else {
            continue;
        };
        let mut shown = String::new();
        while let Some(line) = lines.next_if(|line| !line.starts_with("$ ") && !is_fence(line)) {
            shown.push_str(line);
            shown.push('\n');
        }
        let (output, margin) = shown.split_at(shown.trim_end_matches('\n').len());
        if !command.starts_with("vpcflow ") && !command.contains("| vpcflow ") {
            updated.push_str(&shown);
            continue;
        }
        let printed = match columns {
            None => run(command, directory.path()),
            Some(columns) => match run_on_a_terminal(command, directory.path(), columns) {
                Some(printed) => printed,
                // There is nothing that gives a terminal.
                None => output.to_owned(),
            },
        };
        let printed = printed.trim_end_matches('\n');
        if without_times(printed) == without_times(output) {
            updated.push_str(&shown);
        } else {
            differing.push(format!(
                "$ {command}\n--- the document shows\n{output}\n--- the command prints\n{printed}\n"
            ));
            updated.push_str(printed);
            updated.push_str(if margin.is_empty() { "\n" } else { margin });
        }
    }
    (updated, differing)
}

/// Whether a fence begins a session, and the columns of its terminal.
fn session_of(fence: &str) -> Option<Option<u16>> {
    match fence.strip_prefix("```console")? {
        "" => Some(None),
        columns => Some(Some(columns.trim().parse().ok()?)),
    }
}

fn is_fence(line: &str) -> bool {
    line.starts_with("```")
}

/// What a command prints on a terminal that shows Unicode.
fn run_on_a_terminal(command: &str, directory: &Path, columns: u16) -> Option<String> {
    let environment = vpcflow();
    let variables = environment.get_envs();
    let mut shell = Command::new("sh");
    shell
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .args(["-c", command])
        .current_dir(directory)
        .env("PATH", path())
        .env("LANG", "C.UTF-8");
    let outcome = on_a_terminal_of(&shell, Some((columns, 40)), "")?;
    // What is typed at the end: the end of input, which the terminal echoes.
    Some(outcome.stdout.replace("^D\u{8}\u{8}", ""))
}

fn path() -> String {
    format!("{}:/usr/bin:/bin", binary().parent().unwrap().display())
}

/// What a command prints, on both outputs.
fn run(command: &str, directory: &Path) -> String {
    let environment = vpcflow();
    let variables = environment.get_envs();
    let output = Command::new("sh")
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(directory)
        .env("PATH", path())
        .env("VPCFLOW_OUTPUT", "table")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("panicked at"), "$ {command}\n{text}");
    text
}

/// The text without the seconds and the rate that end a summary.
fn without_times(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let counts = line
            .ends_with(" records/s")
            .then(|| line.rsplitn(3, ", ").last());
        lines.push_str(counts.flatten().unwrap_or(line));
        lines.push('\n');
    }
    lines
}
