//! `vpcflow sql` without a statement: a prompt, as somebody at a terminal has it.

use std::fs;
use std::process::Command;

use vpcflow_tests::{Outcome, Place, Screen, send_signal};

/// A log of two records in a place of its own.
fn place() -> Place {
    let place = Place::default();
    place.write_lines(
        "flows.log",
        &[
            "2 123456789012 eni-0a 10.0.0.1 10.0.0.2 40000 443 6 10 8400 1763800000 1763800060 ACCEPT OK",
            "2 123456789012 eni-0a 203.0.113.7 10.0.0.2 40001 22 6 1 40 1763800000 1763800060 REJECT OK",
        ],
    );
    place
}

/// The prompt over the log.
fn prompt(place: &Place) -> Command {
    let mut command = place.command(&["sql", "--from", "flows.log"]);
    command
        .env("TERM", "xterm-256color")
        .env("VPCFLOW_HISTORY", place.path().join("history"));
    command
}

fn start(command: &Command) -> Option<Screen> {
    let mut screen = Screen::start(command, (80, 24))?;
    wait_for_prompt(&mut screen);
    Some(screen)
}

/// Whether the last line of a screen is the prompt's, and blank.
fn is_asked(text: &str) -> bool {
    text.trim_end().ends_with("\nvpcflow>")
}

/// Waits for the end in order, with the terminal as it was.
#[track_caller]
fn ends(screen: &mut Screen) {
    let (is_given_back, text) = screen.finish();
    assert!(is_given_back && !text.contains("panicked at"), "{text}");
    assert_eq!(screen.status(), Some(0), "{text}");
}

/// Waits until it is asked for the next statement. What is typed before may be taken by
/// the terminal.
#[track_caller]
fn wait_for_prompt(screen: &mut Screen) {
    screen.wait_until("the prompt", is_asked);
}

/// What is on the screen, without the spaces at the ends of lines.
fn lines(screen: &Screen) -> String {
    let text = screen.contents();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n")
}

/// Types a line, and waits until it is asked for the next.
#[track_caller]
fn enter(screen: &mut Screen, line: &str) {
    screen.press(line);
    screen.wait_until("what was typed", |text| !is_asked(text));
    screen.press("\r");
    wait_for_prompt(screen);
}

#[test]
fn statements_of_several_lines_are_answered_and_remembered() {
    let place = place();
    let Some(mut screen) = start(&prompt(&place)) else {
        return;
    };
    screen.press("SELECT action, sum(bytes) AS total\r");
    screen.wait_for("     ->");
    screen.press("FROM flows GROUP BY 1 ORDER BY 1;\r");
    screen.wait_for("REJECT     40");
    screen.wait_for("2 records, 0 rejects");
    wait_for_prompt(&mut screen);
    screen.press("\\q\r");
    ends(&mut screen);

    let Some(mut screen) = start(&prompt(&place)) else {
        return;
    };
    // Up twice: before `\q`.
    screen.press("\x1b[A\x1b[A");
    screen.wait_for("GROUP BY 1 ORDER BY 1;");
    screen.press("\r");
    screen.wait_for("REJECT     40");
    wait_for_prompt(&mut screen);
    screen.press("\x04");
    ends(&mut screen);
}

#[test]
fn words_are_completed_with_tab() {
    let place = place();
    let Some(mut screen) = start(&prompt(&place)) else {
        return;
    };
    screen.press("SELECT dstp\t");
    screen.wait_for("SELECT dstport");
    screen.press(", srca\t FROM 'flo\t");
    screen.wait_for("FROM 'flows.log");
    screen.press("' WHERE action = 'R\t;\r");
    screen.wait_for("     22  203.0.113.7");
    wait_for_prompt(&mut screen);
    screen.press("SELECT src\t");
    // Two columns begin so: a menu tells them with their meanings.
    screen.wait_for("srcport");
    screen.wait_for("Source address");
    screen.press("\x03");
    wait_for_prompt(&mut screen);
    screen.press("\\query top-talk\t");
    screen.wait_for("top-talkers");
    screen.press("limit=1\r");
    screen.wait_for("10.0.0.1  10.0.0.2");
    wait_for_prompt(&mut screen);
    screen.press("\\q\r");
    ends(&mut screen);
}

