//! What shells and manuals are told of the command line.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::process::Command;

use vpcflow_tests::{Outcome, Place};

/// The words that bash offers after `line`, with the script of `completions`.
fn offered_by_bash(place: &Place, line: &str) -> Vec<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let script = format!(
        "source completions.bash\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_vpcflow vpcflow '{}' '{}'\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words
            .iter()
            .map(|word| format!("'{word}' "))
            .collect::<String>(),
        words.len() - 1,
        words.last().unwrap(),
        words[words.len() - 2],
    );
    let mut bash = Command::new("bash");
    bash.current_dir(place.path()).args(["-c", &script]);
    let outcome = Outcome::of(&mut bash).success();
    outcome.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_queries() {
    let place = Place::default();
    let script = place.run(&["completions", "bash"]).success().stdout;
    place.write("completions.bash", script);
    assert_eq!(offered_by_bash(&place, "vpcflow st"), ["status", "store"]);
    assert_eq!(
        offered_by_bash(&place, "vpcflow sql --mem"),
        ["--memory-limit"]
    );
    assert!(offered_by_bash(&place, "vpcflow query top-t").contains(&"top-talkers".to_owned()));
}

/// The scripts of the other shells are read by them, where they are.
#[test]
fn other_shells_read_their_scripts() {
    let place = Place::default();
    for (shell, name) in [("zsh", "_vpcflow"), ("fish", "vpcflow.fish")] {
        let script = place.run(&["completions", shell]).success().stdout;
        assert!(script.contains("memory-limit"));
        place.write(name, script);
        let mut check = Command::new(shell);
        check.current_dir(place.path()).args(["-n", name]);
        if let Ok(output) = check.output() {
            assert!(output.status.success(), "{shell}: {output:?}");
        }
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let place = Place::default();
    let page = place.run(&["man", "store", "check"]).success().stdout;
    assert!(page.contains("vpcflow\\-store\\-check"), "{page}");
    let page = place.run(&["man", "sql"]).success().stdout;
    for text in [
        ".SH NAME",
        ".SH OPTIONS",
        "\\-\\-memory\\-limit",
        "Who is refused most",
    ] {
        assert!(page.contains(text), "no `{text}` in\n{page}");
    }
    let _ = place.run(&["man", "--out", "man1"]).success();
    for name in ["vpcflow", "vpcflow-setup", "vpcflow-store-check"] {
        let text = fs::read_to_string(place.path().join(format!("man1/{name}.1"))).unwrap();
        assert!(text.contains(".TH"), "{name}");
    }
    // As its readers see it, where they have the program.
    let mut man = Command::new("man");
    man.current_dir(place.path()).env("MANWIDTH", "80");
    if let Ok(output) = man.args(["-l", "man1/vpcflow-sql.1"]).output() {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success() && text.contains("vpcflow-sql"),
            "{text}"
        );
    }
    place
        .run(&["man", "stroe"])
        .ends_with(2)
        .tells(&["`vpcflow` has no command `stroe`", "store"]);
}
