//! `vpcflow top --follow` on a terminal, driven by keys.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use vpcflow_testkit::FakeLogs;
use vpcflow_tests::{
    Logs, Outcome, Screen, TerminalSize, binary, now_ms, record, send_signal, vpcflow, workspace,
};

const SIZE: TerminalSize = (80, 24);

/// A file that grows in a directory of its own.
struct Growing {
    directory: tempfile::TempDir,
    file: File,
    now_ms: i64,
}

impl Growing {
    fn new() -> Growing {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("logs");
        fs::create_dir(&logs).unwrap();
        let path = logs.join("eni-1.log");
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        Growing {
            directory,
            file,
            now_ms: now_ms() - 60_000,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Records of a source, to port 443.
    fn append(&mut self, source: &str, action: &str, count: u32, bytes: u64) {
        let mut text = String::new();
        for _ in 0..count {
            text += &record("eni-1", source, action, bytes, self.now_ms);
            text.push('\n');
        }
        self.write(&text);
    }

    fn write(&mut self, text: &str) {
        self.file.write_all(text.as_bytes()).unwrap();
    }

    /// The live ranking of the directory, by a shell that tells at the end how it has
    /// ended and in which state the terminal is.
    fn top(&self, arguments: &[&str]) -> Command {
        told(&vpcflow(), self.directory.path(), arguments)
    }

    fn signal(&self, name: &str) {
        let process = fs::read_to_string(self.path("process")).unwrap();
        send_signal(process.trim(), name);
    }
}

const SHELL: &str = "sh -c 'echo $$ > process; exec \"$0\" \"$@\"' \"$0\" \"$@\"; \
    echo \"status $?\"; stty -a | grep -o -E -- '-?(icanon|echo)\\b'; echo over";

fn told(environment: &Command, directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("sh");
    let variables = environment.get_envs();
    command
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .env("LANG", "C.UTF-8")
        .env("TERM", "xterm")
        .args(["-c", SHELL])
        .arg(binary())
        .arg("top")
        .args(arguments)
        .current_dir(directory);
    command
}

/// Waits for the end, and asserts that the shell has its terminal back.
#[track_caller]
fn ends(screen: &mut Screen, status: i32) -> String {
    let (is_given_back, contents) = screen.finish();
    assert!(is_given_back, "{contents}");
    for expected in [&format!("status {status}"), "\nicanon", "\necho", "over"] {
        assert!(contents.contains(expected), "no `{expected}`:\n{contents}");
    }
    contents
}

const FOLLOW: [&str; 4] = ["--follow", "logs", "--poll", "50ms"];

#[test]
fn keys_choose_what_is_shown_while_records_come() {
    let mut growing = Growing::new();
    growing.append("192.0.2.1", "ACCEPT", 3, 1_000);
    growing.append("192.0.2.2", "REJECT", 2, 400);
    let stats = [
        "--stat",
        "srcaddr/bytes",
        "--stat",
        "dstport,protocol/flows",
    ];
    let command = growing.top(&[&FOLLOW[..], &stats[..]].concat());
    let Some(mut screen) = Screen::start(&command, SIZE) else {
        return;
    };
    screen.wait_for("5 records, 0 refused");
    screen.wait_until("a ranking", |screen| {
        let line = |start: &str| screen.lines().find(|line| line.starts_with(start));
        line("1  192.0.2.1").is_some_and(|line| line.contains("3.0 kB"))
            && line("2  192.0.2.2").is_some_and(|line| line.contains("800 B"))
            && line("   Total").is_some_and(|line| line.contains("3.8 kB"))
    });
    screen.wait_for("192.0.2.2:40000 → 10.0.0.5:443/https tcp  1 packet  eni-1");
    screen.wait_for("1 file");

    growing.append("192.0.2.2", "ACCEPT", 1, 5_000);
    screen.wait_for("1  192.0.2.2");

    screen.press("\t");
    screen.wait_until("the other ranking", |screen| {
        let line = screen.lines().find(|line| line.starts_with("1  443/https"));
        line.is_some_and(|line| line.contains("tcp") && line.contains("100.0%"))
    });
    screen.press("1");
    screen.wait_for("1  192.0.2.2");

    screen.press("/2.1");
    screen.wait_for("filter: 2.1_");
    screen.wait_until("one row and the others", |screen| {
        screen.contains("1  192.0.2.1")
            && !screen.contains("192.0.2.2  ")
            && screen.contains("   Others (1)")
    });
    screen.press("\r");
    screen.wait_until("the filter is kept", |screen| {
        screen.contains("filter: 2.1") && !screen.contains("2.1_")
    });
    screen.press("\u{1b}");
    screen.wait_for("2  192.0.2.1");

    screen.press("p");
    screen.wait_for("paused");
    growing.append("192.0.2.3", "ACCEPT", 1, 90_000);
    screen.press("?");
    screen.wait_for("pause what is shown");
    assert!(
        !screen.contents().contains("192.0.2.3"),
        "{}",
        screen.contents()
    );
    screen.press("?p");
    screen.wait_for("1  192.0.2.3");

    screen.press("q");
    let contents = ends(&mut screen, 0);
    assert!(contents.contains("7 records, 0 rejects"), "{contents}");
}

#[test]
fn the_terminal_is_given_back_whatever_ends_it() {
    for (signal, status) in [("INT", 0), ("TERM", 0)] {
        let mut growing = Growing::new();
        growing.append("192.0.2.1", "ACCEPT", 1, 1_000);
        let Some(mut screen) = Screen::start(&growing.top(&FOLLOW), SIZE) else {
            return;
        };
        screen.wait_for("1 record, 0 refused");
        growing.signal(signal);
        ends(&mut screen, status);
    }
    // Ctrl-C is a key while somebody draws.
    let growing = Growing::new();
    let Some(mut screen) = Screen::start(&growing.top(&FOLLOW), SIZE) else {
        return;
    };
    screen.wait_for("0 records, 0 refused");
    screen.press("\u{3}");
    ends(&mut screen, 0);
}

#[test]
fn a_panic_is_told_on_a_terminal_as_it_was() {
    let growing = Growing::new();
    let mut command = growing.top(&FOLLOW);
    command.env("FAILPOINTS", "screen-drawn=panic");
    let Some(mut screen) = Screen::start(&command, SIZE) else {
        return;
    };
    let contents = ends(&mut screen, 1);
    assert!(contents.contains("panicked at"), "{contents}");
    assert!(contents.contains("error: internal error"), "{contents}");
}

#[test]
fn an_error_is_told_on_a_terminal_as_it_was() {
    let logs = Logs::start(FakeLogs::builder());
    let directory = tempfile::tempdir().unwrap();
    let command = told(
        &logs.command(&[]),
        directory.path(),
        &["--follow", "logs:/vpc/none", "--log-format", "default"],
    );
    let Some(mut screen) = Screen::start(&command, SIZE) else {
        return;
    };
    let contents = ends(&mut screen, 1);
    assert!(contents.contains("error: "), "{contents}");
}

/// What would clear a screen, change its title, or write somewhere else on it.
#[test]
fn records_cannot_write_on_the_screen() {
    let mut growing = Growing::new();
    let now_s = growing.now_ms / 1000;
    let hostile = "eni-\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}1;1H";
    let line = format!(
        "2 1 {hostile} 192.0.2.9 10.0.0.5 40000 443 6 1 77 {now_s} {} REJECT OK\n",
        now_s + 1
    );
    growing.write(&line);
    let command = growing.top(&[&FOLLOW[..], &["interface-id"]].concat());
    let Some(mut screen) = Screen::start(&command, (140, 24)) else {
        return;
    };
    screen.wait_for(r"eni-\u{1b}[2J\u{1b}]0;title\u{7}");
    screen.press("q");
    ends(&mut screen, 0);
    let text = String::from_utf8_lossy(screen.bytes());
    assert!(
        !text.contains("]0;title\u{7}") && !text.contains('\u{9b}'),
        "{text:?}"
    );
}

#[test]
fn a_log_group_tells_how_far_it_is_read() {
    let logs = Logs::start(FakeLogs::builder());
    let start_ms = now_ms() - 120_000;
    let records = (0..20_i64).map(|number| {
        let time_ms = start_ms + number * 1_000;
        (
            time_ms,
            record("eni-1", "192.0.2.1", "ACCEPT", 100, time_ms),
        )
    });
    logs.put("/vpc/prod", "eni-1-all", records);
    let directory = tempfile::tempdir().unwrap();
    let command = told(
        &logs.command(&[]),
        directory.path(),
        &[
            "--follow",
            "logs:/vpc/prod",
            "--log-format",
            "default",
            "--poll",
            "100ms",
        ],
    );
    let Some(mut screen) = Screen::start(&command, SIZE) else {
        return;
    };
    screen.wait_for("20 records, 0 refused");
    screen.wait_for("complete to");
    screen.wait_for("1 stream");
    screen.wait_until("the ranking", |screen| {
        let line = screen.lines().find(|line| line.starts_with("1  192.0.2.1"));
        line.is_some_and(|line| line.contains("2.0 kB"))
    });
    screen.press("q");
    ends(&mut screen, 0);
}

/// The document shows the screen as it is once all was read; with
/// `UPDATE_DOCS=1` it is written anew.
#[test]
fn the_document_shows_the_screen() {
    let directory = tempfile::tempdir().unwrap();
    let mut generate = vpcflow();
    generate.args(["generate", "logs"]).current_dir(&directory);
    Outcome::of(&mut generate).success();
    let arguments = [
        &[
            "--follow",
            "logs",
            "--since",
            "2026-01-01",
            "--window",
            "2h",
        ][..],
        &[
            "--stat",
            "srcaddr/bytes",
            "--stat",
            "dstport,protocol/flows",
        ],
    ];
    let command = told(&vpcflow(), directory.path(), &arguments.concat());
    let Some(mut screen) = Screen::start(&command, SIZE) else {
        return;
    };
    screen.wait_for("100,000 records, 0 refused");
    screen.wait_for("20 files");
    // The last part of it that is drawn.
    screen.wait_until("rejected flows", |screen| {
        screen.lines().filter(|line| line.contains(" → ")).count() == 4
    });
    let path = workspace("docs/top.md");
    let document = fs::read_to_string(&path).unwrap();
    let (before, rest) = document.split_once(BEFORE_SCREEN).unwrap();
    let (shown, after) = rest.split_once("```\n").unwrap();
    let updates = env::var_os("UPDATE_DOCS").is_some();
    if !updates {
        // It may still be drawn.
        let expected = lasting(shown);
        screen.wait_until(&expected.join("\n"), |screen| lasting(screen) == expected);
    }
    let contents = screen.contents();
    screen.press("q");
    ends(&mut screen, 0);
    if updates {
        let lines: Vec<&str> = contents.lines().map(str::trim_end).collect();
        let text = lines.join("\n");
        fs::write(
            &path,
            format!("{before}{BEFORE_SCREEN}{text}\n```\n{after}"),
        )
        .unwrap();
    }
}

const BEFORE_SCREEN: &str = "<!-- screen -->\n```text\n";

/// The lines that do not depend on how fast the records came, and in which order.
fn lasting(screen: &str) -> Vec<String> {
    let lines = screen
        .lines()
        .take_while(|line| !line.starts_with("newest rejected"));
    lines
        .filter(|line| !line.starts_with("accepted "))
        .map(|line| line.trim_end().to_owned())
        .collect()
}

#[test]
fn without_a_terminal_there_is_nothing_to_draw_on() {
    let mut command = vpcflow();
    let outcome = Outcome::of(command.args(["top", "--follow", "."]));
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("draws on a terminal"),
        "{}",
        outcome.stderr
    );
}