#[test]
fn commands_describe_and_switch() {
    let place = place();
    let Some(mut screen) = start(&prompt(&place)) else {
        return;
    };
    enter(&mut screen, "\\d");
    assert!(lines(&screen).contains("flows_once"));
    enter(&mut screen, "\\timing off");
    assert!(lines(&screen).contains("timing is off"));
    enter(&mut screen, "\\format csv");
    enter(&mut screen, "\\set port 22");
    enter(
        &mut screen,
        "SELECT srcaddr FROM flows WHERE dstport = $port;",
    );
    assert!(lines(&screen).contains("srcaddr\n203.0.113.7\n"));
    enter(&mut screen, "\\o rows.parquet");
    enter(&mut screen, "SELECT * FROM flows;");
    enter(&mut screen, "\\wrong");
    assert!(lines(&screen).contains("there is no command `\\wrong`"));
    enter(&mut screen, "SELECT srcaddrr FROM flows;");
    assert!(lines(&screen).contains("did you mean `srcaddr`?"));
    // After all of that it goes on.
    enter(&mut screen, "SELECT count(*) AS n FROM flows;");
    assert!(lines(&screen).contains("n\n2\n"));
    assert!(!lines(&screen).contains("records/s"), "{}", lines(&screen));
    screen.press("\\q\r");
    ends(&mut screen);
    let parquet = fs::read(place.path().join("rows.parquet")).unwrap();
    assert!(parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"));
}

#[test]
fn ctrl_c_ends_the_statement_and_not_the_prompt() {
    let place = place();
    // A shell that tells which process it becomes.
    let prompt = prompt(&place);
    let mut command = Command::new("sh");
    let variables = prompt.get_envs();
    command
        .env_clear()
        .envs(variables.filter_map(|(name, value)| Some((name, value?))))
        .args(["-c", "echo $$ > process; exec \"$0\" \"$@\""])
        .arg(prompt.get_program())
        .args(prompt.get_args())
        .current_dir(place.path());
    let Some(mut screen) = start(&command) else {
        return;
    };
    screen.press("SELECT half of it");
    screen.wait_for("half of it");
    screen.press("\x03");
    wait_for_prompt(&mut screen);
    screen.press("SELECT count(*) FROM range(100000000000);\r");
    // It runs: this is how far it has come.
    screen.wait_for("0 B of 183 B");
    // As of the key, while the terminal is not the editor's.
    screen.press("\x03");
    screen.wait_for("error: interrupted");
    wait_for_prompt(&mut screen);
    enter(&mut screen, "SELECT 40 + 2 AS answer;");
    assert!(lines(&screen).contains("\n    42\n"), "{}", lines(&screen));
    let process = fs::read_to_string(place.path().join("process")).unwrap();
    send_signal(process.trim(), "TERM");
    ends(&mut screen);
}

#[test]
fn a_long_answer_goes_to_the_pager() {
    let place = place();
    let mut command = prompt(&place);
    command.env("VPCFLOW_PAGER", "sed 's/^/paged: /' | tail -n 2");
    let Some(mut screen) = start(&command) else {
        return;
    };
    enter(&mut screen, "SELECT * FROM range(1000);");
    assert!(lines(&screen).contains("\npaged:   998\npaged:   999\n"));
    enter(&mut screen, "SELECT * FROM range(3);");
    assert!(lines(&screen).contains("\n    0\n    1\n    2\n"));
    enter(&mut screen, "\\pager off");
    enter(&mut screen, "SELECT * FROM range(500);");
    assert!(lines(&screen).contains("\n  498\n  499\n"));
    screen.press("\\q\r");
    ends(&mut screen);
}

#[test]
fn colours_are_there_unless_unwanted() {
    let place = place();
    let coloured = |command: &Command| {
        let mut screen = start(command)?;
        screen.press("SELECT");
        screen.wait_for("vpcflow> SELECT");
        let mut rows = screen.terminal().rows(0, 80);
        let line = rows.position(|row| row.contains("> SELECT")).unwrap();
        let cell = screen
            .terminal()
            .cell(u16::try_from(line).unwrap(), 9)
            .unwrap();
        assert_eq!(cell.contents(), "S");
        Some(cell.fgcolor() != vt100::Color::Default)
    };
    let mut command = prompt(&place);
    assert_ne!(coloured(&command), Some(true), "NO_COLOR is set");
    command.env_remove("NO_COLOR");
    assert_ne!(coloured(&command), Some(false));
}

#[test]
fn without_a_terminal_statements_are_read_from_standard_input() {
    let place = place();
    place.write("statements.sql", "SELECT 1 AS one; SELECT 2 AS two;");
    let mut command = place.command(&["sql", "-q"]);
    let file = fs::File::open(place.path().join("statements.sql")).unwrap();
    let outcome = Outcome::of(command.stdin(file)).success();
    assert_eq!(outcome.stdout, "one\n1\ntwo\n2\n");
    let outcome = place.run(&["sql", "--from", "-"]);
    assert_eq!(outcome.status, 2);
    assert!(
        outcome.stderr.contains("no statement was given"),
        "{}",
        outcome.stderr
    );
}
