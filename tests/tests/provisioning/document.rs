//! A document that shows sessions with an AWS account, replayed with moto.
//!
//! In it, a fenced block marked `text` whose first line begins with `$ vpcflow`
//! is a session: the command, then what it prints. Ids and times differ from
//! run to run, so those that are shown are made up, each in the place of one.
//!
//! `UPDATE_DOCS=1` writes what is printed now.

use std::env;
use std::fs;
use std::process::Command;

use vpcflow_tests::{Outcome, workspace};

use super::account::Account;

/// The kinds of ids that AWS makes up.
const ID_PREFIXES: [&str; 4] = ["vpc-", "fl-", "eni-", "subnet-"];

/// The time at which all sessions seem to happen, in minutes of the day.
const NOW_MINUTES: u32 = 12 * 60;

/// Replays a document. Before its `n`-th session, from 1, `prepare` is called.
#[track_caller]
pub(crate) fn replay(account: &mut Account, document: &str, prepare: impl Fn(&mut Account, usize)) {
    let path = workspace(document);
    let text = fs::read_to_string(&path).unwrap();
    let mut ids = Ids::default();
    // The one that the document's commands name.
    ids.shown(&account.vpc);
    let mut updated = String::new();
    let mut sessions = 0;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        updated.push_str(line);
        updated.push('\n');
        let Some(command) = line.strip_prefix("$ vpcflow ") else {
            continue;
        };
        sessions += 1;
        prepare(account, sessions);
        // What was shown so far.
        lines
            .by_ref()
            .take_while(|line| !line.starts_with("```"))
            .for_each(drop);
        let command = ids.real(command);
        let arguments: Vec<&str> = command.split(' ').collect();
        let printed = on_one_output(&account.command(&arguments));
        updated.push_str(&ids.shown(&printed));
        updated.push_str("```\n");
    }
    assert!(sessions > 0, "{document} has no session");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, updated).unwrap();
    } else {
        assert!(
            updated == text,
            "{document} shows something else than is printed (UPDATE_DOCS=1 writes it):\n{updated}"
        );
    }
}

/// What a command prints on both outputs, in the order in which it does.
fn on_one_output(command: &Command) -> String {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "exec \"$0\" \"$@\" 2>&1"])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        );
    Outcome::of(&mut shell).stdout
}

/// Ids in the order in which they were first seen.
#[derive(Default)]
struct Ids(Vec<String>);

impl Ids {
    /// The text with made-up ids and times of the same length.
    fn shown(&mut self, text: &str) -> String {
        let mut shown = String::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            let length = if shown.ends_with(|c: char| c.is_alphanumeric()) {
                0
            } else {
                id_length(rest)
            };
            if length > 0 {
                shown.push_str(&self.alias(&rest[..length]));
                rest = &rest[length..];
            } else {
                shown.push(character);
                rest = &rest[character.len_utf8()..];
            }
        }
        shown
            .lines()
            .map(|line| with_shown_time(line) + "\n")
            .collect()
    }

    fn alias(&mut self, id: &str) -> String {
        let known = self.0.iter().position(|known| known == id);
        let number = known.unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        });
        alias(id, number)
    }

    /// The text with the ids that AWS knows.
    fn real(&self, text: &str) -> String {
        let mut real = text.to_owned();
        for (number, id) in self.0.iter().enumerate() {
            real = real.replace(&alias(id, number), id);
        }
        real
    }
}

fn alias(id: &str, number: usize) -> String {
    let (prefix, digits) = id.split_once('-').unwrap();
    let made_up = format!("0a1b2c3d4e5f6a7{number:02}");
    format!(
        "{prefix}-{}",
        &made_up[made_up.len().saturating_sub(digits.len())..]
    )
}

/// The bytes of the id that the text begins with; 0 if it begins with none.
fn id_length(text: &str) -> usize {
    let digits = |prefix: &&str| text.strip_prefix(prefix);
    let Some(rest) = ID_PREFIXES.iter().find_map(digits) else {
        return 0;
    };
    let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let count = rest.bytes().take_while(|byte| is_digit(byte)).count();
    if count < 8 {
        return 0;
    }
    text.len() - rest.len() + count
}

/// A line with a time and how long ago that was, as if it were noon.
fn with_shown_time(line: &str) -> String {
    let Some((before, ago)) = line.rsplit_once("Z, ") else {
        return line.to_owned();
    };
    let minutes = ago
        .strip_suffix(" min ago")
        .and_then(|minutes| minutes.parse::<u32>().ok());
    let minutes = NOW_MINUTES - minutes.unwrap_or(0);
    let name = &before[..before.len() - "2026-11-22T12:00:00".len()];
    format!(
        "{name}2026-11-22T{:02}:{:02}:00Z, {ago}",
        minutes / 60,
        minutes % 60
    )
}
