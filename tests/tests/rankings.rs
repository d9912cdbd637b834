//! `vpcflow top` as people see it: on terminals of several widths and kinds.

use std::process::Command;

use vpcflow_tests::{Outcome, on_a_terminal_of, vpcflow, workspace};

/// `top` over the shipped examples, on a terminal.
fn top(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = vpcflow();
    command
        .args(["top", "-q", "--from"])
        .arg(workspace("tests/cli/data/examples.log"))
        .args(arguments)
        .env("LANG", "C.UTF-8")
        .envs(environment.iter().copied());
    command
}

fn shown(columns: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Option<String> {
    let command = top(arguments, environment);
    Some(
        on_a_terminal_of(&command, Some((columns, 40)), "")?
            .success()
            .stdout,
    )
}

#[test]
fn lines_fit_the_terminal_and_say_more_the_wider_it_is() {
    let mut titles = 0;
    for columns in [40, 60, 80, 100, 140, 200] {
        let Some(text) = shown(columns, &["srcaddr,dstport"], &[]) else {
            return;
        };
        let widest = text.lines().map(|line| line.chars().count()).max();
        assert!(widest.unwrap() <= usize::from(columns), "{columns}\n{text}");
        let header = text.lines().find(|line| line.contains('#')).unwrap();
        let shown = header
            .split("  ")
            .filter(|title| !title.trim().is_empty())
            .count();
        assert!(shown >= titles, "{columns}\n{text}");
        titles = shown;
    }
    assert!(titles >= 11, "{titles}");
}

#[test]
fn a_terminal_gets_what_it_can_show() {
    let Some(text) = shown(140, &[], &[]) else {
        return;
    };
    assert!(text.contains('█') && text.contains('─'), "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    for environment in [
        &[("LANG", "C")][..],
        &[("LC_ALL", "POSIX")],
        &[("TERM", "dumb")],
        &[("LANG", "de_DE.ISO-8859-1")],
    ] {
        let text = shown(140, &[], environment).unwrap();
        assert!(text.is_ascii(), "{environment:?}\n{text}");
        assert!(text.contains("Total"), "{text}");
    }
    let text = shown(140, &[], &[("NO_COLOR", "")]).unwrap();
    assert!(
        text.contains("\u{1b}[1mTop 10 srcaddr by bytes"),
        "{text:?}"
    );
    let text = shown(140, &[], &[("NO_COLOR", ""), ("TERM", "dumb")]).unwrap();
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

#[test]
fn text_from_records_does_not_act_on_the_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("flows.log");
    let line = "2 1 eni-\u{1b}[2J 10.0.0.1 10.0.0.2 1 2 6 1 40 1418530010 1418530070 ACCEPT OK\n";
    std::fs::write(&log, line).unwrap();
    let mut command = vpcflow();
    command
        .args(["top", "interface_id", "-q", "--from"])
        .arg(&log)
        .env("LANG", "C.UTF-8");
    let Some(outcome) = on_a_terminal_of(&command, Some((80, 24)), "") else {
        return;
    };
    let text = outcome.success().stdout;
    assert!(text.contains(r"eni-\u{1b}[2J"), "{text:?}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

/// The columns that the document names, in every format.
#[test]
fn every_format_has_the_rows() {
    const COLUMNS: &str = "ranking,rank,srcaddr_16,protocol,flows,packets,bytes,share,\
        cumulative_share,bits_per_second,packets_per_second,first_seen,last_seen";
    let directory = tempfile::tempdir().unwrap();
    let stats = ["--stat", "srcaddr/16/bytes", "--stat", "protocol/flows"];
    for name in [
        "r.csv",
        "r.tsv",
        "r.json",
        "r.ndjson",
        "r.md",
        "r.txt",
        "r.parquet",
        "r.arrow",
    ] {
        let path = directory.path().join(name);
        let mut command = top(&stats, &[]);
        let outcome = Outcome::of(command.arg("--out").arg(&path)).success();
        assert_eq!(outcome.stdout, "");
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let is_named = |column: &str| text.contains(column);
        match name {
            "r.csv" => assert_eq!(text.lines().next(), Some(COLUMNS)),
            "r.txt" => assert!(text.contains("Top 10 protocol by flows"), "{text}"),
            _ => assert!(COLUMNS.split(',').all(is_named), "{name}"),
        }
    }
}
