//! What the binary prints, to the letter: help, tables, errors, exit statuses.
//!
//! The cases are in `cli/*.md`; their files are in `cli/data`, where the commands
//! run. After a change that is meant, `TRYCMD=overwrite cargo test --test cli`
//! writes the cases anew: read the difference as a user would, and put `[..]`
//! for the time in the summaries of new commands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::json;
use vpcflow_tests::{Outcome, binary, on_a_terminal, vpcflow, workspace};

#[test]
fn what_is_printed() {
    env::set_current_dir(workspace("tests/cli/data")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    trycmd::TestCases::new()
        .register_bin("vpcflow", wrapper(directory.path()))
        .case(workspace("tests/cli/*.md"));
}

/// The binary in an environment of its own, which cases do not have.
fn wrapper(directory: &Path) -> PathBuf {
    let path = directory.join("vpcflow");
    let environment = "PATH=\"$PATH\" COLUMNS=100 NO_COLOR=1";
    let binary = binary();
    let script = format!(
        "#!/bin/sh\nexec env -i {environment} '{}' \"$@\"\n",
        binary.display()
    );
    fs::write(&path, script).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    path
}

/// Characters that mean something to a format. Not a case of the above, which
/// takes a backslash for a slash.
#[test]
fn what_a_format_has_to_quote() {
    let sql = r#"SELECT 'a,b' AS comma, 'say "x"' AS quote, 'a|b' AS pipe, chr(9) AS tab,
        chr(10) AS line, chr(27) AS escape, 'a\b' AS backslash"#;
    let print = |format: &str| {
        let mut command = vpcflow();
        command.args(["sql", sql, "-q", "-o", format]);
        Outcome::of(&mut command).success()
    };
    let expected = json!({
        "comma": "a,b", "quote": "say \"x\"", "pipe": "a|b", "tab": "\t",
        "line": "\n", "escape": "\u{1b}", "backslash": "a\\b",
    });
    let name = "comma,quote,pipe,tab,line,escape,backslash";
    assert_eq!(print("ndjson").rows(), [expected]);
    assert_eq!(
        print("csv").stdout,
        format!("{name}\n\"a,b\",\"say \"\"x\"\"\",a|b,\t,\"\n\",\u{1b},a\\b\n")
    );
    // In text for people, control characters are visible and act on nothing.
    let table = print("table").stdout;
    let cells: Vec<&str> = table.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(
        cells,
        [
            "a,b", "say", "\"x\"", "a|b", "\\t", "\\n", "\\u{1b}", "a\\b"
        ]
    );
    let markdown = print("markdown").stdout;
    assert!(markdown.contains("a\\|b"), "{markdown}");
}

#[test]
fn on_a_terminal_rows_are_a_table() {
    let log = workspace("tests/cli/data/examples.log");
    let sql = "SELECT action, count(*) AS records FROM flows GROUP BY 1 ORDER BY 1";
    let mut command = vpcflow();
    command.args(["sql", sql, "--from"]).arg(log);
    let Some(outcome) = on_a_terminal(&command, "") else {
        return;
    };
    let table = "\
action  records
──────  ───────
ACCEPT        3
REJECT        2
-             2
7 records, 0 rejects";
    let printed = outcome.success().stdout;
    assert!(printed.contains(table), "{printed}");
}
